"""Replay the log against the live tables, and each row's entries against each other."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max

from audits.capture import governed_tables
from audits.findings import Findings
from audits.models import Entry
from audits.told import Told

FETCH = 500  # rows in memory at once
LONGEST_VALUE = 120  # characters of a value in a finding

# The rows for which the last entry and the table disagree, as texts: jsonb's own
# equality holds 1.0 and 1.00 for the same (log.md 2.3).
_REPLAY = """
WITH logged AS (
  SELECT DISTINCT ON (pk) pk, entry_id, op, body::jsonb AS body FROM audits_entry
  WHERE rel = %s AND op IN ('I', 'U', 'D') AND pk IS NOT NULL
  ORDER BY pk, entry_id DESC
), live AS (
  SELECT to_jsonb(t.*) ->> %s AS pk, public.audits_committed(%s, to_jsonb(t.*) ->> %s,
    to_jsonb(t.*) - %s::text[], %s::text[]) AS content
  FROM {table} t
)
SELECT coalesce(logged.pk, live.pk), logged.entry_id, logged.op,
  (logged.body -> 'new')::text, (logged.body -> 'reduced' -> 'new')::text,
  live.content::text
FROM logged FULL JOIN live ON live.pk = logged.pk
WHERE CASE WHEN live.pk IS NULL THEN logged.op <> 'D'
  WHEN logged.pk IS NULL OR logged.op = 'D' THEN true
  ELSE (logged.body -> 'new')::text IS DISTINCT FROM live.content::text END
"""

# The entries that do not continue the entry before them for the same row. One without
# any before it may stand where the earlier ones were archived, up to that moment: what
# lived then had an entry left, so that none after it is excused (audits/archive.py).
_CHAIN = """
SELECT pk, entry_id, op, prior_id, prior_op, body::text, prior::text FROM (
  SELECT pk, entry_id, op, body, lag(entry_id) OVER w AS prior_id,
    lag(op) OVER w AS prior_op, lag(body) OVER w AS prior
  FROM (SELECT pk, entry_id, op, body::jsonb AS body FROM audits_entry
    WHERE rel = %s AND op IN ('I', 'U', 'D') AND pk IS NOT NULL) e
  WINDOW w AS (PARTITION BY pk ORDER BY entry_id)
) c
WHERE CASE WHEN op = 'I' THEN prior_op <> 'D'
  WHEN prior_op IS NULL THEN entry_id > %s
  WHEN prior_op = 'D' THEN true
  ELSE body ->> 'osha' IS DISTINCT FROM
    encode(sha256(convert_to((prior -> 'new')::text, 'UTF8')), 'hex') END
"""


@dataclass(frozen=True)
class Number:
    """A JSON number as it was spelled: 1.0 and 1.00 are different texts."""

    text: str


@dataclass(frozen=True)
class Logged:
    """A captured table, as the log's own latest S entry describes it."""

    rel: str
    key: str
    secrets: tuple[str, ...]
    personal: tuple[str, ...]

    @property
    def table(self) -> str:
        """The table's name for use in SQL."""
        schema, _, name = self.rel.partition(".")
        quote = connection.ops.quote_name
        return f"{quote(schema)}.{quote(name)}"


def check_rows(found: Findings) -> None:
    """Compare every captured table with the log, and the log's rows with themselves.

    Needs one snapshot for all: call it in a REPEATABLE READ transaction whose
    settings are those of the capture function.
    """
    with connection.cursor() as cursor:
        existing = {
            f"public.{name}" for name in connection.introspection.table_names(cursor)
        }
    expected = {table.rel for table in governed_tables()}
    captured = {table.rel: table for table in _captured()}
    for rel in sorted(expected & existing - captured.keys()):
        found.add(
            "capture", "it was never captured", "every table is captured", table=rel
        )
    for rel, table in sorted(captured.items()):
        _check_chain(found, table)
        if rel in existing:
            _check_live(found, table)
            found.checked["tables"] += 1
        elif rel in expected:
            found.add("replay", "the table is gone", "tables do not go", table=rel)
        else:
            found.not_covered.append(
                f"{rel} is no longer part of Freigabe; its rows were not replayed."
            )


