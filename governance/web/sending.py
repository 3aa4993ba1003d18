"""A form is carried out once, and what was written outlives the end of a log-in."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from django.contrib import messages
from django.contrib.messages.storage.base import BaseStorage
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of a field
KEY = "sent"
SECONDS = 60
KEPT = 5
LONG = 40  # letters of a text that nobody likes to write again
_SECRET = ("password", "assertion", TOKEN)


def once(
    request: HttpRequest, carry_out: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Carry out a form; one that is sent again is led where the first one led.

    The token against forged requests differs on each page: the same token with the same
    values is the same click. What was refused, or answered by a page, is done anew.
    """
    if TOKEN not in request.POST:
        return carry_out()
    name = _name(request)
    with _alone(name):
        sent = _sent(request)
        if name in sent:
            waiting = [text for _level, text in _said(request)]
            for level, text in sent[name]["said"]:
                if text not in waiting:
                    messages.add_message(request, level, text)
            return redirect(sent[name]["to"])
        answer = carry_out()
        if answer.status_code == 302:
            _keep(request, sent, name, answer)
        return answer


def written(request: HttpRequest) -> list[str]:
    """What somebody wrote that is long enough to be missed, and no secret."""
    return [
        text
        for field, texts in request.POST.lists()
        for text in texts
        if len(text) >= LONG and not any(word in field for word in _SECRET)
    ]


def unsent(request: HttpRequest) -> HttpResponseBase:
    """Give back what was written while a log-in ended, to whoever just sent it."""
    context = {"written": written(request)}
    return render(request, "account/unsent.html", context, status=403)


def _name(request: HttpRequest) -> str:
    files = [
        (one.name, one.size) for _field, ones in request.FILES.lists() for one in ones
    ]
    said = [
        request.path,
        request.session.session_key,
        dict(request.POST.lists()),
        files,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _sent(request: HttpRequest) -> dict[str, Any]:
    """What this log-in sent lately, as it is kept now: a first click may just end."""
    fresh = type(request.session)(request.session.session_key)
    since = timezone.now().timestamp() - SECONDS
    kept: dict[str, Any] = fresh.get(KEY, {})
    return {name: one for name, one in kept.items() if one["at"] > since}


def _keep(
    request: HttpRequest, sent: dict[str, Any], name: str, answer: HttpResponseBase
) -> None:
    one = {
        "at": timezone.now().timestamp(),
        "to": answer.headers["Location"],
        "said": _said(request),
    }
    newest = list(sent.items())[1 - KEPT :]
    request.session[KEY] = {**dict(newest), name: one}
    try:
        request.session.save()  # before the second click looks
    except UpdateError:  # the log-in ended meanwhile: what was done is done
        request.session.flush()


def _said(request: HttpRequest) -> list[tuple[int, str]]:
    """The messages that wait for the next page, and go on waiting."""
    waiting = cast("BaseStorage", messages.get_messages(request))
    said = [(one.level, str(one.message)) for one in waiting]
    waiting.used = False
    return said


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Wait until no other request has this name."""
    number = int.from_bytes(bytes.fromhex(name)[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
    try:
        yield
    finally:
        # A connection that broke has dropped the lock itself.
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
