"""An identity token: verified, and what it says (OpenID Connect Core 1.0, 3.1.3.7)."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from django.utils.translation import gettext as _

from governance.identities.keys import ALGORITHMS, Key
from registry.digests import sha256_hex

LONGEST = 16_000  # signs
LEEWAY = timedelta(seconds=10)  # between the provider's clock and ours
_MOST_METHODS = 10


class NotProven(Exception):
    """The identity provider's answer proves nothing here; the text says why."""


@dataclass(frozen=True)
class Claims:
    """Who the provider says it is, and how and when they showed it."""

    subject: str
    authenticated_at: datetime | None
    acr: str
    amr: tuple[str, ...]
    sid: str
    key_id: str
    token_sha256: str


def key_id(token: str) -> str:
    """The key that a token names; nothing else of its header is believed.

    Raises `NotProven`.
    """
    if len(token) > LONGEST:
        raise NotProven(_("The identity token is too large."))
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise NotProven(_("The identity token cannot be read.")) from error
    if header.get("alg") not in ALGORITHMS or "crit" in header or "b64" in header:
        raise NotProven(
            _("Identity tokens are signed with RS256, PS256 or ES256, nothing else.")
        )
    return _text(header, "kid", 200)


def read(token: str, key: Key | None, *, nonce: str, at: datetime) -> Claims:
    """Verify signature, issuer, audience, nonce and times, and take the rest.

    A token for several audiences is refused: any of them could bring it here. Raises
    `NotProven`.
    """
    claims = _verified(token, key)
    if claims.get("iss") != settings.FREIGABE_SSO_ISSUER:
        raise NotProven(_("The identity token is of another issuer."))
    client = settings.FREIGABE_SSO_CLIENT_ID
    if claims.get("aud") not in (client, [client]):
        raise NotProven(_("The identity token is for somebody else."))
    if claims.get("azp", client) != client:
        raise NotProven(_("The identity token is for somebody else."))
    if not nonce or claims.get("nonce") != nonce:
        raise NotProven(_("The identity token answers another question."))
    issued, ends = _moment(claims, "iat"), _moment(claims, "exp")
    if not issued - LEEWAY <= at < ends + LEEWAY or issued >= ends:
        raise NotProven(_("The identity token is not valid now. Compare the clocks."))
    return Claims(
        subject=_text(claims, "sub", 255),
        authenticated_at=_moment(claims, "auth_time")
        if "auth_time" in claims
        else None,
        acr=_text(claims, "acr", 100) if "acr" in claims else "",
        amr=_methods(claims),
        sid=_text(claims, "sid", 200) if "sid" in claims else "",
        key_id=key_id(token),
        token_sha256=sha256_hex(token.encode()),
    )


def require_fresh(
    claims: Claims, *, asked_at: datetime, after: datetime | None, at: datetime
) -> datetime:
    """When the person was asked: since `asked_at`, and later than `after`.

    A provider that ignores `max_age` gives the time of an earlier log-in, or none.
    Raises `NotProven`.
    """
    shown = claims.authenticated_at
    if shown is None:
        raise NotProven(
            _("The identity provider does not say when it asked you (auth_time).")
        )
    if shown < asked_at.replace(microsecond=0) - LEEWAY or shown > at + LEEWAY:
        raise NotProven(_("The identity provider did not ask you again (auth_time)."))
    if after is not None and shown <= after:
        raise NotProven(_("The identity provider did not ask you again (auth_time)."))
    return shown


def require_strong(claims: Claims) -> None:
    """Refuse an answer below what the operator demands. Raises `NotProven`."""
    classes, methods = settings.FREIGABE_SSO_ACR_VALUES, settings.FREIGABE_SSO_AMR
    if classes and claims.acr not in classes:
        raise NotProven(
            _("You were asked in the class %(acr)s, not in one of: %(wanted)s.")
            % {"acr": claims.acr or "-", "wanted": ", ".join(classes)}
        )
    missing = sorted(set(methods) - set(claims.amr))
    if missing:
        raise NotProven(
            _("The identity provider did not ask for: %(missing)s.")
            % {"missing": ", ".join(missing)}
        )


def _verified(token: str, key: Key | None) -> Mapping[str, Any]:
    key_id(token)
    algorithm = jwt.get_unverified_header(token)["alg"]
    if key is None or algorithm not in key.algorithms:
        raise NotProven(_("The identity provider has no such key."))
    try:
        payload = jwt.PyJWS().decode(token, key.material, algorithms=[algorithm])
        claims = json.loads(payload)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise NotProven(_("The signature of the identity token is wrong.")) from error
    if not isinstance(claims, dict):
        raise NotProven(_("The identity token cannot be read."))
    return claims


def _methods(claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = claims.get("amr", [])
    if not isinstance(found, list) or len(found) > _MOST_METHODS:
        raise NotProven(
            _("The identity token has no usable %(name)s.") % {"name": "amr"}
        )
    return tuple(_text({"amr": one}, "amr", 40) for one in found)


def _text(part: Mapping[str, Any], name: str, longest: int) -> str:
    value = part.get(name)
    usable = isinstance(value, str) and 1 <= len(value) <= longest
    if not isinstance(value, str) or not usable or not value.isprintable():
        raise NotProven(
            _("The identity token has no usable %(name)s.") % {"name": name}
        )
    return value


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    """A NumericDate (RFC 7519, 2): a number, never text."""
    value = claims.get(name)
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError
        if not math.isfinite(value):
            raise ValueError
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotProven(
            _("The identity token has no usable %(name)s.") % {"name": name}
        ) from error
