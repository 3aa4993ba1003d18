"""Archive whole partitions of entries: the bodies leave, leaves and proofs stay.

Needs no transaction around it: every step is its own, and a killed run goes on where it
ended when it is called again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import Error, OperationalError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Count, Max, Min
from psycopg import sql

from audits import exported, keeping, log
from audits.integration import require_autocommit
from audits.models import Archive, Entry, Leaf, Sequencer
from audits.verification import verify
from registry.models import User

SCHEMA = "freigabe_archive"
AT_ONCE = 2_000  # rows that are carried forward while their table is locked
Say = Callable[[str], None]

_PARTITIONS = """
SELECT c.relname, (regexp_match(pg_get_expr(c.relpartbound, c.oid),
  'TO \\(''(\\d+)''\\)'))[1]::bigint
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'public.audits_entry'::regclass ORDER BY 2 NULLS LAST
"""


class CannotArchive(Exception):
    """The partition must stay for now; the text says why and what to do."""


@dataclass(frozen=True)
class Partition:
    """A partition of audits_entry for the ids below `end`; None: the one for the rest.

    `newest` is the time of its last entry, None when it is empty.
    """

    name: str
    end: int | None
    newest: datetime | None


@dataclass(frozen=True)
class Stretch:
    """The entries of a partition and their leaves, first and last included."""

    first_entry: int
    last_entry: int
    first_leaf: int
    last_leaf: int
    newest: datetime


def partitions() -> list[Partition]:
    """Return the attached partitions, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        found = cursor.fetchall()
        times = []
        for name, _end in found:
            statement = sql.SQL(
                "SELECT max(occurred_at) FROM public.audits_entry "
                "WHERE tableoid = {}::regclass"
            )
            cursor.execute(statement.format(sql.Literal(f"public.{name}")))
            times.append(cursor.fetchone()[0])
    return [
        Partition(name, end, newest)
        for (name, end), newest in zip(found, times, strict=True)
    ]


def older_than(day: date) -> list[str]:
    """Name the full partitions whose entries were all recorded before a day (UTC)."""
    done = Sequencer.objects.get().done_entry_id
    return [
        part.name
        for part in partitions()
        if part.end
        and part.end <= done + 1
        and part.newest
        and part.newest.date() < day
    ]


def archive(
    *,
    partition: str,
    because: str,
    by: User,
    at: datetime,
    drop: bool = False,
    say: Say = lambda _line: None,
) -> Archive:
    """Detach a partition of entries and record it; drop it too if `drop`.

    What lives on is said again in new entries first, and these are signed. Raises
    CannotArchive, keeping.UnderLegalHold, keeping.NoRule, export.ExportError and what
    log.advance() and verification.verify() raise.
    """
    require_autocommit()
    row = Archive.objects.filter(partition=partition).first()
    if row is None:
        if not because.strip():
            raise CannotArchive("Say why it is archived; the log will keep it.")
        stretch = _require_archivable(partition, at)
        say(f"{partition}: entries {stretch.first_entry} to {stretch.last_entry}")
        manifest = exported.require_exported(stretch.first_leaf, stretch.last_leaf)
        context = json.dumps(
            {"sub": str(by.pk), "via": "archive", "reason": because.strip()}
        )
        say(f"{_carry(stretch, context)} last entries carried forward")
        log.advance(at=at)
        _require_sound()
        row = Archive(
            partition=partition,
            first_entry=stretch.first_entry,
            last_entry=stretch.last_entry,
            first_leaf=stretch.first_leaf,
            last_leaf=stretch.last_leaf,
            destination=manifest.destination,
            manifest_sha256=manifest.sha256,
            because=because.strip(),
            archived_by=by,
            archived_at=at,
        )
        _detach(row, context)
        say(f"{partition} is detached and stands in the schema {SCHEMA}")
    if drop:
        _drop(partition, by)
        say(f"{partition} is dropped")
    log.advance(at=at)
    return row


def _require_archivable(name: str, at: datetime) -> Stretch:
    """Return the partition's stretch if it is complete, old enough and free."""
    attached = partitions()
    part = next((item for item in attached if item.name == name), None)
    if part is None or part.end is None:
        raise CannotArchive(f"{name} is no partition of the log that can be archived.")
    if attached[0].name != name:
        raise CannotArchive(f"Older entries go first: archive {attached[0].name}.")
    if Sequencer.objects.get().done_entry_id < part.end - 1:
        raise CannotArchive(
            f"{name} still takes entries, or some of them have no leaf yet."
        )
    stretch = _stretch(name, part.end)
    until = keeping.kept_until(stretch.newest)
    if until >= at.date():
        rule = keeping.longest()
        raise CannotArchive(
            f"{name} is kept until {until} ({rule.basis}: {rule.months} months)."
        )
    _require_no_hold(stretch)
    signed = log.latest_checkpoint()
    if signed is None or signed.tree_size <= stretch.last_leaf:
        raise CannotArchive(f"No checkpoint covers {name} yet; wait for the next one.")
    return stretch


