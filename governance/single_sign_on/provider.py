"""The identity provider: where people are sent, and what their code is worth there.

OpenID Connect Core 1.0, 3.1 (authorization code flow) with PKCE (RFC 7636). Every call
goes through `outgoing`, so a provider's word leads nowhere inside our network.
"""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from django.conf import settings
from django.utils.translation import gettext as _

from governance import outgoing
from governance.identities import IssuerUnreachable, fetching
from governance.identities.fetching import Source, place
from governance.identities.keys import Key
from governance.single_sign_on.claims import NotProven, key_id
from governance.stepups import configured

SECONDS = 5.0  # for discovery and the exchange of a code, each
LARGEST = 64 * 1024  # bytes of an answer
_LONGEST_CODE = 4000


@dataclass(frozen=True)
class Trip:
    """What is remembered in the browser's session while somebody is at the provider."""

    state: str
    nonce: str
    verifier: str
    url: str


def begin(*, back: str, nonce: str = "", step_up: bool = False) -> Trip:
    """The address to send a browser to, and what its return is compared with.

    For a step-up the provider is told to ask again, however lately it did, and in
    which classes. Raises `IssuerUnreachable`.
    """
    endpoint = _endpoint(
        settings.FREIGABE_SSO_AUTHORIZATION_URL, "authorization_endpoint"
    )
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    nonce = nonce or secrets.token_urlsafe(32)
    asked = {
        "response_type": "code",
        # No profile and no address: nothing but the subject is needed.
        "scope": "openid",
        "client_id": settings.FREIGABE_SSO_CLIENT_ID,
        "redirect_uri": back,
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    if step_up:
        asked |= {"prompt": "login", "max_age": "0"}
        if settings.FREIGABE_SSO_ACR_VALUES:
            asked["acr_values"] = " ".join(settings.FREIGABE_SSO_ACR_VALUES)
    joint = "&" if "?" in endpoint else "?"
    return Trip(state, nonce, verifier, f"{endpoint}{joint}{urlencode(asked)}")


def redeem(*, code: str, verifier: str, back: str) -> str:
    """The identity token for a code. Raises `IssuerUnreachable`, and `NotProven` when
    the provider does not accept the code."""
    if not code or len(code) > _LONGEST_CODE:
        raise NotProven(_("The identity provider sent no code."))
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": settings.FREIGABE_SSO_CLIENT_ID,
        "code_verifier": verifier,
    }
    endpoint = _endpoint(settings.FREIGABE_SSO_TOKEN_URL, "token_endpoint")
    try:
        answer = outgoing.send(
            endpoint,
            urlencode(form).encode(),
            headers=_headers(),
            allowed=settings.FREIGABE_OIDC_ALLOW,
            seconds=SECONDS,
            largest=LARGEST,
        )
    except (outgoing.AddressRefused, outgoing.CallFailed) as error:
        raise IssuerUnreachable(str(error)) from error
    if answer.status in (400, 401, 403):
        raise NotProven(_("The identity provider does not accept its own code."))
    token = _member(answer.body, "id_token") if answer.status == 200 else None
    if token is None:
        raise IssuerUnreachable(
            _("The identity provider answers %(status)s without an identity token.")
            % {"status": answer.status}
        )
    return token


def key_for(token: str, *, at: datetime) -> Key | None:
    """The provider's key that a token names.

    Raises `IssuerUnreachable`, `NotProven`.
    """
    source = Source(settings.FREIGABE_SSO_ISSUER, settings.FREIGABE_SSO_JWKS_URL)
    return fetching.cache.find(source, key_id(token), at=at)


def _endpoint(given: str, name: str) -> str:
    """The operator's address, else the issuer's word for one at its own place."""
    issuer = settings.FREIGABE_SSO_ISSUER
    if not configured():
        raise IssuerUnreachable(_("No identity provider is set up."))
    found = given
    if not found:
        said = fetching.configuration(issuer, time.monotonic() + SECONDS).get(name)
        if not isinstance(said, str) or place(said) != place(issuer):
            raise IssuerUnreachable(
                _(
                    "The identity provider names no %(name)s at its own host. The "
                    "operator gives the address."
                )
                % {"name": name}
            )
        found = said
    if not found.startswith("https://") and not settings.FREIGABE_OIDC_HTTP:
        raise IssuerUnreachable(_("Identity providers are asked over https:// only."))
    if "#" in found or not found.isprintable() or " " in found:
        raise IssuerUnreachable(_("The identity provider's address is none."))
    return found


def _headers() -> dict[str, str]:
    """With the client's secret, if there is one, as RFC 6749, 2.3.1, wants it."""
    found = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    secret = settings.FREIGABE_SSO_CLIENT_SECRET
    if secret:
        pair = f"{quote(settings.FREIGABE_SSO_CLIENT_ID, '')}:{quote(secret, '')}"
        found["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return found


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _member(body: bytes, name: str) -> str | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None
