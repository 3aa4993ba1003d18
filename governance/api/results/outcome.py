"""An answer of the gate or of readiness, read once for every format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

OWN = "gate"  # what the gate checks itself, above every pack


@dataclass(frozen=True)
class Outcome:
    """Verdict and checks; `decision_id` is empty where nothing was decided."""

    verdict: str
    allowed: bool
    decision_id: str
    model: str
    version: str
    environment: str
    at: str
    checks: Sequence[Mapping[str, Any]]


def read(data: Mapping[str, Any]) -> Outcome:
    """The answer out of the body that JSON would show."""
    decided = "decision" in data
    allowed = data["decision"] == "allow" if decided else bool(data["ready"])
    words = ("ALLOW", "DENY") if decided else (_("READY"), _("NOT READY"))
    at = data["decided_at"] if decided else data["examined_at"]
    return Outcome(
        verdict=words[0] if allowed else words[1],
        allowed=allowed,
        decision_id=str(data.get("decision_id") or ""),
        model=data.get("model") or "",
        version=data.get("version") or "",
        environment=data.get("environment") or "",
        at=at.strftime("%Y-%m-%dT%H:%M:%S"),
        checks=data["checks"],
    )


def state(check: Mapping[str, Any]) -> str:
    """One of `pass`, `waived`, `warn` and `fail`; what nobody knows fails."""
    if check["passed"] is True:
        return "waived" if check.get("waiver") else "pass"
    return "warn" if check.get("severity") == "warn" else "fail"


def pack(check: Mapping[str, Any]) -> str:
    """Who asks for it: a pack with its version, or the gate itself."""
    return check.get("pack") or OWN