def _stretch(name: str, end: int) -> Stretch:
    entries = Entry.objects.filter(entry_id__lt=end)
    of_entries = entries.aggregate(
        first=Min("entry_id"),
        last=Max("entry_id"),
        count=Count("entry_id"),
        newest=Max("occurred_at"),
    )
    if not of_entries["count"]:
        raise CannotArchive(f"{name} holds no entries.")
    leaves = Leaf.objects.filter(
        entry_id__gte=of_entries["first"], entry_id__lte=of_entries["last"]
    ).aggregate(
        first=Min("leaf_index"), last=Max("leaf_index"), count=Count("leaf_index")
    )
    span = leaves["last"] - leaves["first"] + 1 if leaves["count"] else 0
    if not leaves["count"] == span == of_entries["count"]:
        raise CannotArchive(
            f"{name} holds {of_entries['count']} entries but {leaves['count']} leaves: "
            "verify the log first."
        )
    return Stretch(
        of_entries["first"],
        of_entries["last"],
        leaves["first"],
        leaves["last"],
        of_entries["newest"],
    )


def _lock_holds(cursor: CursorWrapper, stretch: Stretch | Archive) -> None:
    """Let no hold be placed until the commit, and refuse one placed since the start."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [keeping.HOLDS_LOCK])
    _require_no_hold(stretch)


def _require_no_hold(stretch: Stretch | Archive) -> None:
    held = keeping.holds_within(first=stretch.first_entry, last=stretch.last_entry)
    if held:
        raise keeping.UnderLegalHold(keeping.told(held[0]))


def _require_sound() -> None:
    """Verify everything: what leaves now can be compared with nothing later."""
    verdict = verify()
    if not verdict.ok:
        first = verdict.findings[0].text
        raise CannotArchive(
            f"The log does not hold ({len(verdict.findings)} findings), so nothing "
            f"leaves it: {first}"
        )


def _carry(stretch: Stretch, context: str) -> int:
    """Carry forward table by table, some rows in each transaction.

    A table is locked shortly only, and gives up rather than make its writers queue.
    """
    carried = 0
    span = [stretch.first_entry, stretch.last_entry]
    with _owner() as cursor:
        for rel in _tables(cursor, stretch):
            cursor.execute("SELECT public.audits_uncarried(%s, %s, %s)", [rel, *span])
            ids = [entry for (entry,) in cursor.fetchall()]
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                query = "SELECT public.audits_carry(%s, %s, %s, %s)"
                arguments = [rel, some, stretch.last_entry, context]
                carried += _called(cursor, stretch, context, query, arguments)
            query = "SELECT public.audits_forget(%s, %s, %s)"
            _called(cursor, stretch, context, query, [rel, *span])
    return carried


def _called(
    cursor: CursorWrapper,
    stretch: Stretch,
    context: str,
    query: str,
    arguments: list[Any],
) -> int:
    """Call a function in a transaction of its own, unless a hold came in between."""
    try:
        with transaction.atomic(using=settings.FREIGABE_OWNER_ALIAS):
            cursor.execute("SELECT set_config('freigabe.actor', %s, true)", [context])
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            _lock_holds(cursor, stretch)
            cursor.execute(query, arguments)
            return int(cursor.fetchone()[0])
    except OperationalError as error:
        raise CannotArchive(
            f"{arguments[0]} is busy; what was carried forward stays, run it again: "
            f"{error}"
        ) from error


def _tables(cursor: CursorWrapper, stretch: Stretch | Archive) -> list[str]:
    cursor.execute(
        "SELECT DISTINCT rel FROM public.audits_entry WHERE entry_id BETWEEN %s AND %s",
        [stretch.first_entry, stretch.last_entry],
    )
    return sorted(rel for (rel,) in cursor.fetchall())


def _detach(row: Archive, context: str) -> None:
    """Record and detach in one transaction. Raises CannotArchive, UnderLegalHold."""
    using = settings.FREIGABE_OWNER_ALIAS
    name, schema = sql.Identifier(row.partition), sql.Identifier(SCHEMA)
    try:
        with transaction.atomic(using=using), _owner() as cursor:
            cursor.execute("SELECT set_config('freigabe.actor', %s, true)", [context])
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            _lock_holds(cursor, row)
            for rel in _tables(cursor, row):
                cursor.execute(
                    "SELECT FROM public.audits_uncarried(%s, %s, %s) LIMIT 1",
                    [rel, row.first_entry, row.last_entry],
                )
                if cursor.rowcount:
                    raise CannotArchive(f"{rel} was not carried forward; run it again.")
            row.save(using=using, force_insert=True)
            for statement in (
                "CREATE SCHEMA IF NOT EXISTS {schema}",
                "ALTER TABLE public.audits_entry DETACH PARTITION public.{name}",
                "SELECT public.audits_protect('public.{name}'::regclass, true)",
                "ALTER TABLE public.{name} SET SCHEMA {schema}",
            ):
                cursor.execute(sql.SQL(statement).format(name=name, schema=schema))
    except Error as error:
        raise CannotArchive(
            f"{row.partition} could not be detached now; run it again: {error}"
        ) from error


def _drop(partition: str, by: User) -> None:
    context = json.dumps({"sub": str(by.pk), "via": "archive"})
    statement = sql.SQL("DROP TABLE IF EXISTS {}")
    with transaction.atomic(using=settings.FREIGABE_OWNER_ALIAS), _owner() as cursor:
        cursor.execute("SELECT set_config('freigabe.actor', %s, true)", [context])
        cursor.execute(statement.format(sql.Identifier(SCHEMA, partition)))


def _owner() -> CursorWrapper:
    return connections[settings.FREIGABE_OWNER_ALIAS].cursor()
