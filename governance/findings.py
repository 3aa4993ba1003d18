"""Findings: raised, planned, resolved, verified by somebody else, or accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from governance.models import Finding, FindingChange, Severity
from registry.models import ModelVersion, RegisteredModel, User

State = FindingChange.State
SEVERITIES = tuple(Severity)


@dataclass(frozen=True)
class Standing:
    """A finding as it stands at a moment."""

    finding: Finding
    state: FindingChange.State
    severity: Severity
    owner: User
    due_on: date
    accepted_until: datetime | None
    changes: tuple[FindingChange, ...]
    at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it still counts: not closed, and no risk acceptance covers it now."""
        return self.state not in (State.CLOSED, State.ACCEPTED)

    @property
    def overdue(self) -> bool:
        """Whether it is open after its due date (in UTC)."""
        return self.is_open and self.due_on < self.at.date()

    @property
    def has_plan(self) -> bool:
        """Whether a plan was proposed since it was raised or reopened."""
        return self.state in (State.PLANNED, State.PLAN_ACCEPTED, State.RESOLVED)


def standing(finding: Finding, at: datetime) -> Standing:
    """How a finding stands. A risk acceptance that has ended leaves it open again."""
    changes = sorted(finding.changes.all(), key=lambda change: change.sequence)
    latest = changes[-1]
    state = State(latest.state)
    until = latest.accepted_until
    if state == State.ACCEPTED and (until is None or until <= at):
        state = State.OPEN
    return Standing(
        finding=finding,
        state=state,
        severity=Severity(latest.severity),
        owner=latest.owner,
        due_on=latest.due_on,
        accepted_until=until,
        changes=tuple(changes),
        at=at,
    )


def open_of(about: RegisteredModel | ModelVersion, at: datetime) -> list[Standing]:
    """The findings that count now, the worst first.

    Of a model: all. Of a version: its own, and those about the whole model.
    """
    return [row for row in all_of(about, at) if row.is_open]


def all_of(about: RegisteredModel | ModelVersion, at: datetime) -> list[Standing]:
    """All findings about a model or a version, the worst first."""
    rows = Finding.objects.prefetch_related("changes__owner", "changes__changed_by")
    if isinstance(about, RegisteredModel):
        rows = rows.filter(model=about)
    else:
        rows = rows.filter(model=about.model_id, version=None) | rows.filter(
            version=about
        )
    return worst_first([standing(row, at) for row in rows])


def worst_first(found: Sequence[Standing]) -> list[Standing]:
    """By severity, then by due date."""
    return sorted(found, key=lambda row: (SEVERITIES.index(row.severity), row.due_on))
