"""What a dossier says of a version in use: incidents, reviews, changes, vendors."""

from dataclasses import dataclass
from datetime import date, datetime

from governance.dossier.verdicts import Signed


@dataclass(frozen=True)
class IncidentFacts:
    """An incident, its clock, and how far it had come."""

    id: str
    kind: str
    title: str
    text: str
    version: str
    environment: str
    aware_at: datetime
    report_due_at: datetime | None
    reported_to: str
    reference: str
    sent_at: datetime | None
    overdue: bool
    root_cause: str
    corrective_action: str
    closed_by: str
    closed_at: datetime | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Reviewed:
    """A periodic review or a revalidation of the model."""

    id: str
    kind: str
    outcome: str
    text: str
    next_due_on: date
    reviewed_by: str
    reviewed_at: datetime
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class Limit:
    """Within what a measurement must stay for a change to be a minor one."""

    kind: str
    label: str
    group: str
    at_least: float | None
    at_most: float | None


@dataclass(frozen=True)
class PlanFacts:
    """A change plan of the version: what may change later, within which limits."""

    id: str
    changes: str
    protocol: str
    impact: str
    limits: tuple[Limit, ...]
    most_changes: int
    valid_until: datetime
    subject_sha256: str
    filed_by: str
    filed_at: datetime
    ended: str
    used_by: tuple[str, ...]
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class ChangeFacts:
    """That this version is a minor change inside a plan, as its makers say."""

    plan_id: str
    plan_of: str
    changed: str
    reason: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Triggered:
    """A cause for which Freigabe looked again, and what it did."""

    id: str
    kind: str
    effect: str
    text: str
    seen_at: datetime


@dataclass(frozen=True)
class RolledBack:
    """Somebody asked for an earlier version in place of one that ran."""

    from_version: str
    to_version: str
    environment: str
    allowed: bool
    reason: str
    asked_by: str
    asked_at: datetime


@dataclass(frozen=True)
class Retired:
    """That the version goes out of use for good."""

    reason: str
    successor: str
    retain_until: date
    asked_by: str
    asked_at: datetime
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class VendorTold:
    """What a vendor announced about the model."""

    id: str
    text: str
    support_ends_on: date | None
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Fed:
    """A model that feeds this one, or that this one feeds."""

    model: str
    slug: str
    downstream: bool
    tier: int
    dataset: str
    note: str
    declared_by: str
    declared_at: datetime


@dataclass(frozen=True)
class Life:
    """All of it, the oldest first."""

    incidents: tuple[IncidentFacts, ...]
    reviews: tuple[Reviewed, ...]
    plans: tuple[PlanFacts, ...]
    change: ChangeFacts | None
    triggers: tuple[Triggered, ...]
    rollbacks: tuple[RolledBack, ...]
    retirement: Retired | None
    vendor_notices: tuple[VendorTold, ...]
    feeds: tuple[Fed, ...]

    @property
    def any_change(self) -> bool:
        """Whether there is anything to tell of changes."""
        return bool(
            self.plans
            or self.change
            or self.triggers
            or self.rollbacks
            or self.retirement
        )
