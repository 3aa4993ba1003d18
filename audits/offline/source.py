"""The files of an export, in a folder or in a zip file, read with suspicion."""

import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from audits.export.layout import largest, manifest_path
from audits.trusted import CannotCheck

MOST_FILES = 5_000_000
MOST_RATIO = 200  # a log, compressed, never shrinks that much: a zip bomb does
FIRST = manifest_path(1)
_IGNORED = {".unfinished"}


class Unreadable(Exception):
    """A file cannot be read; the text says why."""


class Files(Protocol):
    """Files by their path; `sizes` names all of them."""

    sizes: dict[str, int]

    def close(self) -> None:
        """Give back what was opened."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's bytes, as many as its kind may have. Raises Unreadable."""
        ...


class Folder:
    """An export in a directory; links are not followed."""

    def __init__(self, root: Path) -> None:
        """List the folder. Raises CannotCheck if that fails."""
        self._root = root
        self.sizes: dict[str, int] = {}
        self._links: set[str] = set()
        try:
            self._list("")
        except OSError as error:
            raise CannotCheck(f"{root} cannot be read: {error.strerror}.") from error

    def close(self) -> None:
        """Nothing is kept open."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes."""
        if path in self._links:
            raise Unreadable("it is no plain file")
        most = largest(path)
        try:
            handle = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(handle, "rb") as file:
                content = file.read(most + 1)
        except OSError as error:
            raise Unreadable(str(error.strerror)) from error
        if len(content) > most:
            raise Unreadable(f"it is larger than {most} bytes")
        return content

    def _list(self, below: str) -> None:
        with os.scandir(self._root / below) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if path not in _IGNORED:
                        self._list(f"{path}/")
                    continue
                if not entry.is_file(follow_symlinks=False):
                    self._links.add(path)
                self.sizes[path] = entry.stat(follow_symlinks=False).st_size


class Zip:
    """An export in a zip file, perhaps below one folder; nothing is unpacked."""

    def __init__(self, path: Path) -> None:
        """List the file. Raises CannotCheck for bombs, tricks and what is no export."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise CannotCheck(f"{path} is not a readable zip file: {error}.") from error
        try:
            self._prefix, self.sizes = _listed(self._zip, path.stat().st_size)
        except CannotCheck:
            self._zip.close()
            raise

    def close(self) -> None:
        """Close the zip file."""
        self._zip.close()

    def read(self, path: str) -> bytes:
        """Return a file's bytes."""
        most = largest(path)
        try:
            with self._zip.open(self._prefix + path) as file:
                content = file.read(most + 1)
                rest = file.read(1)  # reaching the end makes zipfile check its CRC
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
            raise Unreadable(str(error)) from error
        except (NotImplementedError, RuntimeError, KeyError) as error:
            raise Unreadable(str(error)) from error
        if len(content) > most or rest:
            raise Unreadable(f"it is larger than {most} bytes")
        return content


def open_export(path: Path) -> Files | None:
    """Return the files of an export, or None when the path holds none.

    Raises CannotCheck for what looks like one and cannot be read.
    """
    if path.is_dir():
        folder = Folder(path)
        if not any(name.startswith("exports/") for name in folder.sizes):
            raise CannotCheck(f"{path} is no export of a log: it has no manifests.")
        return folder
    if path.is_file() and zipfile.is_zipfile(path):
        return Zip(path)
    return None


def _listed(opened: zipfile.ZipFile, packed: int) -> tuple[str, dict[str, int]]:
    """Return the folder in which the export lies, and the size of each file there."""
    infos = [info for info in opened.infolist() if not info.is_dir()]
    refuse_tricks(infos, packed)
    names = [info.filename for info in infos]
    roots = [name.removesuffix(FIRST) for name in names if name.endswith(FIRST)]
    if len(roots) != 1 or (roots[0] and not roots[0].endswith("/")):
        raise CannotCheck("The zip file is no export of a log.")
    prefix = roots[0]
    sizes = {
        info.filename.removeprefix(prefix): info.file_size
        for info in infos
        if info.filename.startswith(prefix)
    }
    return prefix, sizes


def refuse_tricks(infos: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse paths, links, names that stand twice and bombs. Raises CannotCheck."""
    if len(infos) > MOST_FILES:
        raise CannotCheck(f"The zip file holds more than {MOST_FILES} files.")
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        parts = name.split("/")
        bad = name.startswith("/") or "\\" in name or "\0" in name or ":" in name
        if bad or any(part in {"", ".", ".."} for part in parts):
            raise CannotCheck(f"The zip file holds the path {name!r}.")
        if name in seen:
            raise CannotCheck(f"The zip file holds {name!r} twice.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise CannotCheck(f"{name!r} in the zip file is a link.")
        if info.flag_bits & 1:
            raise CannotCheck(f"{name!r} in the zip file is encrypted.")
        seen.add(name)
    if sum(info.file_size for info in infos) > MOST_RATIO * packed:
        raise CannotCheck(
            f"Unpacked, the zip file would be more than {MOST_RATIO} times as large: "
            "that is no log, but a bomb."
        )
