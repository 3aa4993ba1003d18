"""Which files an export consists of, and what they are called (C2SP tlog-tiles)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TILE_WIDTH = 256  # hashes in a full tile, entries in a full bundle
TILE_LEVELS = 8  # levels of the tree that one tile spans
POINTER = "checkpoint"  # the newest checkpoint: the only file that is ever replaced
LARGEST_BUNDLE = TILE_WIDTH * (2 + 65_535)  # bytes
LARGEST_TILE = TILE_WIDTH * 32  # bytes
LARGEST_MANIFEST = 64 * 1024**2  # bytes
_MANIFEST = re.compile(r"exports/([0-9]{8})\.json", re.ASCII)
_TILE = re.compile(
    r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/)*[0-9]{3}"
    r"(?:\.p/(?:[1-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Place:
    """A hash tile, or with level None an entry bundle; `width` is 1 to 256."""

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """The file's path: `tile/0/x001/234`, `tile/entries/067.p/8`."""
        kind = "entries" if self.level is None else str(self.level)
        part = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{kind}/{index_path(self.index)}{part}"


def index_path(index: int) -> str:
    """Write an index in groups of three digits, all but the last behind an x."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def manifest_path(number: int) -> str:
    """Return the path of the manifest of this number, counted from 1."""
    return f"exports/{number:08d}.json"


def manifest_number(path: str) -> int | None:
    """Return which manifest has this path, or None if none has."""
    match = _MANIFEST.fullmatch(path)
    return int(match[1]) if match else None


def is_tile_path(path: str) -> bool:
    """Tell whether a hash tile or an entry bundle can have this path."""
    return _TILE.fullmatch(path) is not None


def largest(path: str) -> int:
    """Return how many bytes the file at this path may have at most."""
    if path.startswith("tile/entries/"):
        return LARGEST_BUNDLE
    if path.startswith("tile/"):
        return LARGEST_TILE
    return LARGEST_MANIFEST


def new_places(old: int, new: int) -> Iterator[Place]:
    """Name the files that a tree of `new` leaves adds to those of one of `old`.

    Full tiles once, and the open tile of each level on which something was added.
    """
    yield from _on_level(None, old, new)
    level = 0
    while new:
        yield from _on_level(level, old, new)
        level, old, new = level + 1, old >> TILE_LEVELS, new >> TILE_LEVELS


def _on_level(level: int | None, old: int, new: int) -> Iterator[Place]:
    for index in range(old // TILE_WIDTH, new // TILE_WIDTH):
        yield Place(level, index, TILE_WIDTH)
    if new > old and new % TILE_WIDTH:
        yield Place(level, new // TILE_WIDTH, new % TILE_WIDTH)
