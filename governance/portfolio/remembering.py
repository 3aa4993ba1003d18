"""What was counted counts again while the log says that nothing changed under it.

The figures of all models are on everybody's first page, and how much work waits is on
every page. They rest on tables that change when somebody acts. They are kept in this
process, for `WINDOW` or `LONG` at most, and at each use the log is asked
(`audits.stillness`). Which tables they rest on is read off the statements themselves,
so that none can be forgotten.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from django.db import connection

from audits import stillness
from governance.portfolio.asking import Moment

WINDOW = 60.0  # seconds: a row that another clock dated ahead counts by then
# For what the clock changes from day to day only, and most changes leave as it was.
LONG = 600.0
MOST = 256  # questions, most of them a person's own
_TABLES = re.compile(r"\b(?:registry|governance|audits)_[a-z_]+\b")

T = TypeVar("T")


@dataclass(frozen=True)
class _Kept:
    answer: Any
    tables: frozenset[str]
    moment: stillness.Moment
    until: float


_kept: OrderedDict[Hashable, _Kept] = OrderedDict()
_lock = Lock()
_noted: ContextVar[set[str] | None] = ContextVar("noted", default=None)


def again(
    asked: Hashable, ask: Callable[[], T], moment: Moment, *, window: float = WINDOW
) -> T:
    """What `ask` says, or said before of the same day, and nothing changed since.

    `asked` names the question with all that its answer depends on but the database and
    the moment. No answer may depend on the reader's language. Within another question
    it is part of that one, and remembered by itself. Whatever `ask` raises is raised,
    and not remembered. `window` is in seconds.
    """
    when = moment.at if moment.past else moment.day
    key = (str(connection.settings_dict["NAME"]), asked, when)
    with _lock:
        found = _kept.get(key)
    if found and found.until < time.monotonic():
        found = None
    seen = (
        stillness.look(found.moment, of=sorted(found.tables))
        if found
        else stillness.look()
    )
    if found and seen.unchanged:
        answer, tables, until = found.answer, found.tables, found.until
    else:
        (answer, tables), until = _asking(ask), time.monotonic() + window
    with _lock:
        if seen.moment is None:
            _kept.pop(key, None)
        else:
            _kept[key] = _Kept(answer, tables, seen.moment, until)
            _kept.move_to_end(key)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    if (around := _noted.get()) is not None:
        around |= tables
    return answer  # type: ignore[no-any-return]


def _asking(ask: Callable[[], T]) -> tuple[T, frozenset[str]]:
    """The answer, and the tables that its statements name."""
    noted: set[str] = set()

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        noted.update(f"public.{name}" for name in _TABLES.findall(sql))
        return execute(sql, *rest)

    token = _noted.set(noted)
    try:
        with connection.execute_wrapper(note):
            answer = ask()
    finally:
        _noted.reset(token)
    return answer, frozenset(noted)
