"""What a dossier says of risk: matrix, assessments, and the tier that binds."""

from dataclasses import dataclass
from datetime import date, datetime

from governance.dossier.verdicts import Signed


@dataclass(frozen=True)
class Matrix:
    """A published risk matrix; `cells[likelihood - 1][impact - 1]` is (score, band)."""

    name: str
    sha256: str
    likelihood: tuple[str, ...]
    impact: tuple[str, ...]
    cells: tuple[tuple[tuple[int, str], ...], ...]


@dataclass(frozen=True)
class Scenario:
    """What could happen, with its place on the matrix."""

    title: str
    likelihood: int
    impact: int
    score: int
    band_label: str
    reason: str


@dataclass(frozen=True)
class TierDecided:
    """The second line's word on the tier; `tier` is None where it took one back."""

    id: str
    kind: str
    tier: int | None
    computed_tier: int
    reason: str
    decided_by: str
    decided_at: datetime
    signatures: tuple[Signed, ...]


@dataclass(frozen=True)
class Assessment:
    """One risk assessment; the first in the list counts."""

    id: str
    likelihood: int
    impact: int
    score: int
    band: str
    band_label: str
    residual_likelihood: int | None
    residual_impact: int | None
    residual_score: int | None
    residual_band_label: str
    tier: int
    floor: str
    exposure: str
    purpose_class: str
    complexity: str
    rationale: str
    mitigations: str
    matrix: str
    assessed_by: str
    assessed_at: datetime
    review_due_on: date
    scenarios: tuple[Scenario, ...]
    decisions: tuple[TierDecided, ...]


@dataclass(frozen=True)
class Standing:
    """The tier that bound at the moment, the computed one, and why it falls due."""

    tier: int
    computed_tier: int
    floor: str
    feeds_tier_1: bool
    overridden: bool
    reduced: bool
    lapsed: bool
    due: tuple[str, ...]
