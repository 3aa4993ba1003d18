"""One act, one transaction, with its author named to the database."""

import functools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any, ParamSpec, TypeVar

from django.db import connection, transaction
from psycopg.sql import quote


@dataclass(frozen=True)
class Origin:
    """Where an act comes from: the door, and the request that opened it.

    `run` says of a pipeline what ran where.
    """

    via: str = "code"
    request: str = ""
    reason: str = ""
    run: Mapping[str, str] | None = None


_NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("freigabe_origin", default=_NOWHERE)
_author: ContextVar[str | None] = ContextVar("freigabe_author", default=None)

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def through(via: str, *, request: str = "", reason: str = "") -> Iterator[None]:
    """Name the door (`page`, `api`, `task`, `command`) for all acts inside.

    Doors call this once; a request id is made up where the caller has none.
    """
    token = _origin.set(Origin(via, request or uuid.uuid4().hex, reason))
    try:
        yield
    finally:
        _origin.reset(token)


def came_from(run: Mapping[str, str]) -> None:
    """Add to the door that is open, until it closes, which pipeline came in by it."""
    _origin.set(replace(_origin.get(), run=dict(run)))


@contextmanager
def acting(*, by: object, reason: str = "") -> Iterator[None]:
    """Open the act's transaction and tell the database who acts.

    The capture triggers copy this context into every log entry. Nested acts join
    the outer transaction and keep its author.
    """
    if connection.in_atomic_block and _author.get() is not None:
        yield
        return
    origin = replace(_origin.get(), reason=reason or _origin.get().reason)
    subject = str(getattr(by, "pk", by))
    told = {name: value for name, value in asdict(origin).items() if value is not None}
    context = json.dumps({"sub": subject, **told}, ensure_ascii=False)
    with transaction.atomic(), connection.execute_wrapper(_Naming(context)):
        token = _author.set(subject)
        try:
            yield
        finally:
            _author.reset(token)


class _Naming:
    """Tells the database who acts, together with the act's first statement.

    A statement of its own would be one more round trip for every act.
    """

    def __init__(self, context: str) -> None:
        self._statement = (
            f"SELECT set_config('freigabe.actor', {quote(context)}, true);"
        )
        self._told = False

    def __call__(
        self,
        execute: Callable[..., Any],
        statement: Any,
        parameters: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        if self._told:
            return execute(statement, parameters, many, context)
        self._told = True
        cursor = context["cursor"]
        if many or not isinstance(statement, str) or getattr(cursor, "name", None):
            with connection.cursor() as other:
                other.execute(self._statement)
            return execute(statement, parameters, many, context)
        first = self._statement
        if parameters is not None:
            first = first.replace("%", "%%")
        result = execute(first + statement, parameters, many, context)
        cursor.nextset()
        return result


def act(function: Callable[P, R]) -> Callable[P, R]:
    """Make a keyword-only function with a `by=` argument one act."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with acting(by=kwargs["by"]):
            return function(*args, **kwargs)

    return wrapper
