"""Breaking the glass: who calls, and what the call must say."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from governance import records, roles, signatures
from governance.emergencies.confirming import give
from governance.emergencies.standing import require_possible, standing_in
from governance.emergencies.statements import sign
from governance.emergencies.terms import (
    SECOND_PERSON_TIERS,
    Meaning,
    NotPossible,
    longest,
    subject,
)
from governance.models import Emergency, EmergencyToken
from governance.waived import tier_of
from registry.models import Environment, ModelVersion, RegisteredModel, User


@dataclass(frozen=True)
class Call:
    """What somebody says when breaking the glass."""

    version: ModelVersion
    environment: Environment
    reason_code: Emergency.ReasonCode
    incident: str
    reason: str
    compensating_controls: str
    expected_end: datetime


@signatures.signed_act
def invoke(*, call: Call, proof: signatures.Proof, by: User, at: datetime) -> Emergency:
    """Break the glass; for tiers 1 and 2 it counts when a second person confirms it.

    Raises `NotAllowed`, `NotPossible`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    version = call.version
    roles.require(
        by, "break the glass", model=version.model, environment=call.environment
    )
    roles.require_person(by)
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    digest = require_possible(version, call.environment, at)
    _require_terms(call, tier_of(model, at), at)
    if standing_in(version, call.environment, at):
        raise NotPossible(_("The glass is broken here already."))
    emergency = store(call, digest, None, by, at)
    sign(emergency, "break the glass", Meaning.RESPONSIBILITY, proof, by, at)
    if emergency.tier not in SECOND_PERSON_TIERS:
        give(emergency, start=at, confirmed_by=None, at=at)
    return emergency


def _require_terms(call: Call, tier: int, at: datetime) -> None:
    errors = {
        name: [_("This field is needed.")]
        for name in ("incident", "reason", "compensating_controls")
        if not getattr(call, name).strip()
    }
    if not at < call.expected_end <= at + longest(tier):
        errors["expected_end"] = [
            _("An emergency of tier %(tier)s lasts %(hours)s hours at most, from now.")
            % {"tier": tier, "hours": int(longest(tier).total_seconds() // 3600)}
        ]
    if errors:
        raise records.Refused(errors)
    records.require_printable({"incident": call.incident})


def store(
    call: Call, digest: str, token: EmergencyToken | None, by: User, at: datetime
) -> Emergency:
    """Insert the emergency with the digest of all that it says."""
    row = Emergency(
        version=call.version,
        environment=call.environment,
        artifact_sha256=digest,
        tier=tier_of(call.version.model, at),
        reason_code=call.reason_code,
        incident=call.incident.strip(),
        reason=call.reason.strip(),
        compensating_controls=call.compensating_controls.strip(),
        expected_end=call.expected_end,
        token=token,
        invoked_by=by,
        invoked_at=at,
    )
    row.subject_sha256 = subject(row)
    records.insert(row, {"token": [_("This token was used already.")]})
    return row
