"""The signed list of permits that do not count although they have not expired."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from governance import permit
from governance.issued.standing import VALID, states_of
from governance.models import (
    EmergencyToken,
    GateDecision,
    KeyCompromise,
    PermitRevocation,
    RevocationList,
)
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import User

PAYLOAD_TYPE = "application/vnd.freigabe.revoked+json"
LOCK = 0x4652_4549_0007


@act
def revoked_list(*, by: User, at: datetime) -> RevocationList:
    """The list as it is now, signed, with a number that only rises.

    The last one is given again while it says the same and half of its time is left.
    Raises `permit.NoKey`.
    """
    revoked = sorted(_revoked(at))
    digest = sha256_of_json(revoked)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    last = RevocationList.objects.order_by("-sequence").first()
    lasts = timedelta(hours=settings.FREIGABE_REVOCATION_HOURS)
    if last is not None and _good(last, digest, at, lasts):
        return last
    # Seconds since 1970 at least: after an older backup was restored it still rises.
    sequence = max(int(at.timestamp()), last.sequence + 1 if last else 1)
    payload: dict[str, Any] = {
        "issuer": settings.FREIGABE_INSTANCE_URL,
        "sequence": sequence,
        "issued_at": at.isoformat(),
        "valid_until": (at + lasts).isoformat(),
        "revoked": revoked,
    }
    envelope = permit.sign([payload], at=at, payload_type=PAYLOAD_TYPE)[0]
    return RevocationList.objects.create(
        sequence=sequence,
        envelope=envelope,
        revoked_sha256=digest,
        key_id=json.loads(envelope)["signatures"][0]["keyid"],
        issued_at=at,
        valid_until=at + lasts,
    )


def _good(last: RevocationList, digest: str, at: datetime, lasts: timedelta) -> bool:
    key = permit.id_of(permit.gate_key().public)
    return (
        last.revoked_sha256 == digest
        and last.key_id == key
        and last.issued_at <= at <= last.valid_until - lasts / 2
        and not KeyCompromise.objects.filter(key_id=key).exists()
    )


def _revoked(at: datetime) -> Iterable[str]:
    """The ids of unexpired permits that do not count, and of tokens that are void."""
    rows = GateDecision.objects.filter(allowed=True, expires_at__gt=at).select_related(
        "authorisation__version",
        "authorisation__environment",
        "authorisation__request",
        "emergency__emergency",
    )
    rows = rows.prefetch_related("authorisation__changes")
    states = states_of(rows.defer("checks", "vsa", "svr"), at=at)
    yield from (str(pk) for pk, state in states.items() if state not in VALID)
    tokens = EmergencyToken.objects.filter(expires_at__gt=at)
    taken_back = set(PermitRevocation.objects.values_list("permit_id", flat=True))
    for token in tokens.select_related("use"):
        # It lets a version run once: a use that was recorded uses it up.
        if token.pk in taken_back or hasattr(token, "use"):
            yield str(token.pk)
