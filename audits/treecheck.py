"""Re-hash the log: entries against leaves, leaves against tiles and checkpoints."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from django.db import connection

from audits.entrycheck import EntryCheck, Page, check_columns
from audits.findings import Findings
from audits.integration import split_hashes
from audits.merkle import HASH_BYTES, CompactRange, perfect_root
from audits.models import Checkpoint, Entry, Leaf, Sequencer, Tile
from audits.note import Checkpoint as SignedTree
from audits.note import (
    NoteMalformed,
    NoteUnverified,
    Verifier,
    open_checkpoint,
)
from audits.snapshot import beside
from audits.tiles import TILE_LEVELS, TILE_WIDTH

PAGE = 40 * TILE_WIDTH
LARGEST_ID = 2**63 - 1
Progress = Callable[[int, int], None]
StoredTile = tuple[int, bytes, bytes]  # index, hashes, root

_LEAVES = b"""
SELECT array_agg(leaf_index ORDER BY leaf_index),
  array_agg(entry_id ORDER BY leaf_index),
  string_agg(leaf_hash, ''::bytea ORDER BY leaf_index)
FROM audits_leaf WHERE leaf_index >= %s AND leaf_index < %s
"""
_WITHOUT_LEAF = """
SELECT e.entry_id, e.rel, e.pk FROM audits_entry e
WHERE e.entry_id > %s AND e.entry_id <= %s
AND NOT EXISTS (SELECT FROM audits_leaf l WHERE l.entry_id = e.entry_id)
ORDER BY e.entry_id LIMIT 1000
"""


def check_tree(
    found: Findings,
    *,
    verifiers: Callable[[str], list[Verifier]] | None,
    remembered: Sequence[SignedTree] = (),
    since: int = 0,
    progress: Progress | None = None,
) -> int:
    """Walk all leaves in order, in bounded memory; return the size that was found.

    Bodies before leaf `since` are not hashed again, their leaves still are part of the
    tree. `verifiers` gives the log's keys under an origin, None if there is no key;
    `remembered` are trees that somebody outside the database vouches for.
    """
    state = Sequencer.objects.first()
    if state is None:
        found.add("sequencer", "its row is gone", "the row says how far the log is")
        state = Sequencer(done_entry_id=0, tree_size=0, frontier=b"")
    walk = _Walk(found, _checkpoints(found, verifiers), remembered)
    entries = EntryCheck(found, since=since)
    after, until = _entry_before(since), state.done_entry_id
    with beside(found, lambda own: check_columns(own, after, until)):
        _walk_pages(found, walk, entries, progress, state.tree_size)
    walk.finish()
    _check_state(found, state, walk.tree, entries.last)
    found.checked["leaves"] = walk.tree.size
    return walk.tree.size


def _walk_pages(
    found: Findings,
    walk: "_Walk",
    entries: EntryCheck,
    progress: Progress | None,
    size: int,
) -> None:
    for page in _pages(found):  # nothing above a gap can be computed
        entries.page(page)
        walk.add(split_hashes(page.hashes))
        if progress:
            progress(walk.tree.size, size)


class _Walk:
    """Grows the tree leaf by leaf, and meets tiles and signed roots on the way."""

    def __init__(
        self,
        found: Findings,
        signed: Iterator[Checkpoint],
        remembered: Sequence[SignedTree],
    ) -> None:
        self.tree = CompactRange()
        self._found = found
        self._tiles = _TileCheck(found)
        self._signed = signed
        self._due = next(signed, None)
        self._remembered = sorted(remembered, key=lambda tree: tree.size)

    def add(self, hashes: list[bytes]) -> None:
        """Append leaves; the page starts where a tile does."""
        for start in range(0, len(hashes), TILE_WIDTH):
            chunk = hashes[start : start + TILE_WIDTH]
            if len(chunk) == TILE_WIDTH and not self._is_due_within(TILE_WIDTH):
                root = perfect_root(chunk)
                self._tiles.full(b"".join(chunk), self.tree.size // TILE_WIDTH, root)
                self.tree.append_subtree(TILE_LEVELS, root, self._tiles.visit)
                self._meet()
            else:
                self._add_singly(chunk)

    def _add_singly(self, chunk: list[bytes]) -> None:
        inner = CompactRange()
        for leaf in chunk[:-1] if len(chunk) == TILE_WIDTH else chunk:
            inner.append(leaf)
            self.tree.append(leaf)
            self._meet()
        if len(chunk) == TILE_WIDTH:
            inner.append(chunk[-1])
            index = self.tree.size // TILE_WIDTH
            self._tiles.full(b"".join(chunk), index, inner.root())
            self.tree.append(chunk[-1], self._tiles.visit)
            self._meet()

    def _is_due_within(self, leaves: int) -> bool:
        """Say whether a signed size lies before the next so many leaves' end."""
        end = self.tree.size + leaves
        sizes = [self._due.tree_size] if self._due else []
        sizes += [self._remembered[0].size] if self._remembered else []
        return any(size < end for size in sizes)

    def _meet(self) -> None:
        """Compare the root with every signature that is due at this size."""
        while self._due is not None and self._due.tree_size <= self.tree.size:
            _check_root(self._found, self._due, self.tree)
            self._due = next(self._signed, None)
        while self._remembered and self._remembered[0].size <= self.tree.size:
            _check_memory(self._found, self._remembered.pop(0), self.tree)

    def finish(self) -> None:
        """Report what was signed and is not there."""
        while self._due is not None:
            self._found.add(
                "checkpoint",
                f"{self._due.tree_size} leaves were signed, {self.tree.size} are there",
                "a log never shrinks",
            )
            self._due = next(self._signed, None)
        for tree in self._remembered:
            _check_memory(self._found, tree, None)
        self._tiles.finish()