def differences(
    logged: dict[str, Any],
    logged_by_digest: set[str],
    seen: dict[str, Any],
    seen_by_digest: set[str],
) -> list[tuple[str, str, str]]:
    """Return (column, value in the log, value seen) where two row images differ.

    Columns that only one of them has came or went with a migration and are skipped. A
    value that was logged by its digest is compared by its digest.
    """
    different = []
    for column in logged.keys() & seen.keys():
        left, right = logged[column], seen[column]
        if column in logged_by_digest and column not in seen_by_digest:
            right = digest_of(right)
        if column in seen_by_digest and column not in logged_by_digest:
            left = digest_of(left)
        if left != right:
            different.append((column, _brief(logged[column]), _brief(seen[column])))
    return sorted(different)


def is_committed(value: Any) -> bool:
    """Say whether a value stands in the log as a commitment."""
    return isinstance(value, dict) and value.keys() == {"$commitment"}


def parse_json(text: str | None) -> Any:
    """Parse JSON that PostgreSQL wrote, numbers kept as they were spelled."""
    if text is None:
        return None
    return json.loads(text, parse_float=Number, parse_int=Number)


def digest_of(value: Any) -> dict[str, Any]:
    """Return what audits_digest() in capture.sql writes for a large value."""
    raw = (value if isinstance(value, str) else jsonb_text(value)).encode()
    return {"$len": Number(str(len(raw))), "$sha256": hashlib.sha256(raw).hexdigest()}


