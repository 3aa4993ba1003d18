"""What a dossier says of exceptions: findings, waivers, emergencies, incidents."""

from dataclasses import dataclass
from datetime import date, datetime

from governance.dossier.verdicts import Signed


@dataclass(frozen=True)
class Step:
    """One step of a finding."""

    state: str
    text: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True)
class FindingFacts:
    """A finding as it stood at the moment of the dossier."""

    id: str
    title: str
    text: str
    severity: str
    state: str
    is_open: bool
    overdue: bool
    owner: str
    due_on: date
    version: str
    raised_by: str
    raised_at: datetime
    steps: tuple[Step, ...]
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class WaiverFacts:
    """A waiver that was asked for, and what became of it."""

    id: str
    kind: str
    rules: tuple[str, ...]
    version: str
    environment: str
    outcome: str
    active: bool
    reason: str
    risk_statement: str
    compensating_controls: str
    plan_to_close: str
    requested_by: str
    valid_from: datetime
    valid_until: datetime
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class EmergencyFacts:
    """A use under break-glass, and its review."""

    id: str
    environment: str
    reason_code: str
    incident: str
    reason: str
    compensating_controls: str
    invoked_by: str
    invoked_at: datetime
    confirmed_by: str
    valid_until: datetime | None
    review: str
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class Exceptions:
    """All of them, the oldest first."""

    findings: tuple[FindingFacts, ...]
    waivers: tuple[WaiverFacts, ...]
    emergencies: tuple[EmergencyFacts, ...]

    @property
    def any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.findings or self.waivers or self.emergencies)
