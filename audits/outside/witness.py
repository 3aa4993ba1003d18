"""Being a witness for other logs (C2SP tlog-witness)."""

import fcntl
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from audits.cosignature import cosign, cosigner_vkey
from audits.keys import load_or_create_key, replace_file
from audits.merkle import EMPTY_ROOT, ProofError, verify_consistency
from audits.models import WitnessedLog
from audits.note import (
    LARGEST_SIZE,
    Checkpoint,
    NoteMalformed,
    NoteUnverified,
    Verifier,
    decode_base64,
    open_checkpoint,
    parse_checkpoint,
    parse_vkey,
    split_note,
)

LARGEST_REQUEST = 256 * 1024  # bytes
MOST_HASHES = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


class BadRequest(Exception):
    """400: the request is malformed."""


class UnknownLog(Exception):
    """404: nobody configured this log."""


class Unsigned(Exception):
    """403: no trusted key of the log signed the checkpoint."""


class SizeConflict(Exception):
    """409: the request starts from another size than the one cosigned last."""

    def __init__(self, size: int) -> None:
        """Name the size cosigned last."""
        super().__init__(f"The latest cosigned size is {size}.")
        self.size = size


class MemoryUnusable(Exception):
    """503: what we cosigned last cannot be read; the text says why."""


class Inconsistent(Exception):
    """422: the checkpoint does not extend the one cosigned last."""


@dataclass(frozen=True)
class Request:
    """An add-checkpoint request, parsed."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str
    signed: Checkpoint


def key() -> Ed25519PrivateKey:
    """Return the witness's own key, made on first use. Raises keys.KeyUnusable."""
    return load_or_create_key(Path(settings.FREIGABE_KEYS_DIR) / "witness.pem")


def vkey() -> str:
    """Return the key for those who configure us as their witness."""
    return cosigner_vkey(settings.FREIGABE_WITNESS_NAME, key().public_key())


def witnessed() -> dict[str, list[Verifier]]:
    """Read FREIGABE_WITNESSED_LOGS: the trusted keys by origin."""
    found: dict[str, list[Verifier]] = {}
    for text in settings.FREIGABE_WITNESSED_LOGS:
        try:
            verifier = parse_vkey(text)
        except NoteMalformed as error:
            raise ImproperlyConfigured(f"FREIGABE_WITNESSED_LOGS: {error}") from error
        found.setdefault(verifier.name, []).append(verifier)
    return found


def add_checkpoint(body: bytes, *, at: datetime) -> str:
    """Cosign a checkpoint that extends the last one; return the signature line.

    One at a time for each log, in the database and by a lock beside the key, where the
    last size is remembered too: a database set back does not make us forget. Raises
    BadRequest, UnknownLog, Unsigned, SizeConflict, Inconsistent, MemoryUnusable,
    keys.KeyUnusable.
    """
    asked = _parse(body)
    verifiers = witnessed().get(asked.signed.origin)
    if not verifiers:
        raise UnknownLog(f"This witness does not know the log {asked.signed.origin}.")
    try:
        open_checkpoint(asked.note, *verifiers)
    except (NoteMalformed, NoteUnverified) as error:
        raise Unsigned(str(error)) from error
    if asked.old_size > asked.signed.size:
        raise BadRequest("The old size is larger than the checkpoint's.")
    signing = key()
    with _alone(asked.signed.origin) as memory, transaction.atomic():
        last = _last(asked.signed.origin, memory, verifiers)
        if asked.old_size != last.size:
            raise SizeConflict(last.size)
        _require_extension(last, asked)
        line = cosign(
            asked.note, settings.FREIGABE_WITNESS_NAME, signing, int(at.timestamp())
        )
        replace_file(memory, asked.note.encode())
        WitnessedLog.objects.update_or_create(
            origin=asked.signed.origin,
            defaults={
                "tree_size": asked.signed.size,
                "root_hash": asked.signed.root,
                "note": asked.note,
                "cosigned_at": at,
            },
        )
    return line


def _parse(body: bytes) -> Request:
    """Read `old SIZE`, proof lines, an empty line and a signed note, exactly."""
    try:
        head, gap, note = body.decode().partition("\n\n")
        old, *rest = head.split("\n")
        match = _OLD.fullmatch(old)
        if not gap or match is None or int(match[1]) > LARGEST_SIZE:
            raise BadRequest("The request starts with: old SIZE.")
        if len(rest) > MOST_HASHES:
            raise BadRequest(f"A proof has up to {MOST_HASHES} hashes.")
        proof = tuple(decode_base64(line, "a proof line") for line in rest)
        text, _ = split_note(note)
        signed = parse_checkpoint(text)
    except (UnicodeDecodeError, NoteMalformed) as error:
        raise BadRequest(str(error)) from error
    if any(len(value) != 32 for value in proof):
        raise BadRequest("A hash of a proof has 32 bytes.")
    return Request(int(match[1]), proof, note, signed)


def _last(origin: str, memory: Path, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return the larger of what the folder and the database remember."""
    notes: list[str | bytes] = [memory.read_bytes()] if memory.exists() else []
    notes += [row.note for row in WitnessedLog.objects.filter(origin=origin)]
    try:
        trees = [open_checkpoint(note, *verifiers) for note in notes]
    except (NoteMalformed, NoteUnverified) as error:
        raise MemoryUnusable(
            f"What this witness cosigned last of {origin} cannot be read by the keys "
            f"in FREIGABE_WITNESSED_LOGS: {error}"
        ) from error
    return max(
        trees, key=lambda tree: tree.size, default=Checkpoint(origin, 0, EMPTY_ROOT)
    )


def _require_extension(last: Checkpoint, asked: Request) -> None:
    if last.size == 0:
        if asked.proof:
            raise BadRequest("A first checkpoint needs no proof.")
        if asked.signed.size == 0 and asked.signed.root != EMPTY_ROOT:
            raise Inconsistent("An empty tree has another root.")
        return
    # The specification answers this one with 409, not 422.
    if asked.signed.size == last.size and asked.signed.root != last.root:
        raise SizeConflict(last.size)
    try:
        verify_consistency(
            old_size=last.size,
            new_size=asked.signed.size,
            old_root=last.root,
            new_root=asked.signed.root,
            proof=asked.proof,
        )
    except ProofError as error:
        raise Inconsistent(str(error)) from error


@contextmanager
def _alone(origin: str) -> Iterator[Path]:
    name = hashlib.sha256(origin.encode()).hexdigest()[:16]
    folder = Path(settings.FREIGABE_KEYS_DIR)
    with (folder / f"witnessed-{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder / f"witnessed-{name}.checkpoint"