def jsonb_text(value: Any) -> str:
    """Write a parsed value as PostgreSQL prints jsonb."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        pairs = (f"{jsonb_text(k)}: {jsonb_text(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(jsonb_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _captured() -> list[Logged]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (rel) rel, body::jsonb -> 'new' ->> 'key', "
            "body::jsonb -> 'new' ->> 'secrets', body::jsonb -> 'new' ->> 'personal' "
            "FROM audits_entry WHERE op = 'S' AND pk IS NULL "
            "ORDER BY rel, entry_id DESC"
        )
        return [
            Logged(rel, key, _names(secrets), _names(personal))
            for rel, key, secrets, personal in cursor.fetchall()
        ]


def _names(joined: str | None) -> tuple[str, ...]:
    return tuple(name for name in (joined or "").split(",") if name)


def _check_live(found: Findings, table: Logged) -> None:
    query = _REPLAY.format(table=table.table)
    parameters = [
        table.rel,
        table.key,
        table.rel,
        table.key,
        list(table.secrets),
        list(table.personal),
    ]
    told = Told(table.rel)
    for pk, entry, op, logged, reduced, live in _stream(query, parameters):
        if live is None:
            what = f"the row is gone, though entry {entry} left it there"
            _row(found, "deleted", table, pk, entry, what)
        elif logged is None:
            what = (
                f"the row is there, though entry {entry} deleted it"
                if op == "D"
                else "the row is there, but no entry tells of it"
            )
            _row(found, "inserted", table, pk, entry, what)
        else:
            by_digest = set(_list(parse_json(reduced)))
            was, now = _object(parse_json(logged)), parse_json(live)
            for column, said, seen in differences(was, by_digest, now, set()):
                what = f"column {column} is {seen}, the log says {said}"
                _row(found, "changed", table, pk, entry, what)
            for what in _left_out(told, pk, entry, was, now):
                _row(found, "changed", table, pk, entry, what)


def _left_out(
    told: Told, pk: str, entry: int, was: dict[str, Any], now: dict[str, Any]
) -> Iterator[str]:
    """Compare columns that an entry leaves out with the last one that tells them."""
    for column in sorted(now.keys() - was.keys()):
        last = told.last(pk, column, before=entry)
        if last is None:
            continue
        said = {column: parse_json(last[1])}
        if is_committed(said[column]) != is_committed(now[column]):
            continue
        by_digest = {column} if last[2] else set()
        for _, old, new in differences(said, by_digest, {column: now[column]}, set()):
            yield (
                f"column {column} is {new}, entry {entry} leaves it out, "
                f"entry {last[0]} says {old}"
            )


def _row(
    found: Findings, how: str, table: Logged, pk: str, entry: int | None, what: str
) -> None:
    because = f"it was {how} without capture"
    found.add("replay", what, because, entry=entry, table=table.rel, key=pk)


def _check_chain(found: Findings, table: Logged) -> None:
    told = Told(table.rel)
    parameters = [table.rel, _archived_at_entry()]
    for pk, entry, op, prior_id, prior_op, body, prior in _stream(_CHAIN, parameters):
        what = _break_in_chain(op, prior_id, prior_op, body, prior)
        if not what and prior_op in ("I", "U") and op != "I":
            was, old = _object(parse_json(prior)), _old_row(_object(parse_json(body)))
            missing = _left_out(told, pk, prior_id, _object(was.get("new")), old)
            what = "; ".join(missing)
        if what:
            found.add(
                "chain",
                what,
                "the row changed between the two without capture",
                entry=entry,
                table=table.rel,
                key=pk,
            )


def _archived_at_entry() -> int:
    """Return the entry that tells of the last archiving, 0 if there was none."""
    told = Entry.objects.filter(rel="public.audits_archive", op="I")
    return told.aggregate(last=Max("entry_id"))["last"] or 0


def _break_in_chain(
    op: str, prior_id: int | None, prior_op: str | None, body: str, prior: str
) -> str:
    """Say how an entry contradicts the one before it, or nothing if a migration did."""
    if op == "I":
        return (
            f"an insert follows entry {prior_id} ({prior_op}): nobody deleted the row"
        )
    if prior_op is None or prior_op == "D":
        after = f"entry {prior_id} (D)" if prior_id else "nothing"
        return f"a change ({op}) follows {after}: nobody inserted the row"
    this, before = _object(parse_json(body)), _object(parse_json(prior))
    old = _old_row(this)
    was = _object(before.get("new"))
    by_digest = set(_list(_object(before.get("reduced")).get("new")))
    old_by_digest = _old_by_digest(this)
    if this.get("v") != before.get("v"):  # plain names became commitments
        old = {
            k: v for k, v in old.items() if is_committed(v) == is_committed(was.get(k))
        }
    changed = differences(was, by_digest, old, old_by_digest)
    if changed:
        return "; ".join(
            f"column {column} was {seen} before it, entry {prior_id} says {said}"
            for column, said, seen in changed
        )
    if by_digest or old_by_digest or was.keys() != old.keys():
        return ""
    return f"its digest of the old row does not match entry {prior_id}"


def _old_row(body: dict[str, Any]) -> dict[str, Any]:
    """Rebuild the row before a change: what it was where it changed."""
    return {**_object(body.get("new")), **_object(body.get("old"))}


def _old_by_digest(body: dict[str, Any]) -> set[str]:
    """Name the columns of the rebuilt old row that are digests in this entry."""
    reduced = _object(body.get("reduced"))
    unchanged = set(_list(reduced.get("new"))) - _object(body.get("old")).keys()
    return set(_list(reduced.get("old"))) | unchanged


def _object(value: Any) -> dict[str, Any]:
    """Return an object as it is; in its place in a forged entry may be anything."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, str)]


def _stream(query: str, parameters: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Read a result through a server-side cursor: bounded memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while rows := cursor.fetchmany(FETCH):
            yield from rows


def _brief(value: Any) -> str:
    text = jsonb_text(value)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}... ({len(text)} characters)"
