"""What an emergency overrides at the gate, and what nothing ever overrides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext as _

from governance.case import Case
from governance.emergencies.standing import revoked, told
from governance.emergencies.terms import ends_at
from governance.models import Emergency, EmergencyAuthorisation, Status
from governance.policy import Check, NoPolicy, Rule
from registry.models import RegisteredModel

CHECK = "break-glass"
# What the missing approval consists of; digest, log, key and law are not among it.
_APPROVAL = frozenset({"gate-status", "gate-authorisation", "gate-unchanged"})
_SIGNED = frozenset({"signature_event", "approval"})


def in_force(case: Case) -> EmergencyAuthorisation | None:
    """The emergency that lets this version run here now, if any.

    Everything is read anew at every question: its end, its review, the file, the
    environment's permission, and whether the file was revoked meanwhile.
    """
    if case.around.none("emergencies"):
        return None
    begun = EmergencyAuthorisation.objects.filter(
        emergency__version=case.version,
        emergency__environment=case.environment,
        valid_from__lte=case.at,
    )
    keys = list(begun.values_list("emergency", flat=True))
    if not keys:  # as nearly always: all that is told of one takes ten joins
        return None
    rows = told().filter(pk__in=keys)
    return next((row.authorisation for row in rows if _holds(row, case)), None)


def _holds(emergency: Emergency, case: Case) -> bool:
    authorisation = emergency.authorisation
    stored = case.artifact.sha256 if case.artifact else None
    classes = RegisteredModel.AIActClass
    return (
        runs(authorisation, at=case.at)
        and authorisation.artifact_sha256 == stored
        and case.environment.emergency_allowed
        and case.version.model.ai_act_class != classes.PROHIBITED
        and case.status not in (Status.RETIRED, Status.REJECTED)
        and not revoked(authorisation.artifact_sha256)
    )


def stands(authorisation: EmergencyAuthorisation, *, at: datetime) -> bool:
    """Whether a permit that rests on it still counts: it runs, and nothing forbids."""
    emergency = told().get(pk=authorisation.emergency_id)
    return _holds(emergency, Case(emergency.version, emergency.environment, at))


def runs(authorisation: EmergencyAuthorisation, *, at: datetime) -> bool:
    """Whether its time has begun and has not ended."""
    return authorisation.valid_from <= at < ends_at(authorisation)


def overridden(case: Case, checks: Sequence[Check]) -> list[Check]:
    """The checks as an emergency leaves them; unchanged without one, or without need.

    A failing check is overridden only when it is the missing approval itself, or a
    rule that may be waived. Everything else still denies (decisions.md 3.8, 1).
    """
    if not any(check.blocks for check in checks):
        return list(checks)
    found = in_force(case)
    if found is None:
        return list(checks)
    allowed = _APPROVAL | _overridable(case)
    return [
        _loud(found),
        *(
            _overridden(check)
            if check.blocks and check.requirement in allowed
            else check
            for check in checks
        ),
    ]


def relied_on(checks: Sequence[Check]) -> bool:
    """Whether these checks pass only because the glass was broken."""
    return any(check.requirement == CHECK for check in checks)


def in_permit(authorisation: EmergencyAuthorisation) -> dict[str, str]:
    """What a permit says loudly about the emergency that it rests on."""
    emergency = authorisation.emergency
    return {
        "emergency_id": str(emergency.pk),
        "incident": emergency.incident,
        "reason_code": str(emergency.reason_code),
        "reason": emergency.reason,
        "compensating_controls": emergency.compensating_controls,
        "invoked_by": str(emergency.invoked_by_id),
        "confirmed_by": str(authorisation.confirmed_by_id or ""),
        "ends_at": ends_at(authorisation).isoformat(),
    }


def _overridable(case: Case) -> frozenset[str]:
    try:
        rules = [rule for found in case.packs for rule in found.pack.rules]
    except NoPolicy:
        return frozenset()
    by_id: dict[str, list[Rule]] = {}
    for rule in rules:
        by_id.setdefault(rule.id, []).append(rule)
    return frozenset(
        name for name, found in by_id.items() if all(_may_be(rule) for rule in found)
    )


def _may_be(rule: Rule) -> bool:
    """Waivable, or the signatures that an emergency stands in for."""
    types = {item["type"] for item in rule.evidence}
    return rule.may_be_waived or types <= _SIGNED


def _loud(authorisation: EmergencyAuthorisation) -> Check:
    emergency = authorisation.emergency
    return Check(
        CHECK,
        _("BREAK-GLASS: it runs without its approval"),
        passed=False,
        severity="warn",
        observed=_("%(incident)s, by %(name)s, until %(end)s")
        % {
            "incident": emergency.incident,
            "name": emergency.invoked_by.printed_name,
            "end": ends_at(authorisation).strftime("%Y-%m-%d %H:%M UTC"),
        },
        because=emergency.reason,
        next_step=_("Keep to the compensating controls: %(controls)s")
        % {"controls": emergency.compensating_controls},
    )


def _overridden(check: Check) -> Check:
    if not check.blocks:
        return check
    return replace(
        check,
        severity="warn",
        observed=_("%(observed)s (overridden by break-glass)")
        % {"observed": check.observed},
    )
