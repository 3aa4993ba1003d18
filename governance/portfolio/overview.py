"""The first page's figures: what rests on the tier of every model is asked together."""

from datetime import datetime
from uuid import UUID

from governance import matrices
from governance.portfolio.asking import Moment
from governance.portfolio.figures import CUBE, Figures, counted, cube_values
from governance.portfolio.judging import ask_together, tables
from governance.portfolio.listing import SOON
from governance.portfolio.matters import ACTIVE, ENDING, EndingWaiver, active_values


def overview(
    moment: Moment, *, most: int
) -> tuple[Figures, tuple[int, list[EndingWaiver]]]:
    """What `figures` and `ending_waivers` say; every model is judged once for both.

    Raises `judging.NotTold`, `RiskMatrix.DoesNotExist`.
    """
    shown = matrices.current(at=moment.at)
    values = cube_values(moment, shown) | active_values(moment, SOON) | {"limit": most}
    asked = {"cube": CUBE, "ending": ENDING}
    found = ask_together(f"{tables(moment)},\n{ACTIVE}", asked, values)
    ending = [
        EndingWaiver(UUID(row["id"]), datetime.fromisoformat(row["ends_at"]))
        for row in found["ending"]
    ]
    total = found["ending"][0]["total"] if ending else 0
    return counted(found["cube"], shown), (total, ending)
