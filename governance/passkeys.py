"""A passkey as an electronic signature: asked for one intent, verified once.

W3C Web Authentication Level 3, 7.2, with user verification: the key is one component,
the finger or PIN that unlocks it the other (21 CFR 11.200(a)(1)).
"""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from governance import enrolment
from governance.models import PasskeyAnswer, SigningChallenge
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import User

LIFE = timedelta(minutes=5)
Json = dict[str, Any]


class NotVerified(Exception):
    """The passkey's answer proves nothing; the text says why."""


class NoPasskey(Exception):
    """The person has no passkey that may sign."""


def intent(*, address: str, fields: Any) -> str:
    """SHA-256 of what is to be signed: where it is sent, and every field of it."""
    return sha256_of_json({"address": address, "fields": fields})


def of(user: User) -> dict[bytes, AttestedCredentialData]:
    """The passkeys that may sign for the user, by credential id.

    Those from before the last reset of credentials may not.
    """
    rows = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    since = enrolment.trusted_since(user)
    if since is not None:
        rows = rows.filter(created_at__gt=since)
    found = [row.wrap().authenticator_data.credential_data for row in rows]
    return {data.credential_id: data for data in found if data is not None}


@act
def ask(
    *, session_sha256: str, intent_sha256: str, host: str, by: User, at: datetime
) -> Json:
    """A challenge for this intent, in this session, for `LIFE`.

    What `navigator.credentials.get` takes, as JSON. Raises `NoPasskey`.
    """
    known = of(by)
    if not known:
        raise NoPasskey(
            _("You have no passkey that may sign. Add one on the account page.")
        )
    row = SigningChallenge.objects.create(
        user=by,
        session_sha256=session_sha256,
        intent_sha256=intent_sha256,
        nonce=secrets.token_hex(32),
        host=host,
        made_at=at,
    )
    options, _state = _server(host).authenticate_begin(
        list(known.values()), UserVerificationRequirement.REQUIRED, _challenge(row)
    )
    return {"challenge": str(row.pk), **json.loads(json.dumps(dict(options)))}


def verify(
    *,
    user: User,
    assertion: str,
    session_sha256: str,
    intent_sha256: str,
    at: datetime,
) -> PasskeyAnswer:
    """Verify the answer to the newest challenge for this intent, and use it up.

    Raises `NotVerified` when there is none, it is older than `LIFE` or used, or the
    answer is by another key, for another site, without user verification, or by a key
    whose counter went back (W3C Web Authentication Level 3, 6.1.1: a copied key).
    """
    challenge = _waiting(user, session_sha256, intent_sha256, at)
    answer, raw = _parse(assertion)
    key = of(user).get(answer.raw_id)
    if key is None:
        raise NotVerified(_("This passkey may not sign for you."))
    state = {
        "challenge": websafe_encode(_challenge(challenge)),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
    try:
        _server(challenge.host).authenticate_complete(state, [key], answer)
    except (ValueError, InvalidSignature) as error:
        raise NotVerified(
            _("The passkey's answer does not fit what is to be signed.")
        ) from error
    count = answer.response.authenticator_data.counter
    _require_forward(websafe_encode(key.credential_id), count)
    row = PasskeyAnswer(
        challenge=challenge,
        credential_id=websafe_encode(key.credential_id),
        public_key=websafe_encode(bytes(key)),
        authenticator_data=raw["authenticatorData"],
        client_data=raw["clientDataJSON"],
        signature=raw["signature"],
        sign_count=count,
        verified_at=at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise NotVerified(_("This passkey's answer was used already.")) from error
    return row


def _waiting(
    user: User, session_sha256: str, intent_sha256: str, at: datetime
) -> SigningChallenge:
    rows = SigningChallenge.objects.filter(
        user=user, session_sha256=session_sha256, intent_sha256=intent_sha256
    )
    row = rows.order_by("-made_at").first()
    if row is None:
        raise NotVerified(
            _("No passkey was asked for this. Somewhere a field was changed since.")
        )
    if PasskeyAnswer.objects.filter(challenge=row).exists():
        raise NotVerified(_("This passkey's answer was used already."))
    if not row.made_at <= at < row.made_at + LIFE:
        raise NotVerified(_("The passkey was asked too long ago. Sign again."))
    return row


def _parse(assertion: str) -> tuple[AuthenticationResponse, dict[str, str]]:
    """The answer, and its texts as they came."""
    try:
        document = json.loads(assertion)
        answer = AuthenticationResponse.from_dict(document)
        raw = {
            name: str(document["response"][name])
            for name in ("authenticatorData", "clientDataJSON", "signature")
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotVerified(_("This is no answer of a passkey.")) from error
    return answer, raw


def _challenge(row: SigningChallenge) -> bytes:
    """What the passkey signs: it cannot answer for another person, log-in or intent."""
    return bytes.fromhex(
        sha256_of_json(
            {
                "id": str(row.pk),
                "nonce": row.nonce,
                "user": str(row.user_id),
                "session": row.session_sha256,
                "intent": row.intent_sha256,
            }
        )
    )


def _require_forward(credential_id: str, count: int) -> None:
    """Refuse a counter that does not rise; passkeys that count nothing say 0."""
    last = (
        PasskeyAnswer.objects.filter(credential_id=credential_id)
        .order_by("-verified_at", "-sign_count")
        .first()
    )
    if last is not None and (count or last.sign_count) and count <= last.sign_count:
        raise NotVerified(_("This passkey was copied: its counter went back."))


def _server(host: str) -> Fido2Server:
    """What verifies: for this host alone, and only over HTTPS where that is on."""
    schemes = ("https",) if settings.HTTPS else ("https", "http")

    def ours(origin: str) -> bool:
        parts = urlsplit(origin)
        return parts.scheme in schemes and parts.hostname == host

    return Fido2Server(
        PublicKeyCredentialRpEntity(id=host, name="Freigabe"), verify_origin=ours
    )
