"""Going back to an earlier version: offered, asked for, and decided by the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from django.utils.translation import gettext as _

from governance import gate, reconciliation, roles
from governance.gate import Question
from governance.models import GateDecision, Rollback
from governance.policy import Check
from governance.records import Refused, require_printable
from registry.acts import act
from registry.models import Environment, ModelVersion, RegisteredModel, User

MOST = 5


class CannotRollBack(Exception):
    """Nothing runs there that could be replaced, or the version never could."""


@dataclass(frozen=True)
class Candidate:
    """An earlier version that was permitted there, and what the gate would say now."""

    version: ModelVersion
    permitted_at: datetime
    checks: Sequence[Check]

    @property
    def allowed(self) -> bool:
        """Whether the gate would say yes."""
        return not any(check.blocks for check in self.checks)


def current(
    model: RegisteredModel, environment: Environment, *, at: datetime
) -> ModelVersion | None:
    """The version that runs, by the newest word of it; else the last permitted one."""
    rows = [
        one
        for one in reconciliation.running_of(model, environment, at=at)
        if one.state != reconciliation.State.VANISHED
    ]
    if rows:
        return max(rows, key=lambda one: one.since).version
    last = GateDecision.objects.filter(
        allowed=True, version__model=model, environment=environment
    ).order_by("-decided_at")
    found = last.select_related("version__model").first()
    return found.version if found else None


def candidates(
    *,
    model: RegisteredModel,
    environment: Environment,
    instead_of: ModelVersion,
    by: User,
    at: datetime,
) -> list[Candidate]:
    """The earlier versions that were permitted there, the one permitted last first.

    Each with every check of the gate as it stands now; nothing is recorded. Raises
    `NotAllowed`.
    """
    rows = ModelVersion.objects.filter(
        model=model,
        registered_at__lt=instead_of.registered_at,
        gate_decisions__allowed=True,
        gate_decisions__environment=environment,
    ).exclude(pk=instead_of.pk)
    rows = rows.select_related("model").annotate(
        permitted_at=Max("gate_decisions__decided_at")
    )
    found = []
    for version in rows.order_by("-permitted_at", "-registered_at")[:MOST]:
        question = _question(version, environment)
        _case, checks = gate.examine(question, by=by, at=at)
        found.append(Candidate(version, version.permitted_at, checks))
    return found


@act
def roll_back(
    *, to: ModelVersion, environment: Environment, reason: str, by: User, at: datetime
) -> Rollback:
    """Ask the gate for an earlier version, and record that it is a way back.

    It needs a permit as any other: what was superseded, suspended or has expired is
    denied, with the next step. Raises `NotAllowed`, `Refused`, `CannotRollBack`.
    """
    roles.require(by, "ask the gate", model=to.model, environment=environment)
    require_printable({"reason": reason.replace("\n", " ").replace("\r", " ")})
    if not reason.strip():
        raise Refused({"reason": [_("Say why you go back.")]})
    now = current(to.model, environment, at=at)
    if now is None or now == to:
        raise CannotRollBack(_("No other version runs there that could be replaced."))
    earlier = GateDecision.objects.filter(
        allowed=True, version=to, environment=environment
    )
    if to.registered_at >= now.registered_at or not earlier.exists():
        raise CannotRollBack(
            _("Only an earlier version that was permitted there is a way back.")
        )
    decision = gate.decide(question=_question(to, environment), by=by, at=at)
    return Rollback.objects.create(
        decision=decision,
        from_version=now,
        reason=reason.strip(),
        asked_by=by,
        asked_at=at,
    )


def _question(version: ModelVersion, environment: Environment) -> Question:
    return Question(
        environment=environment.slug,
        model=version.model.slug,
        version=version.version,
    )
