"""Every leaf of an export hashed again, and every tile rebuilt from the leaves."""

from collections.abc import Callable, Iterable

from audits.export.layout import TILE_WIDTH, Place, new_places
from audits.export.manifest import File, Manifest
from audits.export.tree import (
    BundleMalformed,
    TiledTree,
    leaf_hashes,
    read_bundle,
    read_tile,
)
from audits.findings import Findings
from audits.merkle import HASH_BYTES
from audits.offline.rows import Rows
from audits.offline.source import Files, Unreadable
from registry.digests import sha256_hex

Progress = Callable[[int], None]


class Leaves:
    """Grows the tree of an export, manifest by manifest, out of its files."""

    def __init__(
        self, files: Files, found: Findings, rows: Rows, wanted: Iterable[int]
    ) -> None:
        """`wanted` are the sizes at which somebody outside knows the root."""
        self._files = files
        self._found = found
        self._wanted = sorted(set(wanted), reverse=True)
        self._listed: dict[str, File] = {}
        self._number = 0
        self._bundle: tuple[int, list[bytes]] = (0, [])  # first leaf, entries
        self.tree = TiledTree()
        self.rows = rows
        self.roots: dict[int, bytes] = {}
        self._complete = True
        self.unread = 0  # leaves whose entries could not be read
        self.unlisted = 0  # files that only a missing manifest could name
        self.broken = False  # a gap: nothing above it can be computed

    def grow(
        self, manifest: Manifest, *, complete: bool, progress: Progress | None = None
    ) -> None:
        """Add the leaves of a manifest; report each file and leaf that differs.

        `complete` says that the manifest before it was there: if not, files that no
        manifest names are only counted.
        """
        self._complete = complete
        self._listed = {file.path: file for file in manifest.files}
        self._number = manifest.number
        old = self.tree.size
        while self.tree.size < manifest.size and not self.broken:
            self._grow_bundle(manifest.size)
            if progress:
                progress(self.tree.size)
        if self.broken:
            for path in list(self._listed):
                self._read(path)
            return
        due = set(new_places(old, manifest.size))
        for place, content in self.tree.open_tiles():
            if place in due and place.level:
                self._check_tile(place, content)
        for path in self._listed:
            self._add("manifest", f"{path} does not belong to this step")

    def _grow_bundle(self, size: int) -> None:
        """Take the next entry bundle and its hash tile, and compare the two."""
        index = self.tree.size // TILE_WIDTH
        width = min(TILE_WIDTH, size - index * TILE_WIDTH)
        first = index * TILE_WIDTH
        bodies = self._bodies(Place(None, index, width))
        claimed = self._hashes(Place(0, index, width))
        computed = leaf_hashes(bodies[0]) if bodies else None
        if computed and claimed:
            self._compare(first, computed, claimed[0])
        leaves = self._choose(computed, bodies, claimed)
        if leaves is None:
            self.broken = True
            self._found.add(
                "leaf",
                f"from leaf {self.tree.size} on nothing can be computed",
                "each step holds its entries and tiles",
            )
            return
        known = self.tree.open_leaves
        self._compare(first, known, leaves[: len(known)], "an earlier step")
        self._bundle = (first, bodies[0] if bodies else [])
        self._take_entries(first, len(known), width, computed, leaves)
        self._extend(leaves[len(known) :])

    def _take_entries(
        self,
        first: int,
        known: int,
        width: int,
        computed: list[bytes] | None,
        leaves: list[bytes],
    ) -> None:
        """Hand the new entries to the check of ids and rows; count those left out."""
        for offset in range(known, width):
            if computed and computed[offset] == leaves[offset]:
                body = self._bundle[1][offset]
                self.rows.take(first + offset, body, self._body_at)
            else:
                self.rows.skip(first + offset)
                self.unread += 1

    def _choose(
        self,
        computed: list[bytes] | None,
        bodies: tuple[list[bytes], bool] | None,
        claimed: tuple[list[bytes], bool] | None,
    ) -> list[bytes] | None:
        """Go on with the entries, unless only the tile is what the manifest says."""
        if claimed and (not bodies or (claimed[1] and not bodies[1])):
            return claimed[0]
        return computed

    def _compare(
        self,
        first: int,
        left: list[bytes],
        right: list[bytes],
        whose: str = "its entry",
    ) -> None:
        for offset, (one, other) in enumerate(zip(left, right, strict=True)):
            if one != other:
                self._found.add(
                    "leaf",
                    f"leaf {first + offset} is {one.hex()} by {whose}, but "
                    f"{other.hex()} by {'the tile' if whose == 'its entry' else 'this'}"
                    f" (manifest {self._number})",
                    "a leaf is SHA-256(0x00, entry) and never changes",
                )

    def _extend(self, leaves: list[bytes]) -> None:
        """Grow the tree, keep the roots that are wanted, check tiles that got full."""
        while leaves:
            while self._wanted and self._wanted[-1] <= self.tree.size:
                self._wanted.pop()
            cut = len(leaves)
            if self._wanted:
                cut = min(cut, self._wanted[-1] - self.tree.size)
            for place, content in self.tree.extend(leaves[:cut]):
                if place.level:
                    self._check_tile(place, content)
            leaves = leaves[cut:]
            if self._wanted and self._wanted[-1] == self.tree.size:
                self.roots[self.tree.size] = self.tree.root()

    def _check_tile(self, place: Place, expected: bytes) -> None:
        found = self._read(place.path)
        if found and found[0] != expected:
            self._add("tile", f"{place.path} does not repeat the leaves' hashes")

    def _bodies(self, place: Place) -> tuple[list[bytes], bool] | None:
        found = self._read(place.path)
        if found is None:
            return None
        try:
            return read_bundle(found[0], place.width), found[1]
        except BundleMalformed as error:
            self._add("file", f"{place.path} is no bundle of entries: {error}")
            return None

    def _hashes(self, place: Place) -> tuple[list[bytes], bool] | None:
        found = self._read(place.path)
        if found is None:
            return None
        if len(found[0]) != place.width * HASH_BYTES:
            self._add("tile", f"{place.path} has {len(found[0])} bytes")
            return None
        return read_tile(found[0]), found[1]

    def _read(self, path: str) -> tuple[bytes, bool] | None:
        """Return a file, and whether it is as the manifest says; None if unreadable."""
        listed = self._listed.pop(path, None)
        try:
            if path not in self._files.sizes:
                raise Unreadable("it is missing")
            content = self._files.read(path)
        except Unreadable as error:
            self._add("file", f"{path} cannot be read: {error}")
            return None
        if listed is None:
            self.unlisted += 1
            if self._complete:
                self._add("manifest", f"{path} is not in the manifest")
            return content, False
        digest = sha256_hex(content)
        if (digest, len(content)) == (listed.sha256, listed.bytes):
            return content, True
        self._add(
            "file",
            f"{path} has {len(content)} bytes with SHA-256 {digest}, the manifest says "
            f"{listed.bytes} with {listed.sha256}",
        )
        return content, False

    def _add(self, kind: str, what: str) -> None:
        because = "an export holds what its manifests say"
        self._found.add(kind, f"manifest {self._number}: {what}", because)

    def _body_at(self, index: int) -> bytes | None:
        """Return the entry of an earlier leaf again, or None if it cannot be read."""
        first, bodies = self._bundle
        number, offset = divmod(index, TILE_WIDTH)
        if first == number * TILE_WIDTH:
            return bodies[offset] if offset < len(bodies) else None
        try:
            raw = self._files.read(Place(None, number, TILE_WIDTH).path)
            return read_bundle(raw, TILE_WIDTH)[offset]
        except (Unreadable, BundleMalformed):
            return None
