"""Where one model or version stood on a past day, as the portfolio then tells it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Model

from governance import portfolio
from governance.models import Authorisation, Status
from governance.portfolio import DayForm, Moment, Wish
from governance.web.listing import Line, latest_status, lines, status_in
from registry.models import ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Then:
    """A model on a past day; `line` is None where it was not registered yet.

    `told` is False where the log that knew its record lies in an archive.
    """

    moment: Moment
    told: bool = True
    line: Line | None = None
    permits: Sequence[Authorisation] = ()


@dataclass(frozen=True)
class VersionThen:
    """A version on a past day; `status` is None where it was not registered yet."""

    moment: Moment
    status: Status | None = None
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
    return Then(
        moment,
        line=lines(found.rows, moment=moment)[0],
        permits=_permits(moment, version__model=model),
    )


def of_version(version: ModelVersion, form: DayForm) -> VersionThen | None:
    """The same of a version."""
    at = form.at()
    if at is None:
        return None
    moment = Moment(at, past=True)
    rows = ModelVersion.objects.filter(pk=version.pk, registered_at__lte=at)
    row = rows.annotate(status=latest_status(moment)).first()
    if row is None:
        return VersionThen(moment)
    return VersionThen(moment, status_in(row), _permits(moment, version=version))


def _permits(moment: Moment, **of: Model) -> list[Authorisation]:
    rows = portfolio.permits_in_force(moment).filter(**of)
    return list(
        rows.select_related("version", "environment").order_by("valid_until", "pk")
    )
