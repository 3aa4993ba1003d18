"""The log's signing key and its memory of what it signed, outside the database."""

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from audits.keyring import KeyRing
from audits.keys import replace_file
from audits.merkle import ProofError, verify_consistency
from audits.note import (
    Checkpoint,
    NoteMalformed,
    NoteUnverified,
    Verifier,
    format_checkpoint,
    open_checkpoint,
    sign_note,
    vkey,
)

# Answers the consistency proof from an old to a new size, out of the tree at hand.
Prove = Callable[[int, int], Sequence[bytes]]

WAY_OUT = "If nothing can bring the signed log back: manage.py open_epoch."


class SignerRefused(Exception):
    """Signing would contradict an earlier checkpoint; the text names both."""


class Signer:
    """Signs the checkpoints of one log, and none that contradicts an earlier one."""

    def __init__(self, folder: Path, origin: str, *, create: bool = True) -> None:
        """Open the folder's keys; make one on first use if `create`.

        Raises keys.KeyUnusable.
        """
        self.origin = origin
        self.keys = KeyRing(folder, create=create)
        name = hashlib.sha256(origin.encode()).hexdigest()[:16]
        self._memory = folder / f"log-{name}.checkpoint"
        self._frozen = folder / f"log-{name}.frozen"
        self._lock = folder / "log.lock"

    @property
    def vkey(self) -> str:
        """The public key in the form that witnesses and auditors keep."""
        return vkey(self.origin, self.keys.current.public_key())

    def verifiers(self, origin: str | None = None) -> list[Verifier]:
        """Return the known public keys under the log's name, or under a former one."""
        return [Verifier(origin or self.origin, key) for key in self.keys.public]

    def remembered(self) -> Checkpoint | None:
        """Return what was signed last, from the file beside the key.

        Raises SignerRefused when the file is not a checkpoint of a known key.
        """
        note = self.remembered_note()
        return None if note is None else self._own(note, str(self._memory))

    def remembered_note(self) -> str | None:
        """Return the note that was signed last, unverified."""
        return self._memory.read_text() if self._memory.exists() else None

    @property
    def is_frozen(self) -> bool:
        """Whether this log will never be signed again."""
        return self._frozen.exists()

    def freeze(self, because: str) -> None:
        """Never sign this log again, whatever the database says."""
        with self._alone():
            replace_file(self._frozen, because.encode() + b"\n")

    def sign(self, size: int, root: bytes, prove: Prove, published: str | None) -> str:
        """Return the signed note for a tree, and remember it durably first.

        `published` is the last note known to the database: with it a lost memory file
        does not open the door to a fork. Raises SignerRefused unless the tree extends
        everything signed before, and for a frozen log. Signing the same tree again
        gives the same note.
        """
        with self._alone():
            if self.is_frozen:
                raise SignerRefused(
                    f"The log {self.origin} is frozen: "
                    f"{self._frozen.read_text().strip()} {WAY_OUT}"
                )
            self._require_extension(self.remembered(), size, root, prove)
            if published is not None:
                former = self._own(published, "the last checkpoint in the database")
                self._require_extension(former, size, root, prove)
            text = format_checkpoint(Checkpoint(self.origin, size, root))
            note = sign_note(text, self.origin, *self.keys.signing)
            replace_file(self._memory, note.encode())
        return note

    def _require_extension(
        self, former: Checkpoint | None, size: int, root: bytes, prove: Prove
    ) -> None:
        if former is None or former.size == 0:
            return
        if size < former.size:
            raise SignerRefused(
                f"The log has shrunk: {former.size} leaves were signed, {size} are "
                f"there. Was an older backup restored? {WAY_OUT}"
            )
        try:
            verify_consistency(
                old_size=former.size,
                new_size=size,
                old_root=former.root,
                new_root=root,
                proof=prove(former.size, size),
            )
        except ProofError as error:
            raise SignerRefused(
                f"The tree of {size} leaves does not extend the signed tree of "
                f"{former.size} leaves: {error}"
            ) from error

    def _own(self, note: str | bytes, where: str) -> Checkpoint:
        try:
            return open_checkpoint(note, *self.verifiers())
        except (NoteMalformed, NoteUnverified) as error:
            raise SignerRefused(
                f"{where} is not a checkpoint of {self.vkey}: {error}"
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
