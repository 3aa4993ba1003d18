"""The integrator: gives captured entries their order and grows the tree."""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from audits.merkle import HASH_BYTES, CompactRange, leaf_hash, perfect_root
from audits.tiles import TILE_LEVELS, TILE_WIDTH

INTEGRATOR_LOCK = 0x4652_4549_0002
BATCH = 20_000  # entry ids in one transaction
READ = 2_000  # entry ids in one answer: at most 131 MB
_LONGEST_PAUSE = 0.05  # seconds between two looks at the fence

# One value for many entries: a row of its own for each costs more than its hash.
# OFFSET 0: convert once.
_BODIES = """
SELECT string_agg(int8send(entry_id) || int4send(octet_length(raw)) || raw, ''::bytea)
FROM (SELECT entry_id, convert_to(body, 'UTF8') AS raw FROM audits_entry
  WHERE entry_id > %s AND entry_id <= %s OFFSET 0) e
"""
_HEAD = struct.Struct("!qi")  # entry id, length of the body
_COPY_LEAVES = """
COPY audits_leaf (leaf_index, entry_id, leaf_hash) FROM STDIN (FORMAT BINARY)
"""
# PostgreSQL's binary COPY: signature, no flags; fields with their lengths; the end.
_COPY_BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_ROW = struct.Struct("!hiqiqi32s")
_COPY_END = b"\xff\xff"
_FULL_TILES = """
INSERT INTO audits_tile (level, tile_index, hashes, root_hash)
SELECT 0, i, string_agg(leaf_hash, ''::bytea ORDER BY leaf_index), root
FROM unnest(%s::bigint[], %s::bytea[]) AS t (i, root)
JOIN audits_leaf ON leaf_index BETWEEN i * 256 AND i * 256 + 255 GROUP BY i, root
"""
_FULL_UPPER_TILES = """
INSERT INTO audits_tile (level, tile_index, hashes, root_hash)
SELECT %s, i, string_agg(root_hash, ''::bytea ORDER BY tile_index), root
FROM unnest(%s::bigint[], %s::bytea[]) AS t (i, root)
JOIN audits_tile ON level = %s AND tile_index BETWEEN i * 256 AND i * 256 + 255
GROUP BY i, root
"""


class Lagging(Exception):
    """The log cannot advance yet; the text says how long it waited and for whom."""


class SetBack(Lagging):
    """The sequence of entry ids stands lower than an id that has its leaf."""


class Contradicted(Lagging):
    """Leaves or tiles were there that this integrator never gave."""


class InTransaction(Exception):
    """The log was asked to advance inside somebody's open transaction."""


@dataclass(frozen=True)
class Integration:
    """What one run did: tree size afterwards, leaves added, seconds at the fence."""

    size: int
    added: int
    waited: float


def integrate(*, wait_seconds: float = 30.0) -> Integration:
    """Turn every entry that was committed before this call into a leaf.

    Contiguous indexes in capture order; a crash at any moment loses and doubles
    nothing. Waits at most `wait_seconds` for transactions that may still hold an
    earlier entry, then raises Lagging. Raises InTransaction inside a transaction,
    where the fence could never pass, and SetBack or Contradicted when somebody moved
    the sequence of the ids or wrote leaves. The fence is that of log.md 4.4.
    """
    require_autocommit()
    started = time.monotonic()
    deadline = started + wait_seconds
    with connection.cursor() as cursor, _alone(cursor, deadline, wait_seconds):
        last, done, size = _position(cursor)
        if last == done:
            return Integration(size, 0, 0.0)
        _pass_fence(cursor, deadline, wait_seconds)
        waited = time.monotonic() - started
        before = size
        while done < last:
            done, size = _integrate_batch(cursor, last)
        return Integration(size, size - before, waited)


def require_autocommit() -> None:
    """Raise InTransaction when the calling code has a transaction open."""
    if connection.in_atomic_block or not connection.get_autocommit():
        raise InTransaction(
            "The log advances only outside of transactions: commit first, then call."
        )


@contextmanager
def _alone(
    cursor: CursorWrapper, deadline: float, wait_seconds: float
) -> Iterator[None]:
    """Hold the integrator's lock: one instance, whatever the number of processes."""
    pause = 0.002
    while True:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [INTEGRATOR_LOCK])
        if cursor.fetchone()[0]:
            break
        if time.monotonic() > deadline:
            raise Lagging(
                "Another process has been integrating the log for more than "
                f"{wait_seconds:g} s."
            )
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [INTEGRATOR_LOCK])


def _position(cursor: CursorWrapper) -> tuple[int, int, int]:
    """Return the last entry id handed out, the last one integrated, the tree size."""
    cursor.execute(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END, "
        "s.done_entry_id, s.tree_size "
        "FROM audits_entry_id_seq, audits_sequencer s"
    )
    last, done, size = cursor.fetchone()
    if last < done:
        raise SetBack(
            f"The sequence of entry ids stands at {last}, though entries up to {done} "
            "have their places: somebody set it back. What is written now gets no "
            "place in the log; verify it before anything else."
        )
    return last, done, size


