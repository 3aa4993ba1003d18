"""Entries against their leaves, and the columns of entries against their bodies."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
from django.db import connection

from audits.findings import Findings
from audits.integration import split_hashes
from audits.models import Archive

# What a body of version 2 starts with, made of the columns that repeat it. JSON strings
# are written by the same function as in capture.sql.
_PREFIX = """
'{"v": 2, "id": ' || entry_id || ', "xid": "' || xid::text || '", "at": "'
|| to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
|| '", "op": "' || op || '", "rel": ' || to_json(rel)::text
|| ', "pk": ' || coalesce(to_json(pk)::text, 'null')
|| ', "actor": ' || coalesce(to_json(actor)::text, 'null') || ', "role": "'
"""
_DOUBTFUL = f"""
SELECT entry_id, body, xid::text, op, rel, pk, actor,
  to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
FROM audits_entry WHERE entry_id > %s AND entry_id <= %s
AND NOT starts_with(body, {_PREFIX})
"""  # noqa: S608 - made of constants
_BODIES = """
SELECT entry_id, convert_to(body, 'UTF8') FROM audits_entry
WHERE entry_id > %s AND entry_id <= %s ORDER BY entry_id
"""
_IDS = """
SELECT entry_id, NULL::bytea FROM audits_entry
WHERE entry_id > %s AND entry_id <= %s ORDER BY entry_id
"""
_LABELS = ("xid", "op", "rel", "pk", "actor", "occurred_at")
FETCH = 1_000


@dataclass(frozen=True)
class Page:
    """Consecutive leaves: the first index, their entries, their hashes side by side."""

    start: int
    ids: list[int]
    hashes: bytes

    def rows(self) -> Iterator[tuple[int, int, bytes]]:
        """Return index, entry and hash of each leaf."""
        hashes = split_hashes(self.hashes)
        yield from zip(count(self.start), self.ids, hashes, strict=False)


class EntryCheck:
    """Compares entries with the pages of leaves that it is handed, in their order."""

    def __init__(self, found: Findings, *, since: int) -> None:
        """Hash bodies from leaf `since` on."""
        self._found = found
        self._since = since
        self.last = 0  # the largest entry id met so far
        self._archived = [
            range(first, last + 1)
            for first, last in Archive.objects.values_list("first_leaf", "last_leaf")
        ]

    def page(self, page: Page) -> None:
        """Check a page of leaves and the entries that belong to it."""
        self._check_order(page)
        end = max(*page.ids, self.last)
        again = page.start + len(page.ids) > self._since
        rows = _fetch(_BODIES if again else _IDS, self.last, end)
        if [entry for entry, _ in rows] != page.ids:
            self._check_one_by_one(page, dict(rows))
        elif again:
            hashes = [hashlib.sha256(b"\0" + body).digest() for _, body in rows]
            if b"".join(hashes) != page.hashes:
                self._check_one_by_one(page, dict(rows))
        self.last = end

    def _check_order(self, page: Page) -> None:
        pairs = zip([self.last, *page.ids], page.ids, strict=False)
        if all(before < entry for before, entry in pairs):
            return
        previous = self.last
        for index, entry in enumerate(page.ids, page.start):
            if entry <= previous:
                self._found.add(
                    "order",
                    f"leaf {index} stands after entry {previous}",
                    "leaves keep the order of capture",
                    entry=entry,
                )
            previous = entry

    def _check_one_by_one(self, page: Page, bodies: dict[int, bytes]) -> None:
        for index, entry, value in page.rows():
            body = bodies.pop(entry, None)
            if body is None and entry <= self.last:  # out of order
                body = dict(_fetch(_BODIES, entry - 1, entry)).get(entry)
            self._check_entry(index, entry, value, body)
        for entry in bodies:
            self._found.add(
                "leaf",
                "the entry has no leaf, though later ones have",
                "every committed entry gets its leaf in order",
                entry=entry,
            )

    def _check_entry(
        self, index: int, entry: int, value: bytes, body: bytes | None
    ) -> None:
        if body is None:
            if any(index in stretch for stretch in self._archived):
                self._found.checked["archived"] += 1
                return
            self._found.add(
                "entry",
                f"leaf {index} has no entry any more",
                "entries are never deleted",
                entry=entry,
            )
            return
        computed = hashlib.sha256(b"\0" + body).digest()
        if index >= self._since and computed != value:
            self._found.add(
                "leaf",
                f"leaf {index} is {value.hex()}, its entry gives {computed.hex()}",
                "a leaf is SHA-256(0x00, body)",
                entry=entry,
            )


def check_columns(found: Findings, after: int, until: int) -> None:
    """Compare the columns of entries with their bodies, for ids in (after, until].

    The database compares the fixed beginning of a body; only what differs from that,
    and bodies of version 1, are read and parsed. Needs the session's time zone UTC.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(_DOUBTFUL, [after, until])
        while rows := cursor.fetchmany(FETCH):
            for entry, body, *columns in rows:
                _compare(found, entry, body, tuple(columns))


def _compare(
    found: Findings, entry: int, text: str, columns: tuple[str | None, ...]
) -> None:
    try:
        body: Any = json.loads(text)
        context = body["ctx"] if isinstance(body["ctx"], dict) else {}
        actor = context.get("sub")
        actor = context.get("via") if actor is None else actor
        names = ("xid", "op", "rel", "pk", "at")
        xid, op, rel, pk, at = (body[name] for name in names)
        same_id = body["id"] == entry
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        found.add(
            "entry",
            f"its body cannot be read: {error!r}",
            "a body is the JSON text that the database wrote",
            entry=entry,
        )
        return
    if not same_id:
        found.add(
            "entry",
            f"its body says entry {body['id']}",
            "the columns repeat the body",
            entry=entry,
        )
    said = (xid, op, rel, pk, actor, at)
    for label, in_body, in_column in zip(_LABELS, said, columns, strict=True):
        if in_body != in_column:
            found.add(
                "entry",
                f"column {label} says {in_column!r}, the body {in_body!r}",
                "the columns repeat the body",
                entry=entry,
                table=str(rel),
                key=str(pk),
            )


def _fetch(query: str, after: int, until: int) -> list[tuple[int, bytes]]:
    """Read in PostgreSQL's binary format: a third faster than text for bodies."""
    cursor = psycopg.Cursor(connection.connection)
    return cursor.execute(query.encode(), [after, until], binary=True).fetchall()
