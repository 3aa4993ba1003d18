"""What every API view shares: the door's name, idempotency, pages of lists."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, ClassVar, TypeVar, cast

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import patience
from governance.api import outside
from governance.api.idempotency import Handler, once
from registry.acts import through
from registry.models import User

M = TypeVar("M", bound=Model)
# What OpenAPI says of a list whose items are only objects.
LISTED: Any = {
    200: {"type": "array", "items": {"type": "object", "additionalProperties": {}}}
}


class Door(APIView):
    """An API view: acts inside know that they came through the API.

    A POST with an Idempotency-Key is carried out once, see `idempotency.once`. A door
    that decides also sets `answers_within`: then it never hangs on the database.
    """

    idempotent: ClassVar[bool] = True
    answers_within: ClassVar[float | None] = None  # seconds of waiting, see `patience`

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the door, then do what DRF does."""
        with (
            through("api", request=request.headers.get("X-Request-Id", "")[:64]),
            patience.within(self.answers_within or inf),
        ):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Wrap POST in its idempotency once the user is known."""
        super().initial(request, *args, **kwargs)
        here = request.resolver_match
        outside.require_inside(request.user, (here and here.url_name) or "")
        _require_text(request)
        key = request.headers.get("Idempotency-Key", "").strip('"')
        if key and request.method == "POST" and self.idempotent:
            handler: Handler = getattr(self, "post")  # noqa: B009
            wrapped = once(handler, key, by=person(request), still_true=self.still_true)
            setattr(self, "post", wrapped)  # noqa: B010

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Let nobody on the way keep an answer: it may not be true a second later."""
        response = super().finalize_response(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def still_true(self, request: Request, body: dict[str, Any]) -> bool:
        """Whether a recorded answer may be given again; what was done stays done."""
        return True


class Nothing(Door):
    """An address of the API that does not exist: 404 to every method."""

    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer before anything is looked at."""
        raise NotFound


def _require_text(request: Request) -> None:
    """Refuse what PostgreSQL has no place for in any column, and what is said twice:
    a proxy may read the first, and we would read the last."""
    for name, values in request.query_params.lists():
        if len(values) > 1:
            raise ValidationError({name: [_("This is said more than once.")]})
        if any("\x00" in value for value in values):
            raise ValidationError({name: [_("A NUL character cannot be stored.")]})


def person(request: Request) -> User:
    """The authenticated user."""
    return cast(User, request.user)


class _Cursor(CursorPagination):
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """One page. Raises `NotFound` for a cursor that was never given out."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (DjangoValidationError, ValueError, OverflowError, DataError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise NotFound(_("This cursor leads nowhere.")) from error


def page(
    request: Request,
    rows: QuerySet[M],
    show: Callable[[M], dict[str, Any]],
    *,
    ordering: Sequence[str],
) -> Response:
    """One page of a list, with `Link` headers to the next and previous (RFC 8288)."""
    return page_together(
        request, rows, lambda found: [show(row) for row in found], ordering=ordering
    )


def page_together(
    request: Request,
    rows: QuerySet[M],
    show_all: Callable[[Sequence[M]], list[dict[str, Any]]],
    *,
    ordering: Sequence[str],
) -> Response:
    """As `page`, of rows that are shown together: what they need is read at once."""
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
    return Response(show_all(found), headers=headers)
