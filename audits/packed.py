"""Zip and tar files as lists of members, bounded, and never unpacked to the disk."""

import lzma
import re
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

MAX_MEMBERS = 200_000
MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_RATIO = 200  # deflate reaches 1,000; arrays of real models stay below 50
SPARE_BYTES = 64 * 1024
BLOCK = 512
REGULAR, FOLDER, EXTENDED = b"0\0", b"5", b"xgLK"
OUTSIDE = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|\\|^[A-Za-z]:|\0")
# What zipfile raises for damaged bytes, besides its own exception.
DAMAGE = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError,
    OSError, KeyError, IndexError, OverflowError, zlib.error, struct.error,
    lzma.LZMAError,
)  # fmt: skip


class BadArchive(Exception):
    """The archive is damaged or dangerous; the text is a full sentence."""


class Packed(ABC):
    """An archive: the sizes of its members by name, and their bytes when asked for."""

    sizes: dict[str, int]

    @abstractmethod
    def start(self, name: str, count: int) -> bytes:
        """Answer up to `count` bytes from the start of a member. Raises BadArchive."""

    def read(self, name: str, *, limit: int) -> bytes:
        """Answer a whole member. Raises BadArchive when it is larger than `limit`."""
        data = self.start(name, limit + 1)
        if len(data) > limit:
            raise BadArchive(
                f"The member {name[:100]!r} is larger than {limit:,} bytes."
            )
        return data


class Zip(Packed):
    """A zip file. Raises BadArchive for bombs, links and paths that lead outside."""

    def __init__(self, file: BinaryIO) -> None:
        with _damaged("zip"):
            self.archive = zipfile.ZipFile(file)
        members = self.archive.infolist()
        self.sizes = _checked([(one.filename, one.file_size) for one in members], "zip")
        packed = sum(one.compress_size for one in members)
        unpacked = sum(self.sizes.values())
        if unpacked > MAX_RATIO * packed + SPARE_BYTES:
            raise BadArchive(
                f"The zip would unpack from {packed:,} to {unpacked:,} bytes; that is "
                "a zip bomb."
            )
        if any(stat.S_ISLNK(one.external_attr >> 16) for one in members):
            raise BadArchive("The zip holds a symbolic link.")

    def start(self, name: str, count: int) -> bytes:
        with _damaged("zip"), self.archive.open(name) as member:
            return member.read(count)


class Tar(Packed):
    """An uncompressed tar file, read by its plain (ustar) headers only."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.places: dict[str, int] = {}
        found: list[tuple[str, int]] = []
        with _damaged("tar"):
            for name, size, place in _headers(file):
                found.append((name, size))
                self.places[name] = place
        self.sizes = _checked(found, "tar")

    def start(self, name: str, count: int) -> bytes:
        self.file.seek(self.places[name])
        return self.file.read(min(count, self.sizes[name]))


def is_tar(head: bytes) -> bool:
    """Whether a file begins with the header of a tar archive."""
    return head[257:262] == b"ustar"


def _headers(file: BinaryIO) -> Iterator[tuple[str, int, int]]:
    end = file.seek(0, 2)
    at = count = 0
    while at + BLOCK <= end and count <= MAX_MEMBERS:
        file.seek(at)
        block = file.read(BLOCK)
        if not any(block):
            return
        if not is_tar(block):
            raise BadArchive("The tar archive is damaged.")
        kind, size = block[156:157], int(block[124:136].rstrip(b" \0") or b"0", 8)
        if size < 0 or at + BLOCK + size > end:
            raise BadArchive("The tar archive is cut short.")
        folder, name = (
            part.partition(b"\0")[0].decode() for part in (block[345:500], block[:100])
        )
        if kind in REGULAR:
            yield f"{folder}/{name}" if folder else name, size, at + BLOCK
        elif kind not in FOLDER and kind not in EXTENDED:
            raise BadArchive("The tar holds a link or a device.")
        at += BLOCK + -(-size // BLOCK) * BLOCK
        count += 1


def _checked(members: list[tuple[str, int]], what: str) -> dict[str, int]:
    if len(members) > MAX_MEMBERS:
        raise BadArchive(f"The {what} holds more than {MAX_MEMBERS} files.")
    sizes = dict(members)
    if len(sizes) != len(members):
        raise BadArchive(f"The {what} holds two files of one name.")
    for name, size in members:
        if OUTSIDE.search(name):
            raise BadArchive(
                f"The {what} holds a path that leads outside: {name[:100]!r}."
            )
        if size < 0:
            raise BadArchive(f"The {what} is damaged.")
    if sum(sizes.values()) > MAX_UNPACKED_BYTES:
        raise BadArchive(
            f"The {what} would unpack to {sum(sizes.values()):,} bytes, far beyond "
            "what is accepted."
        )
    return sizes


@contextmanager
def _damaged(what: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as trouble:
        raise BadArchive(f"The {what} archive is damaged or encrypted.") from trouble
