"""A token as it came (JSON Web Token, RFC 7519; RFC 8725 for what to refuse)."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from django.utils.translation import gettext as _

from governance.access import InvalidToken
from governance.identities.keys import ALGORITHMS, Key

LONGEST = 8000  # signs
LEEWAY = timedelta(seconds=30)
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Presented:
    """What a token says about itself: nothing of it is true before `verify`."""

    text: str
    algorithm: str
    kid: str
    issuer: str
    audience: str
    jti: str
    claims: Mapping[str, Any]


def looks_like_one(text: str) -> bool:
    """Whether a bearer is a JSON Web Token rather than a token of ours."""
    return text.count(".") == 2


def read(text: str) -> Presented:
    """Take a token apart. Raises `InvalidToken` for all that we would never accept.

    Of the header only `alg` and `kid` are looked at; addresses and keys that it brings
    along (`jku`, `jwk`, `x5u`, `x5c`) count for nothing.
    """
    if len(text) > LONGEST:
        raise InvalidToken(_("This token is too large."))
    header, claims = (_part(part) for part in text.split(".")[:2])
    algorithm, kid = header.get("alg"), _name(header, "kid")
    if algorithm not in ALGORITHMS:
        raise InvalidToken(
            _("Tokens are signed with RS256, PS256 or ES256, nothing else.")
        )
    if "crit" in header or "b64" in header:
        raise InvalidToken(_("This token asks for extensions that nobody knows here."))
    return Presented(
        text=text,
        algorithm=algorithm,
        kid=kid,
        issuer=_name(claims, "iss", 300),
        audience=_audience(claims),
        jti=_name(claims, "jti"),
        claims=claims,
    )


def verify(token: Presented, key: Key | None) -> None:
    """Check the signature with the issuer's key. Raises `InvalidToken`."""
    if key is None or token.algorithm not in key.algorithms:
        raise InvalidToken(_("The issuer of this token has no such key."))
    try:
        jwt.PyJWS().decode(token.text, key.material, algorithms=[token.algorithm])
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidToken(_("The signature of this token is wrong.")) from error


def times(token: Presented, *, at: datetime) -> tuple[datetime, datetime]:
    """When it was issued and when it ends. Raises `InvalidToken` unless it holds now.

    `exp`, `iat` and, if any, `nbf` with half a minute's leeway; from issue to end it
    may not be longer than `FREIGABE_OIDC_TOKEN_MINUTES`.
    """
    issued, ends = _moment(token.claims, "iat"), _moment(token.claims, "exp")
    begins = _moment(token.claims, "nbf") if "nbf" in token.claims else issued
    longest = timedelta(minutes=settings.FREIGABE_OIDC_TOKEN_MINUTES)
    if at >= ends + LEEWAY:
        raise InvalidToken(
            _("This token expired at %(time)s. The job asks its server for a new one.")
            % {"time": ends.strftime("%Y-%m-%d %H:%M UTC")}
        )
    if at < issued - LEEWAY or at < begins - LEEWAY:
        raise InvalidToken(_("This token is not valid yet. Compare the clocks."))
    if not timedelta(0) < ends - issued <= longest or at - issued > longest + LEEWAY:
        raise InvalidToken(
            _("A token of a pipeline lives %(minutes)s minutes at most.")
            % {"minutes": settings.FREIGABE_OIDC_TOKEN_MINUTES}
        )
    return issued, ends


def _part(text: str) -> dict[str, Any]:
    """A part of the token as a JSON object."""
    try:
        raw = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
        found = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidToken(_("This token cannot be read.")) from error
    if not isinstance(found, dict):
        raise InvalidToken(_("This token cannot be read."))
    return found


def _name(part: Mapping[str, Any], name: str, longest: int = _LONGEST_NAME) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise InvalidToken(_("This token has no usable %(name)s.") % {"name": name})
    if not value.isprintable():
        raise InvalidToken(_("This token has no usable %(name)s.") % {"name": name})
    return value


def _audience(claims: Mapping[str, Any]) -> str:
    """The one audience: a token that is for others too could be used by them here."""
    value = claims.get("aud")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise InvalidToken(_("This token has no usable %(name)s.") % {"name": "aud"})
    return value


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    """A NumericDate (RFC 7519, 2): a number, never text."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidToken(_("This token has no usable %(name)s.") % {"name": name})
    try:
        if not math.isfinite(value):
            raise ValueError
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidToken(
            _("This token has no usable %(name)s.") % {"name": name}
        ) from error
