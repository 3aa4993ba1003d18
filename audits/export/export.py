"""Export the log of this database: what is signed, to storage that cannot be changed.

The manifests at the destination are the memory that counts; the table is a copy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.db import connection

from audits import log, tiles
from audits.export.destination import (
    Contradiction,
    Destination,
    DestinationBroken,
    ExportError,
    latest,
    read_manifest,
)
from audits.export.directory import Directory
from audits.export.layout import TILE_LEVELS, TILE_WIDTH
from audits.export.manifest import Cosigned, Manifest, Stamped
from audits.export.step import Evidence, Progress, write_step
from audits.export.tree import read_tile
from audits.integration import require_autocommit
from audits.merkle import leaf_hash
from audits.models import Checkpoint, Cosignature, Entry, Export, Leaf, TimeStamp
from audits.note import NoteMalformed, NoteUnverified, open_checkpoint

__all__ = ["ExportError", "Exported", "contradiction", "export", "latest", "open_at"]

EXPORT_LOCK = 0x4652_4549_0003
STEP = 1024 * TILE_WIDTH  # leaves: a larger backlog is split where a checkpoint allows
MOST_TIMESTAMPS = 1_000  # in one manifest


class Busy(ExportError):
    """Another export of this database is running."""


class NothingSigned(ExportError):
    """The log has no checkpoint yet."""


@dataclass(frozen=True)
class Exported:
    """What one run did: manifests written, leaves added, and what is there now.

    `pointer_current` is False where the file `checkpoint` could not be replaced.
    """

    destination: str
    manifests: int
    added: int
    number: int
    size: int
    manifest_sha256: str
    pointer_current: bool


def open_at(where: str) -> Destination:
    """Return the destination `s3://bucket/prefix`, or a directory; nothing is touched.

    Raises ExportError when the name is none, or boto3 is missing for S3.
    """
    if where.startswith("s3://"):
        # Only then: no other process shall load boto3.
        opened: Destination = import_module("audits.export.s3").open_at(
            where, retain_days=settings.FREIGABE_EXPORT_RETAIN_DAYS
        )
        return opened
    if not where or "://" in where:
        raise ExportError(f"{where!r} is neither a directory nor s3://bucket/prefix.")
    return Directory(Path(where))


def export(*, to: str, at: datetime, progress: Progress | None = None) -> Exported:
    """Bring the destination up to the newest checkpoint, step by step.

    A crash at any moment leaves it readable, and the next call goes on from there.
    Raises ExportError: Contradiction when the destination's last manifest and the
    database cannot both be right, DestinationBroken, DestinationFailed, Busy,
    NothingSigned; keys.KeyUnusable; integration.InTransaction inside a transaction.
    """
    require_autocommit()
    destination = open_at(to)
    with _alone():
        destination.begin()
        last = latest(destination)
        _compare_with_copy(destination, last)
        if last:  # its row is missing when the run that wrote it was killed
            _copy(destination, last, at)
        start, number = (last.size, last.number) if last else (0, 0)
        while step := _next_step(destination, last):
            last = write_step(destination, _Entries(), last, step, progress)
            _copy(destination, last, at)
        if last is None:
            raise NothingSigned("No checkpoint has been signed yet.")
        current = destination.point(last.checkpoint.encode())
    return Exported(
        destination=destination.name,
        manifests=last.number - number,
        added=last.size - start,
        number=last.number,
        size=last.size,
        manifest_sha256=last.sha256,
        pointer_current=current,
    )


def contradiction(manifest: Manifest) -> str:
    """Say how this database contradicts what was exported, or return nothing.

    Compares stored hashes; whether entries give these is another check.
    """
    exported = manifest.signed
    try:
        root = log.root_at(size=exported.size)
    except log.NotInLog:
        count = Leaf.objects.count()
        return (
            f"The export holds {exported.size} leaves, the database {count}, which is "
            "fewer or incomplete. Was an older state restored? After a restore, open a "
            "new epoch and export to a new place."
        )
    if root != exported.root:
        return (
            f"The first {exported.size} leaves of the database have the root "
            f"{root.hex()}, in the export it is {exported.root.hex()}: one of them was "
            "rewritten."
        )
    return ""


class _Entries:
    """The entries of this database, as a step of the export reads them."""

    def bodies(self, first: int, end: int) -> list[bytes]:
        """Return the entries of the leaves [first, end), each hashed again."""
        leaves = list(
            Leaf.objects.filter(leaf_index__gte=first, leaf_index__lt=end)
            .order_by("leaf_index")
            .values_list("leaf_index", "entry_id", "leaf_hash")
        )
        if [index for index, _, _ in leaves] != list(range(first, end)):
            raise Contradiction(f"Leaves between {first} and {end - 1} are missing.")
        entries = Entry.objects.filter(entry_id__in=[entry for _, entry, _ in leaves])
        found = dict(entries.values_list("entry_id", "body"))
        bodies = []
        for index, entry, value in leaves:
            if entry not in found:
                raise Contradiction(
                    f"Entry {entry} of leaf {index} is not in the database any more. "
                    "If it was archived, go on with the destination that holds it."
                )
            body = found[entry].encode()
            if leaf_hash(body) != bytes(value):
                raise Contradiction(f"Leaf {index} is not the hash of entry {entry}.")
            bodies.append(body)
        return bodies

    def open_tiles(self, size: int) -> list[list[bytes]]:
        """Return the hashes in the open tile of each level, from what is stored."""
        open_tiles: list[list[bytes]] = [[]]
        level = 1
        while nodes := size >> TILE_LEVELS * level:
            index, width = divmod(nodes, TILE_WIDTH)
            hashes = b""
            if width:
                hashes = tiles.hash_tile(level=level, index=index, size=size)
            open_tiles.append(read_tile(hashes))
            level += 1
        return open_tiles


def _next_step(destination: Destination, last: Manifest | None) -> Evidence | None:
    """Return what to export next, or None when everything signed is there.

    Raises Contradiction when the database is not a continuation of the export.
    """
    if last and (problem := contradiction(last)):
        raise Contradiction(f"{destination.name}: {problem}")
    start = last.size if last else 0
    rows = Checkpoint.objects.order_by("tree_size")
    row = rows.filter(tree_size__gte=start + STEP).first()
    row = row or rows.filter(tree_size__gte=start).last()
    if row is None:
        return None
    step = _evidence(row, _floor(destination, last, row.tree_size))
    if last is None or row.tree_size > last.size:
        return step
    known = {*last.cosignatures, *last.timestamps}
    return step if {*step.cosignatures, *step.timestamps} - known else None


def _floor(destination: Destination, last: Manifest | None, size: int) -> int:
    """Return the size of the newest manifest of a smaller tree."""
    while last and last.size >= size and last.number > 1:
        last = read_manifest(destination, last.number - 1)
    return last.size if last and last.size < size else 0


def _evidence(row: Checkpoint, floor: int) -> Evidence:
    """Return a checkpoint, verified, with what others said of it since `floor`.

    Of each witness the newest cosignature: it covers all that came before.
    """
    origin = row.note.partition("\n")[0]
    verifiers = log.signer(create=False).verifiers(origin)
    try:
        signed = open_checkpoint(row.note, *verifiers)
    except (NoteMalformed, NoteUnverified) as error:
        raise Contradiction(
            f"The checkpoint of {row.tree_size} leaves in the database: {error}"
        ) from error
    span = {"tree_size__gte": floor, "tree_size__lte": row.tree_size}
    cosigned = Cosignature.objects.filter(**span).order_by("witness", "-tree_size")
    stamped = TimeStamp.objects.filter(**span).order_by("-id")[:MOST_TIMESTAMPS]
    notes = dict(
        Checkpoint.objects.filter(
            tree_size__in={stamp.tree_size for stamp in stamped}
        ).values_list("tree_size", "note")
    )
    return Evidence(
        note=row.note,
        signed=signed,
        cosignatures=tuple(
            Cosigned(item.tree_size, item.witness, item.line)
            for item in cosigned.distinct("witness")
        ),
        timestamps=tuple(
            Stamped(item.tree_size, item.authority, note, bytes(item.token))
            for item in reversed(stamped)
            if (note := notes.get(item.tree_size))
        ),
    )


def _compare_with_copy(destination: Destination, last: Manifest | None) -> None:
    """Refuse a destination that lost or replaced what the database saw there."""
    rows = Export.objects.filter(destination=destination.name)
    seen = rows.order_by("-number").first()
    if seen is None:
        return
    if last is None or last.number < seen.number:
        raise DestinationBroken(
            f"{destination.name} holds {last.number if last else 0} manifests, but "
            f"{seen.number} were written there. Is it mounted? Was something deleted?"
        )
    there = read_manifest(destination, seen.number)
    if there.sha256 != seen.manifest_sha256:
        raise DestinationBroken(
            f"Manifest {seen.number} in {destination.name} has the SHA-256 "
            f"{there.sha256}, but {seen.manifest_sha256} was written there."
        )


def _copy(destination: Destination, manifest: Manifest, at: datetime) -> None:
    Export.objects.get_or_create(
        destination=destination.name,
        number=manifest.number,
        defaults={
            "tree_size": manifest.size,
            "manifest_sha256": manifest.sha256,
            "exported_at": at,
        },
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Let one export run at a time; what other databases do, `put` refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [EXPORT_LOCK])
        if not cursor.fetchone()[0]:
            raise Busy("Another export is running.")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [EXPORT_LOCK])
