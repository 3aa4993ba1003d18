"""Which rules need not hold now: waivers as they are read at the gate."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    """A waiver, and when it ends."""

    waiver: Waiver
    ends_at: datetime

    def state(self, at: datetime) -> str:
        """`requested`, `refused`, `granted` (later), `active`, `ended` or `revoked`."""
        waiver = self.waiver
        if not hasattr(waiver, "decision"):
            return "requested" if at < waiver.valid_until else "ended"
        if not waiver.decision.granted:
            return "refused"
        if hasattr(waiver, "revocation") and waiver.revocation.revoked_at <= at:
            return "revoked"
        if at >= self.ends_at:
            return "ended"
        return "active" if waiver.valid_from <= at else "granted"


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


def active_by(
    models: Iterable[RegisteredModel],
    at: datetime,
    known: Mapping[UUID, risk.Standing] | None = None,
) -> dict[UUID, list[Ending]]:
    """The active waivers of many models by their ids, in a few queries.

    Granted, not revoked and not ended, at the tiers that bind at the moment: by
    `known`, the risk of these models then, where it was read already.
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
    found: dict[UUID, list[Ending]] = defaultdict(list)
    for row in endings(rows, at, known):
        if at < row.ends_at:
            found[row.waiver.model_id].append(row)
    return found


def endings(
    rows: Iterable[Waiver],
    at: datetime,
    known: Mapping[UUID, risk.Standing] | None = None,
) -> list[Ending]:
    """Many waivers with their ends, in their order, in a few queries."""
    found = list(rows)
    if known is None:
        models = {row.model_id: row.model for row in found}
        known = risk.standings(models.values(), at)
    return [Ending(row, end_in_tier(row, known[row.model_id].tier)) for row in found]


def ends_at(waiver: Waiver, at: datetime) -> datetime:
    """When a waiver ends: as granted, or sooner where the model's tier has risen."""
    return end_in_tier(waiver, tier_of(waiver.model, at))


def end_in_tier(waiver: Waiver, tier: int) -> datetime:
    """When a waiver ends while this tier binds."""
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


def listed() -> QuerySet[Waiver]:
    """Waivers with what a line of a list shows: how they stand, and about what."""
    return Waiver.objects.select_related(
        "model", "version__model", "environment", "decision", "revocation"
    ).only(
        *("rules", "tier", "valid_from", "valid_until"),
        *("model__name", "version__version", "version__model__name"),
        *("environment__name", "decision__granted", "revocation__revoked_at"),
    )


def state_of(waiver: Waiver, at: datetime) -> str:
    """How a waiver stands, see `Ending.state`."""
    return Ending(waiver, ends_at(waiver, at)).state(at)
