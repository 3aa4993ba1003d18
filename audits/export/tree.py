"""A growing tree that hands out its tiles, and the entry bundles that feed it."""

from collections.abc import Sequence
from hashlib import sha256

from audits.export.layout import TILE_LEVELS, TILE_WIDTH, Place
from audits.merkle import HASH_BYTES, CompactRange, leaf_hash


class BundleMalformed(ValueError):
    """The bytes are not a row of entries, each behind its length; the text says why."""


class TiledTree:
    """Grows leaf by leaf; keeps only the open tile of each level (C2SP tlog-tiles)."""

    def __init__(self, open_tiles: Sequence[Sequence[bytes]] = ()) -> None:
        """Resume from the hashes in the open tile of each level, lowest first."""
        self._open = [list(hashes) for hashes in open_tiles] or [[]]
        self.size = sum(
            len(hashes) << TILE_LEVELS * level
            for level, hashes in enumerate(self._open)
        )

    @property
    def open_leaves(self) -> list[bytes]:
        """The leaf hashes of the open tile of level 0."""
        return list(self._open[0])

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[Place, bytes]]:
        """Append at most as many leaf hashes as the open tile has room for.

        Returns the tiles that became full, lowest level first. Raises ValueError for
        more leaves than that.
        """
        if len(self._open[0]) + len(leaves) > TILE_WIDTH:
            raise ValueError("These leaves reach beyond the open tile.")
        self._open[0] += leaves
        self.size += len(leaves)
        full: list[tuple[Place, bytes]] = []
        level = 0
        while len(self._open[level]) == TILE_WIDTH:
            hashes = self._open[level]
            index = (self.size >> TILE_LEVELS * (level + 1)) - 1
            full.append((Place(level, index, TILE_WIDTH), b"".join(hashes)))
            self._open[level] = []
            if level + 1 == len(self._open):
                self._open.append([])
            self._open[level + 1].append(_tile_root(hashes))
            level += 1
        return full

    def open_tiles(self) -> list[tuple[Place, bytes]]:
        """Return the tiles that are not full yet, without empty ones."""
        return [
            (self._open_place(level), b"".join(hashes))
            for level, hashes in enumerate(self._open)
            if hashes
        ]

    def root(self) -> bytes:
        """Return the root hash of the leaves so far (RFC 6962, 2.1)."""
        edge: list[bytes] = []
        for hashes in reversed(self._open):
            part = CompactRange()
            for value in hashes:
                part.append(value)
            edge += part.frontier
        return CompactRange(self.size, edge).root()

    def _open_place(self, level: int) -> Place:
        index = self.size >> TILE_LEVELS * (level + 1)
        return Place(level, index, len(self._open[level]))


def write_bundle(bodies: Sequence[bytes]) -> bytes:
    """Return the entries side by side, each behind its length in 16 bits."""
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def read_bundle(raw: bytes, count: int) -> list[bytes]:
    """Cut an entry bundle into exactly `count` entries. Raises BundleMalformed."""
    bodies: list[bytes] = []
    place = 0
    while place < len(raw):
        start = place + 2
        place = start + int.from_bytes(raw[place:start], "big")
        if place > len(raw) or start > len(raw):
            raise BundleMalformed(f"entry {len(bodies)} of the bundle is cut short")
        bodies.append(raw[start:place])
    if len(bodies) != count:
        raise BundleMalformed(f"it holds {len(bodies)} entries, not {count}")
    return bodies


def read_tile(raw: bytes) -> list[bytes]:
    """Cut a hash tile into its hashes."""
    return [raw[i : i + HASH_BYTES] for i in range(0, len(raw), HASH_BYTES)]


def leaf_hashes(bodies: Sequence[bytes]) -> list[bytes]:
    """Return the leaf hash of each entry."""
    return [leaf_hash(body) for body in bodies]


def _tile_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a full tile: 256 hashes, so the tree is complete."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]
