"""Re-hash the log: entries against leaves, leaves against tiles and checkpoints."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audits.findings import Findings
from audits.integration import split_hashes
from audits.merkle import CompactRange, leaf_hash
from audits.models import Checkpoint, Sequencer, Tile
from audits.note import Checkpoint as SignedTree
from audits.note import (
    NoteMalformed,
    NoteUnverified,
    Verifier,
    open_checkpoint,
)

PAGE = 5_000
Progress = Callable[[int, int], None]

_COLUMNS = """
SELECT e.xid::text, e.op, e.rel, e.pk, e.actor,
  to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.body"""
_LEAVES = f"""
{_COLUMNS}, l.leaf_index, l.entry_id, l.leaf_hash
FROM audits_leaf l LEFT JOIN audits_entry e ON e.entry_id = l.entry_id
WHERE l.leaf_index >= %s ORDER BY l.leaf_index LIMIT %s
"""
_TAIL = f"""
{_COLUMNS}, e.entry_id FROM audits_entry e WHERE e.entry_id > %s ORDER BY e.entry_id
"""


@dataclass(frozen=True)
class LeafRow:
    """A leaf with the columns of its entry; `body` is None when the entry is gone."""

    index: int
    entry: int
    hash: bytes
    body: str | None
    columns: tuple[str | None, ...]


def check_tree(
    found: Findings,
    *,
    verifiers: Callable[[str], list[Verifier]] | None,
    remembered: SignedTree | None = None,
    since: int = 0,
    progress: Progress | None = None,
) -> int:
    """Walk all leaves in order, in bounded memory; return the size that was found.

    Bodies before leaf `since` are not hashed again, their leaves still are part of the
    tree. `verifiers` gives the log's keys under an origin, None if there is no key;
    `remembered` is the tree that the signer signed last.
    """
    state = Sequencer.objects.get()
    signed = _checkpoints(found, verifiers)
    due = next(signed, None)
    tree, tiles = CompactRange(), _TileCheck(found)
    previous = 0
    for row in _leaves():
        if row.index != tree.size:
            found.add(
                "leaf",
                f"leaf {tree.size} is missing; the next one is {row.index}",
                "leaf indexes are contiguous",
            )
            break  # nothing above a gap can be computed
        if row.entry <= previous:
            found.add(
                "order",
                f"leaf {row.index} stands after entry {previous}",
                "leaves keep the order of capture",
                entry=row.entry,
            )
        previous = row.entry
        _check_entry(found, row, hash_again=row.index >= since)
        tiles.leaf(row.hash)
        tree.append(row.hash, tiles.visit)
        if remembered and remembered.size == tree.size:
            _check_memory(found, remembered, tree.root())
        while due is not None and due.tree_size <= tree.size:
            _check_root(found, due, tree)
            due = next(signed, None)
        if progress and row.index % PAGE == PAGE - 1:
            progress(tree.size, state.tree_size)
    while due is not None:
        found.add(
            "checkpoint",
            f"{due.tree_size} leaves were signed, {tree.size} are there",
            "a log never shrinks",
        )
        due = next(signed, None)
    if remembered and remembered.size > tree.size:
        _check_memory(found, remembered, None)
    tiles.finish()
    _check_state(found, state, tree, previous)
    found.checked["leaves"] = tree.size
    return tree.size


class _TileCheck:
    """Rebuilds every full tile while the tree grows, and compares the stored one."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._open: dict[int, list[bytes]] = {0: []}
        self._stored: dict[int, Iterator[Tile]] = {}
        self._next: dict[int, Tile | None] = {}

    def leaf(self, value: bytes) -> None:
        """Take the next leaf hash, before the tree does."""
        self._open[0].append(value)

    def visit(self, level: int, index: int, node: bytes) -> None:
        """Take a node that the tree completed: every eighth level ends a tile."""
        if level % 8:
            return
        level = level // 8 - 1
        expected = b"".join(self._open[level])
        self._open[level].clear()
        self._open.setdefault(level + 1, []).append(node)
        tile = self._take(level)
        if tile is None or tile.tile_index != index:
            self._add(level, index, "the tile is not stored")
            return
        self._advance(level)
        if (bytes(tile.hashes), bytes(tile.root_hash)) != (expected, node):
            self._add(level, index, "the stored tile differs from the leaves")

    def finish(self) -> None:
        """Report tiles that lie beyond the tree."""
        for level in sorted(self._open):
            tile = self._take(level)
            if tile is not None:
                self._add(level, tile.tile_index, "the tree has no such full tile")

    def _take(self, level: int) -> Tile | None:
        if level not in self._stored:
            rows = Tile.objects.filter(level=level).order_by("tile_index")
            self._stored[level] = rows.iterator(chunk_size=64)
            self._advance(level)
        return self._next[level]

    def _advance(self, level: int) -> None:
        self._next[level] = next(self._stored[level], None)

    def _add(self, level: int, index: int, what: str) -> None:
        self._found.add(
            "tile", f"tile {level}/{index}: {what}", "tiles repeat the leaves' hashes"
        )


def _leaves() -> Iterator[LeafRow]:
    """Read leaves with their entries in pages by key: restartable, bounded memory."""
    start = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_LEAVES, [start, PAGE])
            rows = cursor.fetchall()
            for *columns, body, index, entry, value in rows:
                yield LeafRow(index, entry, bytes(value), body, tuple(columns))
            if len(rows) < PAGE:
                return
            start = index + 1


