"""The members of a dossier's bundle, read with suspicion: nothing is unpacked."""

import zipfile
import zlib
from pathlib import Path

from audits.bundles import PDF, SIGNED
from audits.offline.report import DoesNotHold
from audits.offline.source import refuse_tricks
from audits.trusted import CannotCheck

MOST_FILES = 2_000
LARGEST = 1024**3  # bytes of all files together, unpacked


def read_bundle(path: Path) -> dict[str, bytes] | None:
    """The files of a bundle by name, or None when the path is none.

    Raises CannotCheck for bombs, paths, links and files that stand twice, and
    DoesNotHold where a file is damaged.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as packed:
            infos = packed.infolist()
            if not {PDF, SIGNED} & {info.filename for info in infos}:
                return None
            _refuse(infos, path.stat().st_size)
            return {info.filename: _read(packed, info) for info in infos}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CannotCheck(f"{path} is not a readable zip file: {error}.") from error


def _refuse(infos: list[zipfile.ZipInfo], packed: int) -> None:
    refuse_tricks(infos, packed)
    if len(infos) > MOST_FILES:
        raise CannotCheck(f"The bundle holds more than {MOST_FILES} files.")
    for info in infos:
        if "/" in info.filename:
            raise CannotCheck(f"A bundle has no folders: {info.filename!r}.")
    if sum(info.file_size for info in infos) > LARGEST:
        raise CannotCheck(f"Unpacked, the bundle is larger than {LARGEST} bytes.")


def _read(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with packed.open(info) as file:
            content = file.read(info.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DoesNotHold(f"{info.filename!r} is damaged: {error}.") from error
    if len(content) != info.file_size:
        raise DoesNotHold(f"{info.filename!r} has another size than it says.")
    return content
