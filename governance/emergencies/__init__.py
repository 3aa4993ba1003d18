"""Break-glass: a version runs for hours although the gate denies (decisions.md 3.8)."""

from governance.emergencies.confirming import confirm, require_confirmer
from governance.emergencies.ending import end, extend
from governance.emergencies.invoking import Call, invoke
from governance.emergencies.overriding import (
    in_force,
    in_permit,
    overridden,
    relied_on,
    runs,
    stands,
)
from governance.emergencies.reviewing import (
    Judgement,
    require_reviewer,
    review,
    statistics,
)
from governance.emergencies.standing import require_possible, standing_in, told
from governance.emergencies.statements import statement
from governance.emergencies.terms import (
    NotPossible,
    SameHand,
    ends_at,
    involved,
    overdue_of,
    review_due_at,
    review_overdue,
    state_of,
    waits,
)
from governance.emergencies.tokens import Sealed, reconcile, seal

__all__ = [
    "Call",
    "Judgement",
    "NotPossible",
    "SameHand",
    "Sealed",
    "confirm",
    "end",
    "ends_at",
    "extend",
    "in_force",
    "in_permit",
    "invoke",
    "involved",
    "overdue_of",
    "overridden",
    "reconcile",
    "relied_on",
    "require_confirmer",
    "require_possible",
    "require_reviewer",
    "review",
    "review_due_at",
    "review_overdue",
    "runs",
    "seal",
    "standing_in",
    "stands",
    "state_of",
    "statement",
    "statistics",
    "told",
    "waits",
]
