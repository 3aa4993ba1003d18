"""Export into a directory: every file appears whole, is read-only, and stays."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from audits.export.destination import (
    DestinationBroken,
    DestinationFailed,
    FileDiffers,
)
from audits.export.layout import POINTER, manifest_number
from registry.digests import sha256_hex

SCRATCH = ".unfinished"  # files that are still being written; never part of the export
_NO_REPLACING = {errno.EPERM, errno.EACCES, errno.EROFS}


class Directory:
    """A folder on a disk or mount; what makes it immutable is the operator's choice."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is touched."""
        self._root = path.absolute()

    @property
    def name(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    def begin(self) -> None:
        """Make the folder if it is missing, and clear what a crash left unfinished."""
        with self._explained("made"):
            make_folders(self._root / SCRATCH)
            for left_over in (self._root / SCRATCH).iterdir():
                left_over.unlink(missing_ok=True)

    def manifest_numbers(self) -> list[int]:
        """Return the numbers of the manifests there, ascending."""
        folder = self._root / "exports"
        with self._explained("listed"):
            os.listdir(self._root)
            names = os.listdir(folder) if folder.is_dir() else []
        numbers = (manifest_number(f"exports/{name}") for name in names)
        return sorted(number for number in numbers if number is not None)

    def read(self, path: str, *, most: int) -> bytes:
        """Return a file of at most `most` bytes."""
        try:
            with self._explained("read"), (self._root / path).open("rb") as file:
                content = file.read(most + 1)
        except FileNotFoundError as error:
            raise DestinationBroken(f"{path} is missing in {self.name}.") from error
        if len(content) > most:
            raise DestinationBroken(f"{path} in {self.name} is larger than {most}.")
        return content

    def put(self, path: str, content: bytes) -> None:
        """Add a file: written beside, synced, then linked, which never replaces."""
        target = self._root / path
        with self._explained("written"):
            if target.exists():
                self._require_same(path, content)
                sync_folder(target.parent)
                return
            make_folders(target.parent)
            scratch = self._write(content, 0o444)
            try:
                os.link(scratch, target)
            except FileExistsError:  # another exporter was faster
                self._require_same(path, content)
            finally:
                scratch.unlink(missing_ok=True)
            sync_folder(target.parent)

    def point(self, content: bytes) -> bool:
        """Replace the file `checkpoint`."""
        target = self._root / POINTER
        scratch: Path | None = None
        with self._explained("written"):
            try:
                scratch = self._write(content, 0o644)
                scratch.replace(target)
            except OSError as error:
                if scratch is None or error.errno not in _NO_REPLACING:
                    raise
                scratch.unlink(missing_ok=True)
                return False
            sync_folder(self._root)
        return True

    def _write(self, content: bytes, mode: int) -> Path:
        """Write and sync a file in the scratch folder; leave none if that fails."""
        handle, name = tempfile.mkstemp(dir=self._root / SCRATCH)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        return Path(name)

    def _require_same(self, path: str, content: bytes) -> None:
        try:
            present = self.read(path, most=len(content))
        except DestinationBroken as error:
            raise FileDiffers(self._differs(path, content)) from error
        if present != content:
            raise FileDiffers(self._differs(path, content))

    def _differs(self, path: str, content: bytes) -> str:
        return (
            f"{path} is in {self.name} already, with other content than "
            f"SHA-256 {sha256_hex(content)}. Nothing is overwritten."
        )

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if what == "read":
                raise
            raise DestinationFailed(f"{self.name} is not there any more.") from None
        except OSError as error:
            raise DestinationFailed(
                f"{self.name} cannot be {what}: {error.strerror}."
            ) from error


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, so that a crash does not lose them."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