def _pass_fence(cursor: CursorWrapper, deadline: float, wait_seconds: float) -> None:
    """Wait until every transaction that can hold an id handed out so far has ended.

    The caller has read the last id BEFORE. Our own transaction id, taken now, is above
    that of all of them, because writers take theirs before their entry id.
    """
    cursor.execute("SELECT pg_current_xact_id()::text::bigint")
    fence = cursor.fetchone()[0]
    pause = 0.001
    while True:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        if cursor.fetchone()[0] > fence:
            return
        if time.monotonic() > deadline:
            raise Lagging(
                f"The log has not advanced for {wait_seconds:g} s: {_oldest(cursor)}."
            )
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _oldest(cursor: CursorWrapper) -> str:
    """Name the transaction that holds the fence, for the operator."""
    cursor.execute(
        "SELECT pid, coalesce(usename, '?'), coalesce(datname, '?'), "
        "extract(epoch FROM clock_timestamp() - xact_start) FROM pg_stat_activity "
        "WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() "
        "ORDER BY xact_start LIMIT 1"
    )
    row = cursor.fetchone()
    if row is None:
        return "a prepared transaction is still open"
    pid, role, database, age = row
    return (
        f"a transaction of process {pid} (role {role}, database {database}) "
        f"has been open for {age:.1f} s"
    )


def _integrate_batch(cursor: CursorWrapper, last: int) -> tuple[int, int]:
    """Take the next BATCH ids in one durable transaction; return (done, size)."""
    with transaction.atomic(durable=True):
        # The signer may only see what a crash of the server cannot take back.
        cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute(
            "SELECT done_entry_id, tree_size, frontier FROM audits_sequencer FOR UPDATE"
        )
        done, size, frontier = cursor.fetchone()
        if done >= last:
            return done, size
        tree = stored_tree(size, frontier)
        # The batch is one of ids, so that no plan looks beyond it; gaps cost nothing.
        cursor.execute(
            "SELECT min(entry_id) FROM audits_entry WHERE entry_id > %s", [done]
        )
        first = cursor.fetchone()[0] or last
        upto = min(last, first + BATCH - 1)
        try:
            found = _hashed(first, upto)
            _write_leaves(cursor, size, found)
            _grow(cursor, tree, [leaf for _entry_id, leaf in found])
        except IntegrityError as error:
            reason = str(error).partition("\n")[0]
            raise Contradicted(
                f"After {size} leaves somebody else wrote to the tree ({reason}). "
                "Nothing is added; verify the log before anything else."
            ) from error
        done = upto
        cursor.execute(
            "UPDATE audits_sequencer SET done_entry_id = %s, tree_size = %s, "
            "frontier = %s",
            [done, tree.size, b"".join(tree.frontier)],
        )
        return done, tree.size


def _hashed(first: int, last: int) -> list[tuple[int, bytes]]:
    """Return id and leaf hash of the entries from `first` to `last`, in order.

    Hashed here: not every PostgreSQL is built with a fast SHA-256.
    """
    found: list[tuple[int, bytes]] = []
    # psycopg's own cursor: Django's takes bytes as text, at twice the length.
    with psycopg.Cursor(connection.connection) as cursor:
        for begin in range(first - 1, last, READ):
            cursor.execute(_BODIES, [begin, min(begin + READ, last)], binary=True)
            row = cursor.fetchone()
            raw = (row and row[0]) or b""
            at = 0
            while at < len(raw):
                entry_id, length = _HEAD.unpack_from(raw, at)
                at += _HEAD.size
                found.append((entry_id, leaf_hash(raw[at : at + length])))
                at += length
    found.sort()
    return found


def _write_leaves(
    cursor: CursorWrapper, size: int, found: list[tuple[int, bytes]]
) -> None:
    """Add the leaves behind the first `size`. Raises IntegrityError."""
    rows = [
        _COPY_ROW.pack(3, 8, size + place, 8, entry_id, 32, leaf)
        for place, (entry_id, leaf) in enumerate(found)
    ]
    with connection.wrap_database_errors, cursor.copy(_COPY_LEAVES) as copy:
        copy.write(b"".join([_COPY_BEGIN, *rows, _COPY_END]))


def _grow(cursor: CursorWrapper, tree: CompactRange, leaves: list[bytes]) -> None:
    """Append the leaves, and store each tile in the moment it becomes full."""
    full: dict[int, list[tuple[int, bytes]]] = {}

    def visit(level: int, index: int, node: bytes) -> None:
        if level % TILE_LEVELS == 0:
            full.setdefault(level // TILE_LEVELS - 1, []).append((index, node))

    start = 0
    while start < len(leaves):
        whole = leaves[start : start + TILE_WIDTH]
        if tree.size % TILE_WIDTH == 0 and len(whole) == TILE_WIDTH:
            root = perfect_root(whole)
            visit(TILE_LEVELS, tree.size // TILE_WIDTH, root)
            tree.append_subtree(TILE_LEVELS, root, visit)
            start += TILE_WIDTH
        else:
            tree.append(leaves[start], visit)
            start += 1
    for level, tiles in sorted(full.items()):
        indexes, roots = (list(column) for column in zip(*tiles, strict=True))
        if level == 0:
            cursor.execute(_FULL_TILES, [indexes, roots])
        else:
            cursor.execute(_FULL_UPPER_TILES, [level, indexes, roots, level - 1])


def stored_tree(size: int, frontier: bytes | memoryview) -> CompactRange:
    """Resume the tree from the sequencer's row. Raises Contradicted if edited."""
    try:
        return CompactRange(size, split_hashes(frontier))
    except ValueError as error:
        raise Contradicted(
            f"The sequencer's row contradicts itself: {error} Nothing is added or "
            "signed; verify the log before anything else."
        ) from error


def split_hashes(joined: bytes | memoryview) -> list[bytes]:
    """Cut hashes that lie side by side apart."""
    raw = bytes(joined)
    return [raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES)]
