"""The database as it stood at a past moment: every query answered from the log."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from audits.capture import Governed, governed_tables
from audits.history import COMMITMENT, DIGEST
from audits.models import Archive, Entry, Opening

# Entries get their number and their time one after the other; clocks are set meanwhile.
_SLACK = timedelta(hours=1)
# Entries that say again what was there already: of a table that came under capture,
# and of a row whose earlier entries were archived.
_REPEATED = ("baseline", "archive")
_TODAY: ContextVar[bool] = ContextVar("today", default=False)
_QUOTED = re.compile(r'"(\w+)"')
_WITH = re.compile(r"\s*WITH\s+(RECURSIVE\s+)?", re.IGNORECASE)

# A captured table as it stood: rows that no later entry is about as they are, changed
# and deleted ones as the log has them, later ones not at all. It bears the table's
# name, so that it takes the table's place in the query behind it.
_TABLE = """"{table}" AS NOT MATERIALIZED (
  SELECT t.* FROM public."{table}" t WHERE NOT EXISTS (
    SELECT 1 FROM public.audits_entry e
    WHERE e.rel = %s AND e.pk = t."{key}"::text AND e.entry_id > %s
      AND e.occurred_at > %s
      AND coalesce(e.body::json -> 'ctx' ->> 'via', '') NOT IN ('baseline', 'archive')
  ) UNION ALL SELECT p.* FROM jsonb_each(%s::jsonb) r
  LEFT JOIN public."{table}" t ON t."{key}"::text = r.key
  CROSS JOIN LATERAL jsonb_populate_record(t, r.value) p
)"""


class Archived(Exception):
    """What happened after the moment is no longer in the log's tables."""


@contextmanager
def as_of(at: datetime) -> Iterator[None]:
    """Answer every query inside from the captured tables as they stood at `at`.

    By the database's clock, which gave each entry its time: what was recorded later is
    not there, whatever day it names. The log itself is read as it is. Call it in one
    transaction that only reads; of a column that is left out of the log, and of one
    that a migration added, the value of today is read. Raises `Archived`.
    """
    with connection.execute_wrapper(_Past(at)):
        yield


def repeats(entry: Entry) -> bool:
    """Whether an entry says again what was there before: then its time says nothing."""
    return (json.loads(entry.body).get("ctx") or {}).get("via") in _REPEATED


@contextmanager
def today() -> Iterator[None]:
    """Inside `as_of`: answer from today after all, as for keys that were reported."""
    token = _TODAY.set(True)
    try:
        yield
    finally:
        _TODAY.reset(token)


class _Past:
    """Puts past tables in the place of those of today, in each query that names one."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._known = {table.table: table for table in governed_tables()}
        self._undone: dict[str, str] = {}
        self._reading = False

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Sequence[Any] | None,
        many: bool,  # noqa: FBT001  Django calls it by position
        context: Mapping[str, Any],
    ) -> Any:
        """Run a query, with the past in front of it."""
        if not self._reading and not _TODAY.get():
            sql, params = self._rewritten(sql, params)
        return execute(sql, params, many, context)

    def _rewritten(
        self, sql: str, params: Sequence[Any] | None
    ) -> tuple[str, Sequence[Any] | None]:
        named = dict.fromkeys(_QUOTED.findall(sql))
        tables = [self._known[name] for name in named if name in self._known]
        self._reading = True
        try:
            changed = [table for table in tables if table.rel in self._changed]
            before = [
                value
                for table in changed
                for value in (table.rel, self._bound, self._at, self._undo(table))
            ]
        finally:
            self._reading = False
        if not changed:
            return sql, params
        if params is None:
            sql, params = sql.replace("%", "%%"), ()
        views = ", ".join(_TABLE.format(table=t.table, key=t.key) for t in changed)
        own = _WITH.match(sql)
        recursive = "RECURSIVE " if own and own[1] else ""
        rest = f", {sql[own.end() :]}" if own else f" {sql}"
        return f"WITH {recursive}{views}{rest}", (*before, *params)

    @cached_property
    def _bound(self) -> int:
        """No entry up to this number is later than the moment. Raises `Archived`."""
        earlier = Entry.objects.filter(occurred_at__lte=self._at - _SLACK)
        found = earlier.order_by("-entry_id").values_list("entry_id", flat=True).first()
        if found is None and Archive.objects.exists():
            raise Archived(
                _("The log of that time was archived, so that nothing can be told.")
            )
        return found or 0

    @cached_property
    def _changed(self) -> frozenset[str]:
        """The tables that have later entries."""
        later = Entry.objects.filter(entry_id__gt=self._bound, occurred_at__gt=self._at)
        return frozenset(later.order_by().values_list("rel", flat=True).distinct())

    def _undo(self, table: Governed) -> str:
        """The rows changed or deleted later, by key: the values that they had, JSON."""
        if table.table not in self._undone:
            self._undone[table.table] = json.dumps(self._read_back(table))
        return self._undone[table.table]

    def _read_back(self, table: Governed) -> dict[str, dict[str, Any]]:
        later = Entry.objects.filter(
            rel=table.rel, entry_id__gt=self._bound, occurred_at__gt=self._at
        )
        changed = later.filter(op__in=["U", "D"]).order_by().values("pk_text")
        found: dict[str, dict[str, Any] | None] = {}
        for entry in later.filter(pk_text__in=changed).order_by("-entry_id"):
            key = entry.pk_text or ""
            if repeats(entry):
                continue
            if entry.op == "I":
                found[key] = None
            else:
                old = json.loads(entry.body).get("old") or {}
                found[key] = {**(found.get(key) or {}), **old}
        rows = {key: row for key, row in found.items() if row is not None}
        return _readable(rows)


def _readable(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same with personal values opened, and words for what is not to be had."""
    committed = {
        value[COMMITMENT]
        for row in rows.values()
        for value in row.values()
        if isinstance(value, dict) and value.keys() == {COMMITMENT}
    }
    openings = dict(
        Opening.objects.filter(commitment__in=committed).values_list(
            "commitment", "value"
        )
    )
    return {
        key: {name: _plain(value, openings) for name, value in row.items()}
        for key, row in rows.items()
    }


def _plain(value: Any, openings: Mapping[str, str | None]) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {COMMITMENT}:
        kept = openings.get(value[COMMITMENT])
        return _("(erased)") if kept is None else json.loads(kept)
    if value.keys() == {DIGEST, "$len"}:
        return _("(too long for the log; SHA-256 %(digest)s)") % {
            "digest": value[DIGEST]
        }
    return value
