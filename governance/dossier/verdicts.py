"""What a dossier says of decisions: checks, signatures, authorisations, the gate."""

from dataclasses import dataclass
from datetime import date, datetime

from governance.policy import Check


@dataclass(frozen=True)
class Citation:
    """A source of a rule, and whether it is law today."""

    ref: str
    status: str
    status_label: str
    applies_from: date | None = None
    checked_on: date | None = None


@dataclass(frozen=True)
class Ruling:
    """A check, with the rule's text and sources where a pack states it."""

    check: Check
    text: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class PackUsed:
    """A policy pack that judged: its name, the digest of its text, who is spared."""

    name: str
    sha256: str
    early_adoption: bool = False
    replaced_by: str = ""
    replaced_from: datetime | None = None


@dataclass(frozen=True)
class Evaluation:
    """What the gate would answer for one environment at the moment of the dossier."""

    environment: str
    slug: str
    allowed: bool
    valid_until: datetime | None
    authorisation_state: str
    tier: int | None
    packs: tuple[PackUsed, ...]
    rulings: tuple[Ruling, ...]

    @property
    def failing(self) -> tuple[Ruling, ...]:
        """The checks that alone are reason to deny."""
        return tuple(item for item in self.rulings if item.check.blocks)

    @property
    def pack(self) -> str:
        """The packs that judged, in words."""
        return ", ".join(pack.name for pack in self.packs)

    @property
    def met(self) -> int:
        """How many checks are met."""
        return sum(item.check.passed for item in self.rulings)


@dataclass(frozen=True)
class Signed:
    """A signature as printed (21 CFR 11.50) and bound to its record (11.70)."""

    id: str
    printed_name: str
    role: str
    line: int | None
    meaning: str
    method: str
    signed_at: datetime
    statement: str
    comment: str
    record_sha256: str
    holds: bool


@dataclass(frozen=True)
class Conditional:
    """A condition of an approval, and what was reported about it last."""

    id: str
    text: str
    kind: str
    stated_by: str
    stated_at: datetime
    reported: str
    reported_at: datetime | None
    holds: bool | None


@dataclass(frozen=True)
class Answered:
    """An answer to a challenge."""

    text: str
    responded_by: str
    responded_at: datetime


@dataclass(frozen=True)
class Challenged:
    """A challenge (SR 26-2), its answers, and what its challenger made of them."""

    id: str
    question: str
    expertise: str
    independence: str
    authority: str
    raised_by: str
    raised_at: datetime
    responses: tuple[Answered, ...]
    outcome: str
    outcome_reason: str
    disposed_by: str
    disposed_at: datetime | None


@dataclass(frozen=True)
class Dissented:
    """A dissent, and the signed override where somebody went on in spite of it."""

    id: str
    reason: str
    dissented_by: str
    dissented_at: datetime
    override_reason: str
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class Declared:
    """A declaration that counts: what it says, about what, and who vouches for it.

    `fields` are titles and words for readers; `values` names, what is stored, words.
    """

    id: str
    kind: str
    title: str
    about: str
    fields: tuple[tuple[str, str], ...]
    valid_until: date | None
    record_sha256: str
    attachment_sha256: str
    signatures: tuple[Signed, ...]
    values: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Overridden:
    """What was reported of how often people overrode the results, from 0 to 1."""

    id: str
    about: str
    period_until: date
    rate: float
    reason: str
    adjustments: str
    declared_by: str
    declared_at: datetime


@dataclass(frozen=True)
class Approval:
    """An approval request with its signatures."""

    id: str
    environment: str
    slug: str
    requested_by: str
    requested_at: datetime
    comment: str
    pack: str
    tier: int
    subject_sha256: str
    attachment: str
    outcome: str
    signatures: tuple[Signed, ...]
    failed_attempts: int
    conditions: tuple[Conditional, ...]
    challenges: tuple[Challenged, ...]
    dissents: tuple[Dissented, ...]


@dataclass(frozen=True)
class Authorised:
    """An authorisation, and what became of it."""

    id: str
    environment: str
    artifact_sha256: str
    valid_from: datetime
    valid_until: datetime
    state: str
    changes: tuple[tuple[str, str, str, datetime], ...]


@dataclass(frozen=True)
class Deployed:
    """A deployment, as reported."""

    id: str
    environment: str
    artifact_sha256: str
    authorised: bool
    because: str
    decision_id: str
    source: str
    reported_by: str
    reported_at: datetime


@dataclass(frozen=True)
class Denial:
    """One denial of the gate, with the checks that failed."""

    id: str
    environment: str
    decided_for: str
    decided_at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class GateHistory:
    """How the gate answered, by environment: allowed and denied, and the denials."""

    counts: tuple[tuple[str, int, int], ...]
    denials: tuple[Denial, ...]
    denials_left_out: int
