"""Asking witnesses to cosign our checkpoints (C2SP tlog-witness)."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audits import log
from audits.cosignature import Cosigner, open_cosignature, parse_cosigner
from audits.findings import Findings
from audits.models import Checkpoint, Contradiction, Cosignature
from audits.note import (
    LARGEST_SIZE,
    NoteMalformed,
    NoteUnverified,
    parse_signature,
)
from audits.outside.http import Answer, CallFailed, post
from registry.acts import acting

SIZE_TYPE = "text/x.tlog.size"


class WitnessRefused(Exception):
    """A witness does not cosign; the text names it and its reason."""


class Contradicted(WitnessRefused):
    """A witness remembers another history of this log than the database has."""


@dataclass(frozen=True)
class Witness:
    """A configured witness: where it listens and which key it signs with."""

    url: str
    cosigner: Cosigner

    @property
    def name(self) -> str:
        """The name of its key."""
        return self.cosigner.name


@dataclass(frozen=True)
class Asked:
    """What asking one witness came to."""

    witness: str
    stored: bool
    problem: str = ""
    contradicts: bool = False


def configured() -> list[Witness]:
    """Read the setting FREIGABE_WITNESSES. Raises ImproperlyConfigured."""
    return [_read(text) for text in settings.FREIGABE_WITNESSES]


def _read(text: str) -> Witness:
    """Read `VKEY URL`."""
    vkey, space, url = text.strip().partition(" ")
    if not space or not url.startswith(("https://", "http://")):
        raise ImproperlyConfigured(
            f"FREIGABE_WITNESSES: write 'NAME+HASH+KEY https://...', not {text!r}."
        )
    try:
        return Witness(url.strip().rstrip("/"), parse_cosigner(vkey))
    except NoteMalformed as error:
        raise ImproperlyConfigured(f"FREIGABE_WITNESSES: {error}") from error


def ask_all(*, at: datetime) -> list[Asked]:
    """Ask every configured witness for the latest checkpoint, each by itself.

    One that is down, or that has cosigned less than FREIGABE_WITNESS_EVERY_SECONDS ago,
    does not keep the others or the log. Nothing unverified is stored.
    """
    signed = log.latest_checkpoint()
    if signed is None:
        return []
    return [_ask(witness, signed, at) for witness in _due(signed, at)]


def _due(signed: Checkpoint, at: datetime) -> list[Witness]:
    pause = timedelta(seconds=settings.FREIGABE_WITNESS_EVERY_SECONDS)
    due = []
    for witness in configured():
        last = Cosignature.objects.filter(witness=witness.name).first()
        fresh = last is not None and at - last.received_at < pause
        done = last is not None and last.tree_size >= signed.tree_size
        if not fresh and not done:
            due.append(witness)
    return due


def _ask(witness: Witness, signed: Checkpoint, at: datetime) -> Asked:
    try:
        line = request(witness, signed)
        stamped = open_cosignature(signed.note, line, witness.cosigner)
    except Contradicted as error:
        with acting(by="audits.outside"):
            Contradiction.objects.get_or_create(
                witness=witness.name,
                tree_size=signed.tree_size,
                defaults={"what": str(error), "noticed_at": at},
            )
        return Asked(witness.name, False, str(error), contradicts=True)
    except (CallFailed, NoteMalformed, NoteUnverified, WitnessRefused) as error:
        return Asked(witness.name, False, str(error))
    Cosignature.objects.get_or_create(
        tree_size=signed.tree_size,
        witness=witness.name,
        defaults={
            "line": line,
            "stamped_at": datetime.fromtimestamp(stamped, UTC),
            "received_at": at,
        },
    )
    return Asked(witness.name, True)


def request(witness: Witness, signed: Checkpoint) -> str:
    """Return the witness's signature line, not verified yet.

    Starts from the size that it cosigned last as we know it; if it says another one,
    asks once more from there. Raises CallFailed, WitnessRefused, Contradicted.
    """
    last = Cosignature.objects.filter(witness=witness.name).first()
    known = last.tree_size if last else 0
    answer = _send(witness, known, signed)
    if answer.status == 409 and answer.content_type == SIZE_TYPE:
        known = _size(witness, answer)
        if known > signed.tree_size:
            raise Contradicted(
                f"{witness.name} has cosigned {known} leaves of this log, the database "
                f"has signed {signed.tree_size}."
            )
        answer = _send(witness, known, signed)
    same = answer.status == 409 and known == signed.tree_size
    if answer.status == 422 or (same and _is_size(answer, known)):
        raise Contradicted(
            f"{witness.name} says that the log of {signed.tree_size} leaves does not "
            f"extend the {known} leaves that it cosigned."
        )
    if answer.status != 200:
        reason = answer.body[:200].decode(errors="replace").strip()
        raise WitnessRefused(f"{witness.name} answers {answer.status}: {reason}")
    return _line_of(witness, answer)


def _send(witness: Witness, known: int, signed: Checkpoint) -> Answer:
    proof: Sequence[bytes] = ()
    if 0 < known <= signed.tree_size:
        proof = log.consistency(old=known, new=signed.tree_size).hashes
    lines = [f"old {known}", *(base64.b64encode(item).decode() for item in proof)]
    body = "\n".join(lines) + "\n\n" + signed.note
    return post(f"{witness.url}/add-checkpoint", body.encode())


def _is_size(answer: Answer, size: int) -> bool:
    """A conflict over a size that both sides agree on is one over its root."""
    return answer.content_type == SIZE_TYPE and answer.body == b"%d\n" % size


def _size(witness: Witness, answer: Answer) -> int:
    text = answer.body.decode(errors="replace").removesuffix("\n")
    # The length first: Python refuses to read a number of thousands of digits.
    digits = text.isascii() and text.isdigit() and len(text) <= 19
    if not digits or int(text) > LARGEST_SIZE:
        raise WitnessRefused(f"{witness.name} names no size: {text[:40]!r}.")
    return int(text)


def _line_of(witness: Witness, answer: Answer) -> str:
    start = f"\u2014 {witness.name} "
    lines = answer.body.decode(errors="replace").splitlines()
    found = [line for line in lines if line.startswith(start)]
    if not found:
        raise WitnessRefused(f"{witness.name} answers without a signature of its own.")
    return found[0]


def check(found: Findings) -> None:
    """Verify the stored cosignatures again, by the configured keys."""
    keys = {witness.name: witness.cosigner for witness in configured()}
    notes = {}
    for item in Cosignature.objects.order_by("tree_size").iterator(chunk_size=500):
        key = keys.get(item.witness)
        if key is None:
            found.checked["cosignatures of unknown witnesses"] += 1
            continue
        if item.tree_size not in notes:
            stored = Checkpoint.objects.filter(tree_size=item.tree_size).first()
            notes = {item.tree_size: stored.note if stored else ""}
        found.checked["cosignatures"] += 1
        try:
            open_cosignature(notes[item.tree_size], item.line, key)
        except (NoteMalformed, NoteUnverified) as error:
            found.add(
                "witness",
                f"{item.witness} on {item.tree_size} leaves: {error}",
                "a stored cosignature fits its checkpoint",
            )


def witnessed_note(signed: Checkpoint) -> str:
    """Return a checkpoint's note with the cosignature lines that are stored for it.

    What is no signature line of its witness is left out: it would spoil the note.
    """
    rows = Cosignature.objects.filter(tree_size=signed.tree_size).order_by("witness")
    return signed.note + "".join(f"{row.line}\n" for row in rows if _is_line(row))


def _is_line(row: Cosignature) -> bool:
    try:
        return parse_signature(row.line)[0] == row.witness
    except NoteMalformed:
        return False
