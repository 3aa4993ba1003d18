"""Which rules need not hold now: waivers as they are read at the gate."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from governance import risk
from governance.models import Waiver
from governance.models.waivers import MOST_DAYS
from registry.models import Environment, ModelVersion, RegisteredModel

Kind = Waiver.Kind


@dataclass(frozen=True)
class Ending:
    """An active waiver, and when it ends."""

    waiver: Waiver
    ends_at: datetime


def rules_waived(
    version: ModelVersion, environment: Environment, at: datetime
) -> dict[str, Waiver]:
    """The active waiver of each waived rule, by the rule's id.

    Of several the one that ends last. Its end is `ends_at`, decided here at every
    reading and never by a job (decisions.md 3.7).
    """
    found = active_by([version.model], at)
    rows = found.get(version.model_id, ())
    return of_rules(concerning(rows, version, environment))


def concerning(
    rows: Iterable[Ending], version: ModelVersion, environment: Environment
) -> list[Ending]:
    """Those that are about a version and an environment, or about all."""
    return [
        row
        for row in rows
        if row.waiver.version_id in (None, version.pk)
        and row.waiver.environment_id in (None, environment.pk)
    ]


def of_rules(rows: Iterable[Ending]) -> dict[str, Waiver]:
    """The waiver of each rule; of several the one that ends last."""
    return {
        rule: row.waiver
        for row in sorted(rows, key=lambda row: (row.ends_at, row.waiver.pk))
        for rule in row.waiver.rules
    }


def pre_validation_use(
    version: ModelVersion, environment: Environment, at: datetime
) -> Waiver | None:
    """The waiver that allows use before validation now, if any (SR 26-2; 90 days)."""
    found = rules_waived(version, environment, at).values()
    return next((row for row in found if row.kind == Kind.PRE_VALIDATION_USE), None)


def active_by(
    models: Iterable[RegisteredModel], at: datetime
) -> dict[UUID, list[Ending]]:
    """The active waivers of many models by their ids, in a few queries.

    Granted, not revoked and not ended, at the tiers that bind at the moment.
    """
    rows = list(
        Waiver.objects.filter(
            Q(revocation=None) | Q(revocation__revoked_at__gt=at),
            model__in={model.pk: model for model in models},
            decision__granted=True,
            decision__decided_at__lte=at,
            valid_from__lte=at,
            valid_until__gt=at,
        ).select_related("decision", "requested_by", "model", "version", "environment")
    )
    tiers = risk.standings({row.model_id: row.model for row in rows}.values(), at)
    found: dict[UUID, list[Ending]] = defaultdict(list)
    for row in rows:
        ends = _end(row, tiers[row.model_id].tier)
        if at < ends:
            found[row.model_id].append(Ending(row, ends))
    return found


def ends_at(waiver: Waiver, at: datetime) -> datetime:
    """When a waiver ends: as granted, or sooner where the model's tier has risen."""
    return _end(waiver, tier_of(waiver.model, at))


def _end(waiver: Waiver, tier: int) -> datetime:
    longest = timedelta(days=MOST_DAYS[min(waiver.tier, tier)])
    return min(waiver.valid_until, waiver.valid_from + longest)


def tier_of(model: RegisteredModel, at: datetime) -> int:
    """The tier that binds at a moment; without an assessment the strictest."""
    return risk.standing_of(model, at).tier


def told() -> QuerySet[Waiver]:
    """Waivers with all that is looked at."""
    return Waiver.objects.select_related(
        "model__owner",
        "version__model",
        "environment",
        "requested_by",
        "decision__decided_by",
        "revocation__revoked_by",
        "renewal",
    )


def state_of(waiver: Waiver, at: datetime) -> str:
    """`requested`, `refused`, `granted` (later), `active`, `ended` or `revoked`."""
    if not hasattr(waiver, "decision"):
        return "requested" if at < waiver.valid_until else "ended"
    if not waiver.decision.granted:
        return "refused"
    if hasattr(waiver, "revocation") and waiver.revocation.revoked_at <= at:
        return "revoked"
    if at >= ends_at(waiver, at):
        return "ended"
    return "active" if waiver.valid_from <= at else "granted"


def active_per_unit(at: datetime) -> dict[str, int]:
    """How many active waivers each unit lives with (the model owner's unit)."""
    found: dict[str, int] = {}
    for row in told().filter(decision__granted=True, valid_until__gt=at):
        if state_of(row, at) == "active":
            unit = row.model.owner.unit
            found[unit] = found.get(unit, 0) + 1
    return dict(sorted(found.items()))


def ending_soon(at: datetime, *, within: timedelta) -> list[Waiver]:
    """Active waivers that end within a time, the next first."""
    rows = told().filter(decision__granted=True, valid_until__gt=at)
    soon = [
        row
        for row in rows
        if state_of(row, at) == "active" and ends_at(row, at) <= at + within
    ]
    return sorted(soon, key=lambda row: ends_at(row, at))
