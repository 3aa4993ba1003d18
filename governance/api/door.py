"""What every API view shares: the door's name, idempotency, pages of lists."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

from django.db import connection
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.models import IdempotentReply
from registry.acts import acting, through
from registry.models import User

M = TypeVar("M", bound=Model)


class KeyReused(APIException):
    """The Idempotency-Key was used for another request."""

    status_code = 422
    default_detail = _("This Idempotency-Key belongs to another request.")


class StillRunning(APIException):
    """The first request with this Idempotency-Key has not ended yet."""

    status_code = 409
    default_detail = _("The first request with this Idempotency-Key still runs.")


class Door(APIView):
    """An API view: acts inside know that they came through the API.

    A POST with an Idempotency-Key is carried out once; a repeat gets the first answer
    (draft-ietf-httpapi-idempotency-key-header-07). Act and answer are stored in one
    transaction. Errors are not kept: a corrected request may use the key again.
    """

    idempotent: ClassVar[bool] = True

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the door, then do what DRF does."""
        with through("api", request=request.headers.get("X-Request-Id", "")[:64]):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Wrap POST in its idempotency once the user is known."""
        super().initial(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key", "").strip('"')
        if key and request.method == "POST" and self.idempotent:
            handler: Callable[..., Response] = getattr(self, "post")  # noqa: B009
            setattr(self, "post", _once(handler, key[:255]))  # noqa: B010


class Nothing(Door):
    """An address of the API that does not exist: 404 to every method."""

    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer before anything is looked at."""
        raise NotFound


def _once(handler: Callable[..., Response], key: str) -> Callable[..., Response]:
    def post(request: Request, *args: Any, **kwargs: Any) -> Response:
        by, route = person(request), request.path[:255]
        digest = hashlib.sha256(request.body).hexdigest()
        with acting(by=by, reason="request with an Idempotency-Key"):
            _lock(f"{by.pk} {route} {key}")
            known = IdempotentReply.objects.filter(
                key=key, user=by, route=route
            ).first()
            if known is not None:
                if known.request_sha256 != digest:
                    raise KeyReused
                return Response(json.loads(known.body), known.status)
            response = handler(request, *args, **kwargs)
            IdempotentReply.objects.create(
                key=key,
                user=by,
                route=route,
                request_sha256=digest,
                status=response.status_code,
                body=JSONRenderer().render(response.data).decode(),
                answered_at=timezone.now(),
            )
        return response

    return post


def _lock(name: str) -> None:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row = cursor.fetchone()
    if not (row and row[0]):
        raise StillRunning


def person(request: Request) -> User:
    """The authenticated user."""
    return cast(User, request.user)


class _Cursor(CursorPagination):
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200


def page(
    request: Request,
    rows: QuerySet[M],
    show: Callable[[M], dict[str, Any]],
    *,
    ordering: Sequence[str],
) -> Response:
    """One page of a list, with `Link` headers to the next and previous (RFC 8288)."""
    cursor = _Cursor()
    cursor.ordering = tuple(ordering)
    found = cursor.paginate_queryset(rows, request) or []
    links = [
        f'<{url}>; rel="{rel}"'
        for rel, url in (
            ("next", cursor.get_next_link()),
            ("prev", cursor.get_previous_link()),
        )
        if url
    ]
    headers = {"Link": ", ".join(links)} if links else {}
    return Response([show(row) for row in found], headers=headers)
