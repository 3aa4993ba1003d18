"""The inventory as a table: its rows with all that stands in them."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Subquery
from django.db.models.expressions import OuterRef

from governance import portfolio, risk
from governance.models import Status, StatusChange
from governance.portfolio import Moment
from registry.models import ModelVersion, RegisteredModel, User

_log = logging.getLogger(__name__)
# What the table shows of a record; of a past day as it was then.
_RECORDED = ("name", "purpose", "ai_system", "ai_act_class", "jurisdictions", "vendor")


@dataclass(frozen=True)
class Rated:
    """A cell of the matrix as the table writes it."""

    band: str
    score: int


@dataclass(frozen=True)
class VersionLine:
    """A version and where it stands."""

    version: ModelVersion
    status: Status


@dataclass(frozen=True)
class Line:
    """One model of the inventory with what is known of it at the moment shown.

    `tier` is None without an assessment. `untold`: a text of the past record was too
    long for the log, so that today's stands in its place.
    """

    model: RegisteredModel
    owner: User
    risk: Rated | None
    residual: Rated | None
    tier: int | None
    computed_tier: int
    review_due_on: date | None
    overdue: bool
    versions: tuple[VersionLine, ...]
    authorised_until: datetime | None
    untold: bool = False


def latest_status(moment: Moment | None = None) -> Subquery:
    """The latest status of a version, for `annotate(status=...)`."""
    latest = StatusChange.objects.filter(version=OuterRef("pk")).order_by("-sequence")
    if moment and moment.past:
        latest = latest.filter(moved_at__lte=moment.at)
    return Subquery(latest.values("status")[:1])


def status_in(version: ModelVersion) -> Status:
    """The status that a query added as `status`; without moves it is development."""
    return Status(getattr(version, "status", None) or Status.DEVELOPMENT)


def lines(rows: Sequence[Mapping[str, Any]], *, moment: Moment) -> list[Line]:
    """Rows of `portfolio.stretch` as the table shows them, in a few queries."""
    keys = [row["id"] for row in rows]
    models = RegisteredModel.objects.in_bulk(keys)
    owners = User.objects.in_bulk({row["owner_id"] for row in rows})
    versions = _versions(keys, moment)
    until = _authorised_until(keys, moment)
    judged = {} if moment.past else risk.standings(models.values(), moment.at)
    return [
        _line(
            row,
            _as_it_was(models[row["id"]], row) if moment.past else models[row["id"]],
            owners[row["owner_id"]],
            moment=moment,
            versions=tuple(versions[row["id"]]),
            authorised_until=until.get(row["id"]),
            tiers=_tiers(row, judged.get(row["id"])),
        )
        for row in rows
    ]


def _line(
    row: Mapping[str, Any],
    model: RegisteredModel,
    owner: User,
    *,
    moment: Moment,
    tiers: tuple[int, int],
    **known: Any,
) -> Line:
    due = row["review_due_on"]
    tier, computed = tiers
    return Line(
        model=model,
        owner=owner,
        risk=_rated(row["band"], row["score"]),
        residual=_rated(row["residual_band"], row["residual_score"]),
        tier=tier if row["assessment_id"] else None,
        computed_tier=computed,
        review_due_on=due,
        overdue=due is not None and due < moment.day,
        untold=row["untold"],
        **known,
    )


def _rated(band: str | None, score: int | None) -> Rated | None:
    return Rated(band, score) if band and score is not None else None


def _tiers(row: Mapping[str, Any], standing: risk.Standing | None) -> tuple[int, int]:
    """The tier and the computed one, as the judge says; a difference is a fault."""
    counted = (row["tier"], row["computed_tier"])
    if standing is None:
        return counted
    judged = (standing.tier, standing.computed_tier)
    if judged != counted:
        _log.error(
            "The tiers of %s are %s, and %s in the portfolio's query.",
            row["slug"],
            judged,
            counted,
        )
    return judged


def _as_it_was(model: RegisteredModel, row: Mapping[str, Any]) -> RegisteredModel:
    for name in _RECORDED:
        setattr(model, name, row[name])
    return model


def _versions(keys: Iterable[UUID], moment: Moment) -> dict[UUID, list[VersionLine]]:
    rows = ModelVersion.objects.filter(model__in=keys).only("model", "version")
    if moment.past:
        rows = rows.filter(registered_at__lte=moment.at)
    found: dict[UUID, list[VersionLine]] = defaultdict(list)
    for version in rows.annotate(status=latest_status(moment)):
        line = VersionLine(version, status_in(version))
        found[version.model_id].append(line)
    return found


def _authorised_until(keys: Iterable[UUID], moment: Moment) -> dict[UUID, datetime]:
    found: dict[UUID, datetime] = {}
    rows = portfolio.permits_in_force(moment).filter(version__model__in=keys)
    for key, until in rows.values_list("version__model_id", "valid_until"):
        found[key] = max(found.get(key, until), until)
    return found
