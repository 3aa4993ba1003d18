"""What a signer knows of one log, in files beside its key: never in the database."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audits.keys import replace_file

_NOTE, _OPENED, _FROZEN = ".checkpoint", ".opened", ".frozen"


class SignerMemory:
    """The last note signed under one name, and whether the name is open or frozen.

    Every file begins with the log's name and is replaced as a whole, durably.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        """Name the files; nothing is read or written yet."""
        self.origin = origin
        self._stem = folder / f"log-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
        self._lock = folder / "log.lock"

    @property
    def path(self) -> Path:
        """The file of the last note."""
        return self._stem.with_suffix(_NOTE)

    def note(self) -> bytes | None:
        """Return the note that was signed last, unverified."""
        return self.path.read_bytes() if self.path.exists() else None

    def remember(self, note: str) -> None:
        """Keep this note instead of the one before; the caller holds the lock."""
        replace_file(self.path, note.encode())

    def correct(self, note: str) -> None:
        """Put a note that was verified in place of a damaged or older one, kept aside.

        Only for a frozen name: nothing is signed by it any more.
        """
        with self.alone():
            kept = self.note()
            if kept != note.encode():
                if kept is not None:
                    replace_file(self._stem.with_suffix(".set-aside"), kept)
                self.remember(note)

    @property
    def is_known(self) -> bool:
        """Whether this folder has signed under the name, or was told to."""
        return self.path.exists() or self._stem.with_suffix(_OPENED).exists()

    def open(self) -> None:
        """Allow the name to be signed, which a database alone cannot do."""
        replace_file(self._stem.with_suffix(_OPENED), f"{self.origin}\n".encode())

    @property
    def frozen(self) -> str | None:
        """Why the name is never signed again, or None."""
        path = self._stem.with_suffix(_FROZEN)
        if not path.exists():
            return None
        return path.read_text(errors="replace").partition("\n")[2].strip()

    def freeze(self, because: str) -> None:
        """Never sign under the name again. The first reason stays.

        When this returns, no signature is under way in another process either.
        """
        with self.alone():
            if self.frozen is None:
                content = f"{self.origin}\n{because}\n"
                replace_file(self._stem.with_suffix(_FROZEN), content.encode())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from signing; the system frees it when one is killed."""
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def known_origins(folder: Path) -> list[str]:
    """Return the names of all logs of which this folder knows anything."""
    return sorted(
        {
            path.read_text(errors="replace").partition("\n")[0]
            for suffix in (_NOTE, _OPENED, _FROZEN)
            for path in folder.glob(f"log-*{suffix}")
        }
    )