def check_tail(found: Findings) -> int:
    """Read the entries that have no leaf yet; return how many they are."""
    done = Sequencer.objects.get().done_entry_id
    count = 0
    with connection.chunked_cursor() as cursor:
        cursor.execute(_TAIL, [done])
        while rows := cursor.fetchmany(PAGE):
            for *columns, body, entry in rows:
                check_columns(found, entry, body, tuple(columns))
            count += len(rows)
    return count


def _check_entry(found: Findings, row: LeafRow, *, hash_again: bool) -> None:
    if row.body is None:
        found.add(
            "entry",
            f"leaf {row.index} has no entry any more",
            "entries are never deleted",
            entry=row.entry,
        )
        return
    if not hash_again:
        return
    raw = row.body.encode()
    computed = leaf_hash(raw)
    if computed != row.hash:
        found.add(
            "leaf",
            f"leaf {row.index} is {row.hash.hex()}, its entry gives {computed.hex()}",
            "a leaf is SHA-256(0x00, body)",
            entry=row.entry,
        )
    check_columns(found, row.entry, row.body, row.columns)


def check_columns(
    found: Findings, entry: int, text: str, columns: tuple[str | None, ...]
) -> None:
    """Compare the columns xid, op, rel, pk, actor, occurred_at with the body."""
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
    said = (xid, op, rel, pk, actor, at)
    labels = ("xid", "op", "rel", "pk", "actor", "occurred_at")
    if not same_id:
        found.add(
            "entry",
            f"its body says entry {body['id']}",
            "the columns repeat the body",
            entry=entry,
        )
    for label, in_body, in_column in zip(labels, said, columns, strict=True):
        if in_body != in_column:
            found.add(
                "entry",
                f"column {label} says {in_column!r}, the body {in_body!r}",
                "the columns repeat the body",
                entry=entry,
                table=str(rel),
                key=str(pk),
            )


def _checkpoints(
    found: Findings, verifiers: Callable[[str], list[Verifier]] | None
) -> Iterator[Checkpoint]:
    """Read all stored checkpoints by size, each with its signature checked."""
    for stored in Checkpoint.objects.order_by("tree_size").iterator(chunk_size=500):
        found.checked["checkpoints"] += 1
        if verifiers is not None:
            _check_note(found, stored, verifiers)
        yield stored


def _check_note(
    found: Findings, stored: Checkpoint, verifiers: Callable[[str], list[Verifier]]
) -> None:
    because = "each checkpoint is signed with the log's key"
    try:
        keys = verifiers(stored.note.split("\n", 1)[0])
        said = open_checkpoint(stored.note, *keys)
    except (NoteMalformed, NoteUnverified) as error:
        found.add("checkpoint", f"checkpoint {stored.tree_size}: {error}", because)
        return
    if (said.size, said.root) != (stored.tree_size, bytes(stored.root_hash)):
        found.add(
            "checkpoint",
            f"checkpoint {stored.tree_size} with root {bytes(stored.root_hash).hex()} "
            f"carries a note for {said.size} leaves with root {said.root.hex()}",
            because,
        )


def _check_memory(found: Findings, remembered: SignedTree, root: bytes | None) -> None:
    """Compare what the signer remembers outside the database; None: not that large."""
    if root == remembered.root:
        return
    found.add(
        "signer",
        f"{remembered.size} leaves were signed, the database has fewer"
        if root is None
        else f"the root of {remembered.size} leaves was signed as "
        f"{remembered.root.hex()}, the leaves give {root.hex()}",
        "the signer's memory lies outside the database",
    )


def _check_root(found: Findings, due: Checkpoint, tree: CompactRange) -> None:
    signed, computed = bytes(due.root_hash), tree.root()
    if due.tree_size == tree.size and signed != computed:
        found.add(
            "checkpoint",
            f"the root of {due.tree_size} leaves was signed as {signed.hex()}, "
            f"the leaves give {computed.hex()}",
            "every checkpoint is a prefix of the log",
        )


def _check_state(
    found: Findings, state: Sequencer, tree: CompactRange, last: int
) -> None:
    because = "the sequencer's row repeats the end of the tree"
    if (state.tree_size, split_hashes(state.frontier)) != (tree.size, tree.frontier):
        found.add(
            "sequencer",
            f"it says {state.tree_size} leaves, the leaves give {tree.size}"
            if state.tree_size != tree.size
            else "its edge hashes differ from the leaves",
            because,
        )
    if state.done_entry_id < last:
        found.add(
            "sequencer",
            f"it says entry {state.done_entry_id} was the last, leaves reach {last}",
            because,
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.entry_id, e.rel, e.pk FROM audits_entry e WHERE e.entry_id <= %s "
            "AND NOT EXISTS (SELECT FROM audits_leaf l WHERE l.entry_id = e.entry_id) "
            "ORDER BY e.entry_id LIMIT 1000",
            [state.done_entry_id],
        )
        for entry, rel, pk in cursor.fetchall():
            found.add(
                "leaf",
                "the entry has no leaf, though later ones have",
                "every committed entry gets its leaf in order",
                entry=entry,
                table=rel,
                key=pk or "",
            )
