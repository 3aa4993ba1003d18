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

from audits import log
from audits.export.destination import (
    Contradiction,
    Destination,
    DestinationBroken,
    ExportError,
    latest,
    read_manifest,
)
from audits.export.directory import Directory
from audits.export.entries import Entries, evidence
from audits.export.layout import TILE_WIDTH
from audits.export.manifest import Manifest
from audits.export.step import Evidence, Progress, write_step
from audits.integration import require_autocommit
from audits.models import Checkpoint, Export, Leaf

__all__ = [
    "ExportError",
    "Exported",
    "contradiction",
    "export",
    "latest",
    "open_at",
    "remembered",
]

EXPORT_LOCK = 0x4652_4549_0003
STEP = 1024 * TILE_WIDTH  # leaves: a larger backlog is split where a checkpoint allows


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
            last = write_step(destination, Entries(), last, step, progress)
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


def remembered(where: str) -> Manifest | None:
    """Return the last manifest of a place, None if nothing was ever exported there.

    Nothing is touched. Raises DestinationFailed when the place cannot be read, and
    DestinationBroken when it contradicts itself or lost what the table saw there.
    """
    destination = open_at(where)
    last = latest(destination)
    _compare_with_copy(destination, last)
    return last


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
    step = evidence(row, _floor(destination, last, row.tree_size))
    if last is None or row.tree_size > last.size:
        return step
    known = {*last.cosignatures, *last.timestamps}
    return step if {*step.cosignatures, *step.timestamps} - known else None


def _floor(destination: Destination, last: Manifest | None, size: int) -> int:
    """Return the size of the newest manifest of a smaller tree."""
    while last and last.size >= size and last.number > 1:
        last = read_manifest(destination, last.number - 1)
    return last.size if last and last.size < size else 0


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
