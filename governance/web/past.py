"""Where one model stood on a past day, as the portfolio of that day tells it."""

from collections.abc import Sequence
from dataclasses import dataclass

from governance import portfolio
from governance.models import Authorisation
from governance.portfolio import DayForm, Moment, Wish
from governance.web.listing import Line, lines
from registry.models import RegisteredModel


@dataclass(frozen=True)
class Then:
    """A model on a past day; `line` is None where it was not registered yet.

    `told` is False where the log that knew its record lies in an archive.
    """

    moment: Moment
    told: bool = True
    line: Line | None = None
    permits: Sequence[Authorisation] = ()


def of_model(model: RegisteredModel, form: DayForm) -> Then | None:
    """Where it stood at the end of the day that was asked for; None for today."""
    at = form.at()
    if at is None:
        return None
    moment = Moment(at, past=True)
    try:
        found = portfolio.stretch(Wish(slug=model.slug), moment, size=1)
    except portfolio.NotTold:
        return Then(moment, told=False)
    if not found.rows:
        return Then(moment)
    permits = portfolio.permits_in_force(moment).filter(version__model=model)
    return Then(
        moment,
        line=lines(found.rows, moment=moment)[0],
        permits=list(
            permits.select_related("version", "environment").order_by(
                "valid_until", "pk"
            )
        ),
    )
