"""What a write-once place can do, and the reading of its manifests."""

from typing import Protocol

from audits.export.layout import LARGEST_MANIFEST, manifest_path
from audits.export.manifest import Manifest, ManifestMalformed, parse
from registry.digests import sha256_hex


class ExportError(Exception):
    """The export did not happen; the text says why, for people."""


class DestinationFailed(ExportError):
    """The place cannot be read or written at the moment."""


class DestinationBroken(ExportError):
    """What is in the place contradicts itself, or something was taken away from it."""


class FileDiffers(DestinationBroken):
    """A file is there already, with other content than it should get."""


class Contradiction(ExportError):
    """The database and the export cannot both be right."""


class Destination(Protocol):
    """A place where files are added and never changed."""

    @property
    def name(self) -> str:
        """The place as the operator wrote it, in one spelling."""
        ...

    def begin(self) -> None:
        """Get ready to add files. Raises DestinationFailed if it cannot be trusted."""
        ...

    def manifest_numbers(self) -> list[int]:
        """Return the numbers of the manifests there, ascending.

        Raises DestinationFailed, and DestinationBroken when one was hidden.
        """
        ...

    def read(self, path: str, *, most: int) -> bytes:
        """Return a file of at most `most` bytes.

        Raises DestinationFailed, and DestinationBroken when it is larger or missing.
        """
        ...

    def put(self, path: str, content: bytes) -> None:
        """Add a file, whole or not at all; the same content again changes nothing.

        Raises FileDiffers when another content is there, and DestinationFailed.
        """
        ...

    def point(self, content: bytes) -> bool:
        """Replace the file `checkpoint`; False where the place allows no replacing."""
        ...


def latest(destination: Destination) -> Manifest | None:
    """Return the last manifest, or None for an empty place; the place is read.

    Raises DestinationFailed, and DestinationBroken when manifests are missing, cannot
    be read, or the last one does not quote the one before it.
    """
    numbers = destination.manifest_numbers()
    if not numbers:
        return None
    if numbers != list(range(1, len(numbers) + 1)):
        missing = sorted(set(range(1, numbers[-1])) - set(numbers))[:5]
        raise DestinationBroken(
            f"Manifests are missing in {destination.name}: {missing}."
        )
    last = read_manifest(destination, numbers[-1])
    before = None
    if last.number > 1:
        path = manifest_path(last.number - 1)
        before = sha256_hex(destination.read(path, most=LARGEST_MANIFEST))
    if last.previous_sha256 != before:
        raise DestinationBroken(
            f"Manifest {last.number} in {destination.name} says that the one before it "
            f"is {last.previous_sha256}, but that is {before}."
        )
    return last


def read_manifest(destination: Destination, number: int) -> Manifest:
    """Return one manifest. Raises DestinationFailed or DestinationBroken."""
    path = manifest_path(number)
    try:
        manifest = parse(destination.read(path, most=LARGEST_MANIFEST))
    except ManifestMalformed as error:
        raise DestinationBroken(
            f"{path} in {destination.name} is not a manifest: {error}."
        ) from error
    if manifest.number != number:
        raise DestinationBroken(
            f"{path} in {destination.name} calls itself number {manifest.number}."
        )
    return manifest
