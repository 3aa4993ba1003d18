"""Signs checkpoints, and none that contradicts what was signed before."""

from collections.abc import Callable, Sequence
from pathlib import Path

from audits.keyring import KeyRing
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
from audits.signer_memory import SignerMemory

# Answers the consistency proof from an old to a new size, out of the tree at hand.
Prove = Callable[[int, int], Sequence[bytes]]

WAY_OUT = "If nothing can bring the signed log back: manage.py open_epoch."


class SignerRefused(Exception):
    """Signing would contradict an earlier checkpoint; the text names both."""


class Signer:
    """Signs the checkpoints of one log, and none that contradicts an earlier one."""

    def __init__(
        self,
        folder: Path,
        origin: str,
        *,
        create: bool = True,
        must_be_open: bool = False,
    ) -> None:
        """Open the folder's keys; make one on first use if `create`.

        `must_be_open`: only the database names this log, so the folder has to know it.
        Raises keys.KeyUnusable.
        """
        self.origin = origin
        self.keys = KeyRing(folder, create=create)
        self._memory = SignerMemory(folder, origin)
        self._must_be_open = must_be_open

    @property
    def vkey(self) -> str:
        """The public key in the form that witnesses and auditors keep."""
        return vkey(self.origin, self.keys.current.public_key())

    def verifiers(self, origin: str | None = None) -> list[Verifier]:
        """Return the keys that count under the log's name, or under a former one."""
        name = origin or self.origin
        return [Verifier(name, key) for key in self.keys.trusted(name)]

    def remembered(self) -> Checkpoint | None:
        """Return what was signed last, from the file beside the key.

        Raises SignerRefused when the file is not a checkpoint of a known key.
        """
        note = self._memory.note()
        return None if note is None else self._own(note, str(self._memory.path))

    def remembered_note(self) -> str | None:
        """Return the note that was signed last, unverified."""
        note = self._memory.note()
        return None if note is None else note.decode(errors="replace")

    @property
    def is_frozen(self) -> bool:
        """Whether this log will never be signed again."""
        return self._memory.frozen is not None

    def sign(self, size: int, root: bytes, prove: Prove, published: str | None) -> str:
        """Return the signed note for a tree, and remember it durably first.

        `published` is the last note known to the database: with it a lost memory file
        does not open the door to a fork. Raises SignerRefused unless the tree extends
        everything signed before, and for a log that is frozen or was never opened.
        Signing the same tree again gives the same note.
        """
        with self._memory.alone():
            self._require_open()
            self._require_extension(self.remembered(), size, root, prove)
            if published is not None:
                former = self._own(published, "The last checkpoint in the database")
                self._require_extension(former, size, root, prove)
            text = format_checkpoint(Checkpoint(self.origin, size, root))
            note = sign_note(text, self.origin, *self.keys.signing)
            self._memory.remember(note)
        return note

    def _require_open(self) -> None:
        because = self._memory.frozen
        if because is not None:
            raise SignerRefused(f"The log {self.origin} is frozen: {because} {WAY_OUT}")
        if self._must_be_open and not self._memory.is_known:
            raise SignerRefused(
                f"The database names the log {self.origin}, but the key folder was "
                f"never told to open it. {WAY_OUT}"
            )

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
                f"{former.size} leaves: {error} {WAY_OUT}"
            ) from error

    def _own(self, note: str | bytes, where: str) -> Checkpoint:
        try:
            return open_checkpoint(note, *self.verifiers())
        except (NoteMalformed, NoteUnverified) as error:
            raise SignerRefused(
                f"{where} is not a checkpoint of {self.vkey}: {error}"
            ) from error
