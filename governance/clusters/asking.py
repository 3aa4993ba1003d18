"""Asking a cluster or a registry: whole answers of the right kind, or none at all."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.utils.translation import gettext as _

from governance import outgoing

SECONDS = 20.0  # for all pages together
LARGEST = 8 * 1024 * 1024
MOST_PAGES = 100
MOST_SEEN = 10_000


class Unreachable(Exception):
    """What runs there cannot be seen; the text says why."""


@dataclass(frozen=True)
class Seen:
    """A file that runs at a place; `note` says why no digest is known.

    `run` is the training run that the registry names, where it knows no digest.
    """

    place: str
    sha256: str = ""
    model: str = ""
    version: str = ""
    note: str = ""
    run: str = ""


@dataclass
class Asker:
    """Who asks one source, within a time for everything."""

    url: str
    token: str = ""
    certificate: str = ""
    deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def text(self, path: str) -> str:
        """The text at a path. Raises `Unreachable`."""
        return self._get(path).decode("utf-8", "replace")

    def document(
        self, path: str, query: Mapping[str, str], *, absent: bool = False
    ) -> Mapping[str, Any] | None:
        """The JSON object at a path; None for a 404, if that may be (`absent`).

        Raises `Unreachable` for everything else.
        """
        try:
            whole = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
            found = json.loads(self._get(whole, absent=absent) or "null")
        except (ValueError, RecursionError) as error:
            raise Unreachable(_("The answer is no JSON.")) from error
        if found is None and absent:
            return None
        if not isinstance(found, Mapping):
            raise Unreachable(_("The answer is not what was asked for."))
        return found

    def _get(self, path: str, *, absent: bool = False) -> bytes:
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Unreachable(_("It takes too long."))
        try:
            answer = outgoing.get(
                self.url.rstrip("/") + path,
                allowed=settings.FREIGABE_SOURCES_ALLOW,
                headers=headers,
                seconds=min(left, outgoing.SECONDS),
                largest=LARGEST,
                certificate=self.certificate,
            )
        except (outgoing.AddressRefused, outgoing.CallFailed) as error:
            raise Unreachable(str(error)) from error
        if answer.status == 404 and absent:
            return b""
        if answer.status != 200:
            raise Unreachable(
                _("It answers %(status)s to %(path)s.")
                % {"status": answer.status, "path": path.partition("?")[0]}
            )
        return answer.body


def text_of(value: object, longest: int = 200) -> str:
    """A text of the other side as it can be kept: printable, not too long."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in str(value))[
        :longest
    ]
