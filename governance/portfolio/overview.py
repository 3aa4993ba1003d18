"""The figures of the first page: what there is, how it stands, what is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from governance.models import RiskMatrix
from governance.portfolio.asking import Moment
from governance.portfolio.figures import Figures, figures, running
from governance.portfolio.judging import NotTold
from governance.portfolio.matters import (
    EndingWaiver,
    ending_waivers,
    expiring,
    findings_by_age,
    overdue_findings,
)
from governance.portfolio.remembering import again
from governance.portfolio.standing import statuses


@dataclass(frozen=True)
class Overview:
    """All of it, counted at one moment, or up to a minute ago and still so.

    `figures` are None where nothing tells them: the log of that time has left, or no
    matrix is in force. `ending` are the first of the waivers that end within 30 days.
    How many models are `running` is told of this moment only.
    """

    figures: Figures | None
    statuses: Mapping[str, int]
    permits: int
    findings: Mapping[tuple[str, str], int]
    findings_overdue: int
    waivers: int
    ending: Sequence[EndingWaiver]
    running: int | None


def overview(moment: Moment, *, waivers: int) -> Overview:
    """Count everything that the first page shows; `waivers` of those that end."""
    return again(("overview", waivers), partial(_counted, moment, waivers), moment)


def _counted(moment: Moment, most: int) -> Overview:
    count, ending = _ending(moment, most)
    return Overview(
        figures=_figures(moment),
        statuses=statuses(moment),
        permits=expiring(moment).count(),
        findings=findings_by_age(moment),
        findings_overdue=overdue_findings(moment).count(),
        waivers=count,
        ending=ending,
        running=None if moment.past else running(moment),
    )


def _figures(moment: Moment) -> Figures | None:
    try:
        return figures(moment)
    except (NotTold, RiskMatrix.DoesNotExist):
        return None


def _ending(moment: Moment, most: int) -> tuple[int, Sequence[EndingWaiver]]:
    try:
        return ending_waivers(moment, most=most)
    except NotTold:
        return 0, []
