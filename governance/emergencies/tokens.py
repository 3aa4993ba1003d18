"""Sealed emergency tokens, for when Freigabe itself is down (decisions.md 3.8, 9)."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from governance import permit, persons, records, roles, signatures
from governance.emergencies.confirming import give
from governance.emergencies.invoking import Call, store
from governance.emergencies.standing import require_possible
from governance.emergencies.statements import sign
from governance.emergencies.terms import Meaning, NotPossible, SameHand, longest
from governance.models import Emergency, EmergencyToken
from registry.digests import sha256_hex
from registry.models import Environment, ModelVersion, Role, User

LONGEST_SEAL = timedelta(days=7)
RECORD = "emergencytoken"


@dataclass(frozen=True)
class Sealed:
    """A token and its envelope, which is shown once and stored nowhere."""

    token: EmergencyToken
    envelope: str


@signatures.signed_act
def seal(
    *,
    version: ModelVersion,
    environment: Environment,
    reason: str,
    expires_at: datetime,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> Sealed:
    """Seal a token that lets a version run once, offline, for a week at most.

    It is a permit: `python -m audits.offline` checks it without Freigabe. Raises
    `NotAllowed`, `NotPossible`, `records.Refused`, `permit.NoKey`, `WrongPassword`.
    """
    roles.require(
        by, "seal emergency tokens", model=version.model, environment=environment
    )
    roles.require_person(by)
    digest = require_possible(version, environment, at)
    errors = {} if reason.strip() else {"reason": [_("Say what it is for.")]}
    if not at < expires_at <= at + LONGEST_SEAL:
        errors["expires_at"] = [_("A token is sealed for seven days at most.")]
    if errors:
        raise records.Refused(errors)
    row = EmergencyToken(
        id=uuid.uuid4(),
        version=version,
        environment=environment,
        artifact_sha256=digest,
        reason=reason.strip(),
        sealed_by=by,
        sealed_at=at,
        expires_at=expires_at,
    )
    envelope = _envelope(row)
    row.envelope_sha256 = sha256_hex(envelope.encode())
    row.save(force_insert=True)
    signatures.sign_record(
        record_type=RECORD,
        record_id=row.pk,
        subject_sha256=row.envelope_sha256,
        statement=_(
            "I, %(name)s, seal an emergency token for %(version)s in %(place)s until "
            "%(end)s, bound by the record %(digest)s."
        )
        % {
            "name": by.printed_name,
            "version": version,
            "place": environment.name,
            "end": expires_at.strftime("%Y-%m-%d %H:%M UTC"),
            "digest": row.envelope_sha256,
        },
        role=Role.RISK_MANAGER,
        meaning=Meaning.APPROVAL,
        proof=proof,
        by=by,
        at=at,
    )
    return Sealed(row, envelope)


def _envelope(row: EmergencyToken) -> str:
    version = row.version
    statement: dict[str, Any] = {
        "_type": permit.STATEMENT,
        "subject": [
            {
                "name": f"{version.model.slug}@{version.version}",
                "digest": {"sha256": row.artifact_sha256},
            }
        ],
        "predicateType": permit.PREDICATE,
        "predicate": {
            "decision": "allow",
            "decision_id": str(row.pk),
            "model": version.model.slug,
            "version": version.version,
            "version_sha256": version.sha256,
            "environment": row.environment.slug,
            "issued_at": row.sealed_at.isoformat(),
            "valid_from": row.sealed_at.isoformat(),
            "valid_until": row.expires_at.isoformat(),
            "issuer": settings.FREIGABE_INSTANCE_URL,
            "break_glass": {
                "sealed_token": str(row.pk),
                "uses": 1,
                "sealed_by": str(row.sealed_by_id),
                "reason": row.reason,
            },
        },
    }
    return permit.sign([statement], at=row.sealed_at)[0]


@signatures.signed_act
def reconcile(
    *,
    envelope: str,
    used_at: datetime,
    call: Call,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> Emergency:
    """Bring the use of a sealed token into the record, once.

    Whoever used it signs; the one who sealed it is the second person. What ran is
    recorded also when nobody should have let it run, and is reviewed as any emergency.
    Raises `NotAllowed`, `SameHand`, `NotPossible`, `records.Refused`, `WrongPassword`.
    """
    digest = sha256_hex(envelope.encode())
    token = (
        EmergencyToken.objects.select_for_update(of=("self",))
        .select_related("version__model__owner", "environment", "sealed_by")
        .filter(envelope_sha256=digest)
        .first()
    )
    if token is None:
        raise NotPossible(_("No such token was sealed here."))
    roles.require(
        by, "break the glass", model=token.version.model, environment=token.environment
    )
    roles.require_person(by)
    if persons.twin_among(by, [token.sealed_by], unknown_is_one=False):
        raise SameHand(_("Another person uses a token than the one who sealed it."))
    if Emergency.objects.filter(token=token).exists():
        raise NotPossible(_("This token was used already."))
    if (call.version, call.environment) != (token.version, token.environment):
        raise NotPossible(_("This token is for another version or environment."))
    if not token.sealed_at <= used_at < token.expires_at or used_at > at:
        raise records.Refused({"used_at": [_("The token did not hold then.")]})
    emergency = store(call, token.artifact_sha256, token, by, at)
    if not used_at < call.expected_end <= used_at + longest(emergency.tier):
        raise records.Refused(
            {"expected_end": [_("It ended within the time of its tier.")]}
        )
    sign(emergency, "break the glass", Meaning.RESPONSIBILITY, proof, by, at)
    give(emergency, start=used_at, confirmed_by=token.sealed_by, at=at)
    return emergency
