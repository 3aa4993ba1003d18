"""An emergency is extended once, by risk, or ended early."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import records, roles, signatures
from governance.emergencies.standing import lock, require_possible
from governance.emergencies.statements import sign
from governance.emergencies.terms import Meaning, NotPossible, ends_at, longest, waits
from governance.models import Emergency, EmergencyEnd, EmergencyExtension
from registry.acts import act
from registry.models import User


@signatures.signed_act
def extend(
    *,
    emergency: Emergency,
    until: datetime,
    reason: str,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> EmergencyExtension:
    """Extend once, by the time of the tier at most; risk does.

    Raises `NotAllowed`, `NotPossible`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    locked = lock(emergency)
    roles.require(
        by,
        "extend an emergency",
        model=locked.version.model,
        environment=locked.environment,
    )
    roles.require_person(by)
    if not hasattr(locked, "authorisation") or at >= ends_at(locked.authorisation):
        raise NotPossible(_("This emergency does not run."))
    if hasattr(locked, "extension"):
        raise NotPossible(_("An emergency is extended once."))
    require_possible(locked.version, locked.environment, at)
    last = locked.authorisation.valid_until
    errors = {} if reason.strip() else {"reason": [_("Say why it is extended.")]}
    if not last < until <= last + longest(locked.tier):
        errors["until"] = [
            _("It is extended by %(hours)s hours at most.")
            % {"hours": int(longest(locked.tier).total_seconds() // 3600)}
        ]
    if errors:
        raise records.Refused(errors)
    row = EmergencyExtension(
        emergency=locked,
        valid_until=until,
        reason=reason,
        extended_by=by,
        extended_at=at,
    )
    records.insert(row, {"__all__": [_("An emergency is extended once.")]})
    sign(locked, "extend the emergency", Meaning.REVIEW, proof, by, at, comment=reason)
    return row


@act
def end(*, emergency: Emergency, reason: str, by: User, at: datetime) -> EmergencyEnd:
    """End an emergency early. Raises `NotAllowed`, `NotPossible`, `Refused`."""
    locked = lock(emergency)
    roles.require(
        by,
        "end an emergency",
        model=locked.version.model,
        environment=locked.environment,
    )
    roles.require_person(by)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why it ends.")]})
    runs = hasattr(locked, "authorisation") and at < ends_at(locked.authorisation)
    if hasattr(locked, "ending") or not (runs or waits(locked, at)):
        raise NotPossible(_("This emergency is over."))
    return EmergencyEnd.objects.create(
        emergency=locked, reason=reason, ended_by=by, ended_at=at
    )
