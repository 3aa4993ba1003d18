"""A POST with an Idempotency-Key is carried out once; a repeat gets its answer."""

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from governance.models import IdempotentReply
from registry.acts import acting
from registry.models import User

KEPT = timedelta(hours=24)

Handler = Callable[..., Response]
StillTrue = Callable[[Request, dict[str, Any]], bool]


class KeyReused(APIException):
    """The Idempotency-Key was used for another request."""

    status_code = 422
    default_detail = _("This Idempotency-Key belongs to another request.")


class StillRunning(APIException):
    """The first request with this Idempotency-Key has not ended yet."""

    status_code = 409
    default_detail = _("The first request with this Idempotency-Key still runs.")


def once(handler: Handler, key: str, *, by: User, still_true: StillTrue) -> Handler:
    """The handler, carried out once for a key, token and address within `KEPT`.

    Act and answer are stored in one transaction. Errors are not kept: a corrected
    request may use the key again. Nor is an answer given again that is no longer
    true (draft-ietf-httpapi-idempotency-key-header-07).
    """

    def post(request: Request, *args: Any, **kwargs: Any) -> Response:
        name = _name(request, key)
        digest = hashlib.sha256(request.body).hexdigest()
        with acting(by=by, reason="request with an Idempotency-Key"):
            _lock(name)
            at = timezone.now()
            known = _known(name, by, at)
            if known is not None:
                if known.request_sha256 != digest:
                    raise KeyReused
                body = json.loads(known.body)
                if still_true(request, body):
                    return Response(body, known.status)
            response = handler(request, *args, **kwargs)
            IdempotentReply.objects.create(
                key=name,
                user=by,
                # Replies are never deleted: the mark lets a later one stand beside.
                route=f"{request.path[:200]} {uuid.uuid4()}",
                request_sha256=digest,
                status=response.status_code,
                body=JSONRenderer().render(response.data).decode(),
                answered_at=at,
            )
        return response

    return post


def _name(request: Request, key: str) -> str:
    """A token narrower than its sibling must not see the sibling's answers."""
    parts = [str(request.auth), request.path, key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _known(name: str, by: User, at: datetime) -> IdempotentReply | None:
    replies = IdempotentReply.objects.filter(
        key=name, user=by, answered_at__gt=at - KEPT
    )
    return replies.order_by("-answered_at").first()


def _lock(name: str) -> None:
    number = int.from_bytes(bytes.fromhex(name)[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row = cursor.fetchone()
    if not (row and row[0]):
        raise StillRunning
