"""Whether a stretch of the log is really on write-once storage: it is read back."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from audits.export.destination import Destination
from audits.export.export import ExportError, contradiction, latest, open_at
from audits.export.layout import TILE_WIDTH, Place, largest
from audits.export.tree import BundleMalformed, leaf_hashes, read_bundle
from audits.models import Export, Leaf


class NotExported(ExportError):
    """The stretch is not, or not wholly, where the export should be."""


@dataclass(frozen=True)
class Witnessed:
    """The place that holds a stretch, and the digest of its last manifest."""

    destination: str
    sha256: str


def require_exported(first_leaf: int, last_leaf: int) -> Witnessed:
    """Read the entries of these leaves back from the configured export and hash them.

    The bundle of the last one must be full, because an open one is written again by the
    next step. Raises NotExported and what reading the destination raises.
    """
    if not settings.FREIGABE_EXPORT:
        raise NotExported("No export is configured (FREIGABE_EXPORT): nothing may go.")
    destination = open_at(settings.FREIGABE_EXPORT)
    manifest = latest(destination)
    full = (last_leaf // TILE_WIDTH + 1) * TILE_WIDTH
    if manifest is None or manifest.size < full:
        raise NotExported(
            f"{destination.name} holds {manifest.size if manifest else 0} leaves, but "
            f"{full} must be there first; export again later."
        )
    seen = Export.objects.filter(
        destination=destination.name, number=manifest.number
    ).first()
    if seen is None or seen.manifest_sha256 != manifest.sha256:
        raise NotExported(
            f"Manifest {manifest.number} in {destination.name} is not the one that was "
            "written there; run export_log."
        )
    if problem := contradiction(manifest):
        raise NotExported(f"{destination.name}: {problem}")
    for index in range(first_leaf // TILE_WIDTH, last_leaf // TILE_WIDTH + 1):
        _require_bundle(destination, index)
    return Witnessed(destination.name, manifest.sha256)


def _require_bundle(destination: Destination, index: int) -> None:
    path = Place(None, index, TILE_WIDTH).path
    try:
        bodies = read_bundle(destination.read(path, most=largest(path)), TILE_WIDTH)
    except BundleMalformed as error:
        raise NotExported(f"{path} in {destination.name}: {error}.") from error
    if leaf_hashes(bodies) != list(_stored(index)):
        raise NotExported(f"{path} in {destination.name} holds other entries.")


def _stored(index: int) -> Iterator[bytes]:
    first = index * TILE_WIDTH
    rows = Leaf.objects.filter(leaf_index__gte=first, leaf_index__lt=first + TILE_WIDTH)
    for value in rows.order_by("leaf_index").values_list("leaf_hash", flat=True):
        yield bytes(value)
