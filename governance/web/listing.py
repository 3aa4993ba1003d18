"""The inventory as a table: filtered, sorted, and read in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from governance import risk
from governance.lifecycle import State, state_of
from governance.models import Authorisation, RiskAssessment, Status, StatusChange
from governance.risk import Standing
from registry.models import ModelVersion, RegisteredModel

SORTS = {
    "name": ("name", "slug"),
    "risk": ("score", "name"),
    "tier": ("tier", "name"),
    "owner": ("owner__last_name", "owner__first_name", "name"),
    "registered": ("registered_at", "name"),
}


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see of the inventory; empty means everything."""

    text: str = ""
    tier: int | None = None
    band: str = ""
    status: str = ""
    cell: tuple[int, int] | None = None
    sort: str = "name"


@dataclass(frozen=True)
class VersionLine:
    """A version and where it stands."""

    version: ModelVersion
    status: Status


@dataclass(frozen=True)
class Line:
    """One model of the inventory with what is known of it now."""

    model: RegisteredModel
    assessment: RiskAssessment | None
    standing: Standing
    versions: tuple[VersionLine, ...]
    authorised_until: datetime | None


def latest_assessments() -> QuerySet[RiskAssessment]:
    """The assessment that counts, of every model that has one."""
    return RiskAssessment.objects.order_by("model_id", "-sequence").distinct("model_id")


def latest_status() -> Subquery:
    """The latest status of a version, for `annotate(status=...)`."""
    latest = StatusChange.objects.filter(version=OuterRef("pk")).order_by("-sequence")
    return Subquery(latest.values("status")[:1])


def status_in(version: ModelVersion) -> Status:
    """The status that a query added as `status`; without moves it is development."""
    return Status(getattr(version, "status", None) or Status.DEVELOPMENT)


def _of_latest_assessment(name: str) -> Subquery:
    latest = RiskAssessment.objects.filter(model=OuterRef("pk")).order_by("-sequence")
    return Subquery(latest.values(name)[:1])


def wished(wish: Wish) -> QuerySet[RegisteredModel]:
    """The models that somebody asked for, in the order asked for."""
    found = RegisteredModel.objects.select_related("owner").annotate(
        score=_of_latest_assessment("score"),
        tier=_of_latest_assessment("tier"),
        band=_of_latest_assessment("band"),
        likelihood=_of_latest_assessment("likelihood"),
        impact=_of_latest_assessment("impact"),
    )
    if wish.text:
        found = found.filter(_matches(wish.text))
    if wish.tier is not None:
        found = found.filter(tier=wish.tier)
    if wish.band:
        found = found.filter(band=wish.band)
    if wish.cell is not None:
        found = found.filter(likelihood=wish.cell[0], impact=wish.cell[1])
    if wish.status:
        versions = ModelVersion.objects.annotate(status=latest_status())
        there = versions.filter(model=OuterRef("pk"), status=wish.status)
        found = found.filter(Exists(there))
    first, *rest = SORTS[wish.sort.removeprefix("-")]
    down = wish.sort.startswith("-")
    order = F(first).desc(nulls_last=True) if down else F(first).asc(nulls_last=True)
    return found.order_by(order, *rest, "pk")


def _matches(text: str) -> Q:
    places = ("name", "slug", "purpose", "ai_system", "owner__last_name")
    query = Q()
    for word in text.split():
        query &= Q(
            *((f"{place}__icontains", word) for place in places), _connector="OR"
        )
    return query


def lines(models: Iterable[RegisteredModel], *, at: datetime) -> list[Line]:
    """What is known of these models now, in a fixed number of queries."""
    rows = list(models)
    keys = [model.pk for model in rows]
    assessments = {a.model_id: a for a in latest_assessments().filter(model__in=keys)}
    versions: dict[UUID, list[VersionLine]] = defaultdict(list)
    rows_of = ModelVersion.objects.filter(model__in=keys)
    for version in rows_of.annotate(status=latest_status()):
        line = VersionLine(version, status_in(version))
        versions[version.model_id].append(line)
    until = _authorised_until(keys, at)
    standings = risk.standings(rows, at)
    return [
        Line(
            model=model,
            assessment=assessments.get(model.pk),
            standing=standings[model.pk],
            versions=tuple(versions[model.pk]),
            authorised_until=until.get(model.pk),
        )
        for model in rows
    ]


def _authorised_until(keys: list[UUID], at: datetime) -> dict[UUID, datetime]:
    found: dict[UUID, datetime] = {}
    in_force = (
        Authorisation.objects.filter(version__model__in=keys, valid_until__gt=at)
        .select_related("version")
        .prefetch_related("changes")
    )
    for authorisation in in_force:
        if state_of(authorisation) == State.ACTIVE:
            key = authorisation.version.model_id
            found[key] = max(found.get(key, at), authorisation.valid_until)
    return found
