"""The keys of issuers, fetched from where the rule says, and kept for a while.

Each process keeps its own. Who sends made-up tokens causes one fetch in half a minute.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from governance import outgoing
from governance.identities import keys
from governance.identities.keys import Key, Keys, UnusableKeys

SECONDS = 4.0  # for discovery and keys together: the caller waits five at most
PAUSE = timedelta(seconds=30)  # between two fetches, also for a key that nobody knows
MOST_SOURCES = 64
_LARGEST = keys.LARGEST + 8 * 1024  # with the answer's headers
_WELL_KNOWN = "/.well-known/openid-configuration"


class IssuerUnreachable(Exception):
    """The issuer's keys cannot be had, so none of its tokens can be checked."""


@dataclass(frozen=True)
class Source:
    """Where keys come from: the address of the operator's, else the issuer's word."""

    issuer: str
    jwks_uri: str = ""


@dataclass(frozen=True)
class _Held:
    keys: Keys = field(default_factory=dict)
    fetched_at: datetime | None = None
    tried_at: datetime | None = None
    problem: str = ""

    def younger(self, age: timedelta, at: datetime) -> bool:
        return self.fetched_at is not None and abs(at - self.fetched_at) < age

    def rests(self, at: datetime) -> bool:
        return self.tried_at is not None and abs(at - self.tried_at) < PAUSE


class KeyCache:
    """Keys by source, never more than 64 sources."""

    def __init__(self) -> None:
        self._held: OrderedDict[Source, _Held] = OrderedDict()
        self._turns: dict[Source, threading.Lock] = {}
        self._lock = threading.Lock()

    def find(self, source: Source, kid: str, *, at: datetime) -> Key | None:
        """The key, or None when the issuer has none by this `kid`.

        Keys are asked for anew after `FREIGABE_OIDC_KEYS_MINUTES`, and used on without
        an answer for `FREIGABE_OIDC_STALE_HOURS` at most. Raises `IssuerUnreachable`.
        """
        fresh = timedelta(minutes=settings.FREIGABE_OIDC_KEYS_MINUTES)
        with self._lock:
            held = self._held.get(source, _Held())
            turn = self._turns.setdefault(source, threading.Lock())
        if held.younger(fresh, at) and kid in held.keys:
            return held.keys[kid]
        if not turn.acquire(timeout=SECONDS):
            raise IssuerUnreachable(_("The issuer's keys are being fetched."))
        try:
            return self._renewed(source, at).keys.get(kid)
        finally:
            turn.release()

    def _renewed(self, source: Source, at: datetime) -> _Held:
        with self._lock:
            held = self._held.get(source, _Held())
        if not held.rests(at):
            try:
                held = _Held(fetch(source), fetched_at=at, tried_at=at)
            except IssuerUnreachable as error:
                held = replace(held, tried_at=at, problem=str(error))
            with self._lock:
                self._held[source] = held
                while len(self._held) > MOST_SOURCES:
                    old, _gone = self._held.popitem(last=False)
                    self._turns.pop(old, None)
        if not held.younger(timedelta(hours=settings.FREIGABE_OIDC_STALE_HOURS), at):
            raise IssuerUnreachable(held.problem)
        return held


def fetch(source: Source) -> Keys:
    """Ask for the keys now, within four seconds. Raises `IssuerUnreachable`."""
    deadline = time.monotonic() + SECONDS
    uri = source.jwks_uri or _discovered(source.issuer, deadline)
    try:
        return keys.parse(_body(uri, deadline))
    except UnusableKeys as error:
        raise IssuerUnreachable(str(error)) from error


def _discovered(issuer: str, deadline: float) -> str:
    """Where the issuer says its keys are, which must be at home."""
    uri = configuration(issuer, deadline).get("jwks_uri")
    if not isinstance(uri, str):
        raise IssuerUnreachable(_("The issuer's configuration is that of another."))
    if place(uri) != place(issuer):
        raise IssuerUnreachable(
            _(
                "The issuer keeps its keys at another host. An administrator names "
                "that address in the rule."
            )
        )
    return uri


def configuration(issuer: str, deadline: float) -> Mapping[str, Any]:
    """What the issuer says of itself (OpenID Connect Discovery 1.0, 4).

    Addresses in it count only at home: whoever can change the document must not send
    us elsewhere. Raises `IssuerUnreachable`.
    """
    try:
        found = json.loads(_body(issuer.rstrip("/") + _WELL_KNOWN, deadline))
    except (ValueError, RecursionError) as error:
        raise IssuerUnreachable(_("The issuer's configuration is no JSON.")) from error
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise IssuerUnreachable(_("The issuer's configuration is that of another."))
    return found


def place(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port of an address, None when it has none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None


def _body(url: str, deadline: float) -> bytes:
    if not url.startswith("https://") and not settings.FREIGABE_OIDC_HTTP:
        raise IssuerUnreachable(_("Keys are fetched over https:// only."))
    try:
        answer = outgoing.get(
            url,
            allowed=settings.FREIGABE_OIDC_ALLOW,
            seconds=deadline - time.monotonic(),
            largest=_LARGEST,
        )
    except (outgoing.AddressRefused, outgoing.CallFailed) as error:
        raise IssuerUnreachable(str(error)) from error
    if answer.status != 200:
        raise IssuerUnreachable(
            _("The issuer answers %(status)s instead of its keys.")
            % {"status": answer.status}
        )
    return answer.body


cache = KeyCache()