class _TileCheck:
    """Rebuilds every full tile while the tree grows, and compares the stored one."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._open: dict[int, list[bytes]] = {}
        self._stored: dict[int, Iterator[StoredTile]] = {}
        self._next: dict[int, StoredTile | None] = {}

    def full(self, hashes: bytes, index: int, root: bytes) -> None:
        """Take a tile of leaves."""
        self._compare(0, index, hashes, root)

    def visit(self, level: int, index: int, node: bytes) -> None:
        """Take a node that the tree completed: every eighth level ends a tile."""
        if level % TILE_LEVELS or level == TILE_LEVELS:
            return
        level = level // TILE_LEVELS - 1
        self._compare(level, index, b"".join(self._open.pop(level)), node)

    def _compare(self, level: int, index: int, hashes: bytes, root: bytes) -> None:
        self._open.setdefault(level + 1, []).append(root)
        tile = self._take(level)
        if tile is None or tile[0] != index:
            self._add(level, index, "the tile is not stored")
            return
        self._advance(level)
        if tile[1:] != (hashes, root):
            self._add(level, index, "the stored tile differs from the leaves")

    def finish(self) -> None:
        """Report tiles that lie beyond the tree."""
        for level in range(max(self._open, default=0) + 1):
            tile = self._take(level)
            if tile is not None:
                self._add(level, tile[0], "the tree has no such full tile")

    def _take(self, level: int) -> StoredTile | None:
        if level not in self._stored:
            rows = Tile.objects.filter(level=level).order_by("tile_index")
            columns = rows.values_list("tile_index", "hashes", "root_hash")
            self._stored[level] = (
                (index, bytes(hashes), bytes(root))
                for index, hashes, root in columns.iterator(chunk_size=500)
            )
            self._advance(level)
        return self._next[level]

    def _advance(self, level: int) -> None:
        self._next[level] = next(self._stored[level], None)

    def _add(self, level: int, index: int, what: str) -> None:
        self._found.add(
            "tile", f"tile {level}/{index}: {what}", "tiles repeat the leaves' hashes"
        )


def _pages(found: Findings) -> Iterator[Page]:
    """Read leaves in pages by key, in bounded memory, up to the first gap.

    Each page starts where a tile does. What is missing is reported.
    """
    start = 0
    while True:
        cursor: psycopg.Cursor[Any] = psycopg.Cursor(connection.connection)
        cursor.execute(_LEAVES, [start, start + PAGE], binary=True)
        ((places, ids, hashes),) = cursor.fetchall()
        if places is None:
            if Leaf.objects.filter(leaf_index__gte=start).exists():
                _report_gap(found, start, "far away")
            return
        whole = _count_contiguous(places, start)
        if whole:
            yield Page(start, ids[:whole], hashes[: whole * HASH_BYTES])
        if whole < len(places):
            _report_gap(found, start + whole, str(places[whole]))
            return
        if len(places) < PAGE:
            continue_after = Leaf.objects.filter(leaf_index__gte=start + PAGE)
            if continue_after.exists():
                _report_gap(found, start + whole, "far away")
            return
        start += PAGE


def _count_contiguous(places: list[int], start: int) -> int:
    """Return how many of the indexes follow each other from `start` on."""
    if places[0] == start and places[-1] == start + len(places) - 1:
        return len(places)
    pairs = zip(places, range(start, start + len(places)), strict=True)
    return next((n for n, (here, due) in enumerate(pairs) if here != due), len(places))


def _report_gap(found: Findings, missing: int, after: str) -> None:
    found.add(
        "leaf",
        f"leaf {missing} is missing; the next one is {after}",
        "leaf indexes are contiguous",
    )


def _entry_before(since: int) -> int:
    """Return the entry of the last leaf below `since`; beyond all if it is larger."""
    if since == 0:
        return 0
    leaf = Leaf.objects.filter(leaf_index=since - 1).first()
    return leaf.entry_id if leaf else LARGEST_ID


def check_tail(found: Findings) -> int:
    """Check the columns of entries that have no leaf yet; return how many they are."""
    done = Sequencer.objects.values_list("done_entry_id", flat=True).first() or 0
    check_columns(found, done, LARGEST_ID)
    return Entry.objects.filter(entry_id__gt=done).count()


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


def _check_memory(
    found: Findings, remembered: SignedTree, tree: CompactRange | None
) -> None:
    """Compare what is remembered outside the database; None: it is not that large."""
    if tree is not None and (tree.size > remembered.size):
        return  # of size 0
    root = None if tree is None else tree.root()
    if root == remembered.root:
        return
    found.add(
        "signer",
        f"{remembered.size} leaves were signed, the database has fewer"
        if root is None
        else f"the root of {remembered.size} leaves was signed as "
        f"{remembered.root.hex()}, the leaves give {root.hex()}",
        "what was signed is remembered outside the database",
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
    # Below the last leaf each page was compared with its entries, unless it broke off.
    after = last if tree.size == state.tree_size else 0
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_LEAF, [after, state.done_entry_id])
        for entry, rel, pk in cursor.fetchall():
            found.add(
                "leaf",
                "the entry has no leaf, though later ones have",
                "every committed entry gets its leaf in order",
                entry=entry,
                table=rel,
                key=pk or "",
            )
