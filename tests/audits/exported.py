"""Small logs made by hand, exported without a database, and what an auditor finds."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits import note
from audits.export.destination import latest
from audits.export.directory import Directory
from audits.export.manifest import Manifest
from audits.export.step import Evidence, write_step
from audits.export.tree import TiledTree, leaf_hashes
from audits.merkle import root_hash
from audits.offline.bundle import check_bundle
from audits.offline.report import Report
from audits.offline.source import open_export
from audits.trusted import TrustedKeys

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ORIGIN = "bank.example/log"
VKEY = note.vkey(ORIGIN, KEY.public_key())
KEYS = TrustedKeys(logs=[note.parse_vkey(VKEY)])


class Story:
    """Writes entries as the triggers do: inserts, updates, deletes of some rows."""

    def __init__(self, rows: int = 40) -> None:
        """Start with nothing recorded."""
        self.bodies: list[bytes] = []
        self._id = 0
        self._rows = rows
        self._images: dict[str, dict[str, object]] = {}

    def entries(self, count: int) -> list[bytes]:
        """Return this many further entries; ids have gaps."""
        for number in range(len(self.bodies), len(self.bodies) + count):
            pk = str(number * 7 % self._rows)
            old = self._images.get(pk)
            if old and number % 13 == 0:
                self.add("D", pk, old, None)
            else:
                self.add("U" if old else "I", pk, old, {"id": pk, "n": number, "x": 1})
        return self.bodies

    def add(
        self,
        op: str,
        pk: str,
        old: dict[str, object] | None,
        new: dict[str, object] | None,
        **other: object,
    ) -> bytes:
        """Record one change; `other` replaces members of the entry."""
        self._id += 2 if len(self.bodies) % 10 == 3 else 1
        changed = old
        if op == "U" and old and new:
            changed = {k: v for k, v in old.items() if new.get(k) != v}
        body = {
            "v": 2,
            "id": self._id,
            "op": op,
            "rel": "public.things",
            "pk": pk,
            "actor": None,
            "osha": hashlib.sha256(json.dumps(old).encode()).hexdigest()
            if old
            else None,
            "hidden": None,
            "reduced": None,
            "old": changed,
            "new": new,
        }
        if new is None:
            self._images.pop(pk, None)
        else:
            self._images[pk] = new
        self.bodies.append(json.dumps(body | other).encode())
        return self.bodies[-1]


class Entries:
    """Entries in memory, as the export reads them."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        """Take the whole log."""
        self._bodies = bodies

    def bodies(self, first: int, end: int) -> list[bytes]:
        """Return some."""
        return list(self._bodies[first:end])

    def open_tiles(self, size: int) -> list[list[bytes]]:
        """Grow the tree up to here and return its open tiles."""
        tree = TiledTree()
        for first in range(0, size, 256):
            tree.extend(leaf_hashes(self._bodies[first : first + 256]))
        return tree._open


def signed(bodies: Sequence[bytes], origin: str = ORIGIN) -> Evidence:
    """Return the checkpoint over these entries."""
    tree = note.Checkpoint(origin, len(bodies), root_hash(leaf_hashes(bodies)))
    return Evidence(note.sign_note(note.format_checkpoint(tree), origin, KEY), tree)


def write(folder: Path, bodies: Sequence[bytes], *sizes: int) -> Manifest:
    """Export up to each size in turn, as a clock does; return the last manifest."""
    destination = Directory(folder)
    destination.begin()
    for size in sizes:
        last = latest(destination)
        evidence = signed(bodies[:size])
        last = write_step(destination, Entries(bodies), last, evidence)
        destination.point(last.checkpoint.encode())
    return last


def checked(path: Path, **options: object) -> Report:
    """Check an export with the key of these logs."""
    files = open_export(path)
    assert files is not None
    report = Report()
    with closing(files):
        check_bundle(files, KEYS, report, **options)
    return report


def findings(path: Path, **options: object) -> list[str]:
    """Return what does not hold, as lines for people."""
    return [finding.text for finding in checked(path, **options).found.kept]
