"""The stored tree: hash tiles, entry bundles, and the nodes that proofs need."""

from django.db import connection

from audits.merkle import HASH_BYTES, NodeReader, root_hash
from audits.models import Archive, Entry, Leaf

TILE_WIDTH = 256  # hashes in a full tile (C2SP tlog-tiles)
TILE_LEVELS = 8  # levels of the tree that one tile spans


class NotInLog(LookupError):
    """The tree of this size has no such leaf, tile or entry; the text names it."""


class Archived(NotInLog):
    """The entry left the database; the text says where it is. Its proofs stay."""


def missing_entry(leaf: Leaf) -> NotInLog:
    """Return why the entry of a leaf is not there: archived, or lost."""
    row = Archive.objects.filter(
        first_leaf__lte=leaf.leaf_index, last_leaf__gte=leaf.leaf_index
    ).first()
    if row is None:
        lost = f"Leaf {leaf.leaf_index} has lost its entry {leaf.entry_id}."
        return NotInLog(lost)
    return Archived(
        f"Entry {leaf.entry_id} of leaf {leaf.leaf_index} was archived on "
        f"{row.archived_at.date()} with {row.partition}. Its bytes are in the export "
        f"at {row.destination}; its proofs are still given here."
    )


def tile_width(*, level: int, index: int, size: int) -> int:
    """Return how many hashes, 1 to 256, this tile has in a tree of `size` leaves.

    Raises NotInLog when it has none.
    """
    if level < 0 or index < 0:
        raise NotInLog(f"There is no tile {level}/{index}.")
    width = min(TILE_WIDTH, (size >> TILE_LEVELS * level) - index * TILE_WIDTH)
    if width <= 0:
        raise NotInLog(f"A tree of {size} leaves has no tile {level}/{index}.")
    return width


def hash_tile(*, level: int, index: int, size: int) -> bytes:
    """Return the tile's hashes side by side, as of the tree of `size` leaves.

    Raises NotInLog when the tree, or what is stored of it, is not that large.
    """
    width = tile_width(level=level, index=index, size=size)
    first = index * TILE_WIDTH
    if width == TILE_WIDTH:
        hashes = _column(
            "SELECT hashes FROM audits_tile WHERE level = %s AND tile_index = %s",
            [level, index],
        )
    elif level == 0:
        hashes = _column(
            "SELECT leaf_hash FROM audits_leaf WHERE leaf_index >= %s "
            "AND leaf_index < %s ORDER BY leaf_index",
            [first, first + width],
        )
    else:
        hashes = _column(
            "SELECT root_hash FROM audits_tile WHERE level = %s AND tile_index >= %s "
            "AND tile_index < %s ORDER BY tile_index",
            [level - 1, first, first + width],
        )
    tile = b"".join(hashes)
    if len(tile) != width * HASH_BYTES:
        raise NotInLog(f"Tile {level}/{index} is not complete in the database.")
    return tile


def _column(query: str, parameters: list[int]) -> list[bytes]:
    """Read one column; by SQL, because every proof reads several tiles."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [bytes(value) for (value,) in cursor.fetchall()]


def entry_bundle(*, index: int, size: int) -> bytes:
    """Return up to 256 entries, each behind its length in 16 bits (C2SP tlog-tiles).

    Raises NotInLog.
    """
    width = tile_width(level=0, index=index, size=size)
    first = index * TILE_WIDTH
    ids = Leaf.objects.filter(
        leaf_index__gte=first, leaf_index__lt=first + width
    ).values("entry_id")
    bodies = list(
        Entry.objects.filter(entry_id__in=ids)
        .order_by("entry_id")
        .values_list("body", flat=True)
    )
    if len(bodies) != width:
        present = Entry.objects.values("entry_id")
        leaves = Leaf.objects.filter(pk__in=range(first, first + width))
        gone = leaves.exclude(entry_id__in=present).first()
        if gone is not None:
            raise missing_entry(gone)
        raise NotInLog(f"Entry bundle {index} is not complete in the database.")
    raw = [body.encode() for body in bodies]
    return b"".join(len(body).to_bytes(2, "big") + body for body in raw)


def node_reader(size: int) -> NodeReader:
    """Return a reader of the nodes of the tree of `size` leaves, for one proof.

    It reads whole tiles and keeps them: a proof over n leaves takes log256(n) queries.
    """
    tiles: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, TILE_LEVELS)
        tile_index, offset = divmod(index << inner, TILE_WIDTH)
        place = (tile_level, tile_index)
        if place not in tiles:
            tiles[place] = hash_tile(level=tile_level, index=tile_index, size=size)
        start = offset * HASH_BYTES
        end = start + (HASH_BYTES << inner)
        part = tiles[place][start:end]
        return root_hash(
            part[i : i + HASH_BYTES] for i in range(0, len(part), HASH_BYTES)
        )

    return node
