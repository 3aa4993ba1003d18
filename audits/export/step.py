"""One step of an export: hash what is new, then write it, then say so in a manifest.

Plain Python over a source of entries, so that any log can be exported the same way.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from audits.export.destination import Contradiction, Destination
from audits.export.layout import TILE_WIDTH, Place, manifest_path, new_places
from audits.export.manifest import Cosigned, File, Manifest, Stamped
from audits.export.tree import TiledTree, leaf_hashes, write_bundle
from audits.note import Checkpoint
from registry.digests import sha256_hex

Progress = Callable[[int, int], None]


class Source(Protocol):
    """Where the entries of the log come from."""

    def bodies(self, first: int, end: int) -> list[bytes]:
        """Return the entries of the leaves [first, end), at most 256 of them."""
        ...

    def open_tiles(self, size: int) -> list[list[bytes]]:
        """Return the hashes in the open tile of each level, lowest first.

        `size` is a multiple of 256.
        """
        ...


@dataclass(frozen=True)
class Evidence:
    """A signed checkpoint, and what others said of it and of those before it."""

    note: str
    signed: Checkpoint
    cosignatures: tuple[Cosigned, ...] = ()
    timestamps: tuple[Stamped, ...] = ()


def write_step(
    destination: Destination,
    source: Source,
    last: Manifest | None,
    evidence: Evidence,
    progress: Progress | None = None,
) -> Manifest:
    """Add the leaves after `last` up to the checkpoint; return the new manifest.

    Everything is hashed before anything is written, because what is written once can
    never be taken back. Raises Contradiction when the entries do not give the roots
    that were signed, and what the destination raises.
    """
    signed = evidence.signed
    digests = _survey(source, last, signed)
    files = list(_write(destination, source, last, signed, digests, progress))
    manifest = Manifest(
        number=last.number + 1 if last else 1,
        previous_sha256=last.sha256 if last else None,
        origin=signed.origin,
        size=signed.size,
        checkpoint=evidence.note,
        cosignatures=evidence.cosignatures,
        timestamps=evidence.timestamps,
        files=tuple(sorted(files, key=lambda file: file.path)),
    )
    destination.put(manifest_path(manifest.number), manifest.content)
    return manifest


def _survey(source: Source, last: Manifest | None, signed: Checkpoint) -> list[bytes]:
    """Hash all new entries and compare the roots; return a digest for each bundle."""
    old = last.size if last else 0
    if last and signed.size <= old:
        _require_same_tree(last.signed, signed)
        return []
    tree = TiledTree(source.open_tiles(old - old % TILE_WIDTH))
    digests = []
    for first, end in _bundles(old, signed.size):
        leaves = leaf_hashes(source.bodies(first, end))
        known = max(old - first, 0)
        tree.extend(leaves[:known])
        if last and tree.size == old:
            _require_root(tree, last.signed, "were exported")
        tree.extend(leaves[known:])
        digests.append(sha256(b"".join(leaves)).digest())
    _require_root(tree, signed, "were signed")
    return digests


def _write(
    destination: Destination,
    source: Source,
    last: Manifest | None,
    signed: Checkpoint,
    digests: list[bytes],
    progress: Progress | None,
) -> Iterator[File]:
    """Write bundles and tiles in the order of the tree; yield each as it is there."""
    old = last.size if last else 0
    tree = TiledTree(source.open_tiles(old - old % TILE_WIDTH))
    for (first, end), digest in zip(_bundles(old, signed.size), digests, strict=True):
        bodies = source.bodies(first, end)
        leaves = leaf_hashes(bodies)
        if sha256(b"".join(leaves)).digest() != digest:
            raise Contradiction(
                f"The entries of the leaves {first} to {end - 1} changed while they "
                "were exported."
            )
        bundle = Place(None, first // TILE_WIDTH, end - first)
        yield _put(destination, bundle, write_bundle(bodies))
        for place, content in tree.extend(leaves):
            yield _put(destination, place, content)
        if progress:
            progress(end, signed.size)
    due = set(new_places(old, signed.size))
    for place, content in tree.open_tiles():
        if place in due:
            yield _put(destination, place, content)


def _put(destination: Destination, place: Place, content: bytes) -> File:
    destination.put(place.path, content)
    return File(place.path, sha256_hex(content), len(content))


def _bundles(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Yield the leaves of each bundle that a tree of `new` leaves adds or widens."""
    if new == old:
        return
    for first in range(old - old % TILE_WIDTH, new, TILE_WIDTH):
        yield first, min(first + TILE_WIDTH, new)


def _require_same_tree(last: Checkpoint, signed: Checkpoint) -> None:
    if (last.size, last.root) != (signed.size, signed.root):
        raise Contradiction(
            f"{last.size} leaves with the root {last.root.hex()} were exported, but "
            f"the checkpoint in the database is of {signed.size} leaves with the root "
            f"{signed.root.hex()}."
        )


def _require_root(tree: TiledTree, expected: Checkpoint, how: str) -> None:
    root = tree.root()
    if (tree.size, root) != (expected.size, expected.root):
        raise Contradiction(
            f"{expected.size} leaves with the root {expected.root.hex()} {how}, but "
            f"the entries in the database give {tree.size} leaves with {root.hex()}."
        )
