"""Figures count again while the log says that nothing changed what they rest on.

The figures of all models are on everybody's first page. They read every model, and rest
on a handful of tables that change some times a day. They are kept in this process, for
`WINDOW` at most, and at each use the log is asked (`audits.stillness`).
"""

import json
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.db import connection

from audits import stillness
from governance.portfolio.asking import Moment
from governance.portfolio.judging import Values, ask

WINDOW = 60.0  # seconds: a row that another clock dated ahead counts by then
MOST = 64
_TABLES = re.compile(r"\b(?:registry|governance|audits)_[a-z_]+\b")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class _Kept:
    rows: Rows
    moment: stillness.Moment
    until: float


_kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
_lock = Lock()


def ask_again(statement: str, values: Values, moment: Moment) -> Rows:
    """What `ask` says of a moment, or said of it before, and nothing changed since.

    The values are part of the question, but for the instant within today, which tells
    no two looks apart.
    """
    asked = {k: v for k, v in values.items() if moment.past or k != "at"}
    database = str(connection.settings_dict["NAME"])
    key = (database, statement, json.dumps(asked, sort_keys=True, default=str))
    with _lock:
        found = _kept.get(key)
    if found and found.until < time.monotonic():
        found = None
    tables = {f"public.{name}" for name in _TABLES.findall(statement)}
    seen = stillness.look(found.moment if found else None, of=sorted(tables))
    if found and seen.unchanged:
        rows, until = found.rows, found.until
    else:
        rows, until = ask(statement, values), time.monotonic() + WINDOW
    with _lock:
        if seen.moment is None:
            _kept.pop(key, None)
        else:
            _kept[key] = _Kept(rows, seen.moment, until)
            _kept.move_to_end(key)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return rows
