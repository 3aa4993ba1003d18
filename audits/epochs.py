"""The log's epochs: under which name it is signed, and what each name left behind."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from audits import keyring, log
from audits.key_events import (
    EpochRefused,
    alone,
    published_keys,
    retire_due,
    rotate_key,
    tell,
    untold_revocations,
)
from audits.models import Checkpoint as Stored
from audits.models import Epoch, Sequencer
from audits.note import (
    Checkpoint,
    NoteMalformed,
    NoteUnverified,
    Verifier,
    open_checkpoint,
)
from audits.signer_memory import SignerMemory, known_origins
from registry.acts import acting

__all__ = ["EpochRefused", "published_keys", "retire_due", "rotate_key"]

_NUMBERED = re.compile(r"(.+)/e([1-9][0-9]*)")


@dataclass(frozen=True)
class Stretch:
    """An epoch and what the one before it had signed, as far as it is known."""

    number: int
    origin: str
    because: str
    former: Checkpoint | None
    extends_former: bool
    opened_at: datetime | None


def history() -> list[Stretch]:
    """Return all epochs, the first and implicit one included, oldest first.

    `former` is None where nothing was known, or where no key of the folder signed what
    is recorded. Raises keys.KeyUnusable.
    """
    first = Stretch(1, settings.FREIGABE_LOG_ORIGIN, "", None, True, None)
    return [first] + [
        Stretch(
            row.number,
            row.origin,
            row.because,
            _read(row.former_note),
            row.extends_former,
            row.opened_at,
        )
        for row in Epoch.objects.order_by("number")
    ]


def open_epoch(
    *, because: str, by: object, at: datetime, former_note: str | None = None
) -> Epoch:
    """Freeze the log's present name and go on under a new one; return the epoch.

    For a restored backup or a lost or stolen key: the same tree, as the database has
    it, is signed under `<origin>/e2`, and the log itself says what the former name had
    signed. `former_note` is a checkpoint that somebody outside kept, for a key folder
    that has none or an older one. The former names are never signed again, by mark of
    the key folder. Interrupted anywhere, it can be called again. Raises EpochRefused,
    integration.InTransaction, integration.Lagging, keys.KeyUnusable, and what
    log.advance() raises.
    """
    if not because.strip():
        raise EpochRefused("Say why a new epoch is opened; the log will keep it.")
    log.integrate()
    folder = Path(settings.FREIGABE_KEYS_DIR)
    with alone(folder):
        names = _former_names(folder)
        _last_note(folder, names, former_note)  # refuses before anything is frozen
        present = SignerMemory(folder, log.origin())
        if present.frozen is None and not keyring.is_lost(folder):
            with acting(by=by, reason=because):
                tell(because=because, at=at)
        _freeze(folder, names, because, at)
        # From here on nothing is signed under a former name: this is the last word.
        note = _last_note(folder, names, former_note)
        if former_note and note == former_note:
            SignerMemory(folder, note.partition("\n")[0]).correct(note)
        if keyring.is_lost(folder):
            keyring.replace_lost(folder)
        epoch = _record(note, number=len(names) + 1, because=because, by=by, at=at)
    log.advance(at=at)
    return epoch


def replace_compromised_key(*, because: str, by: object, at: datetime) -> Epoch:
    """End a key that others may hold: a new key and a new epoch, at once.

    Under the new name the former keys do not count, whatever they sign. Interrupted
    anywhere, it can be called again. Raises what open_epoch() raises.
    """
    if not because.strip():
        raise EpochRefused("Say what happened to the key; the log will keep it.")
    folder = Path(settings.FREIGABE_KEYS_DIR)
    with alone(folder):
        ring, names = keyring.KeyRing(folder), _former_names(folder)
        if SignerMemory(folder, log.origin()).frozen is None:
            with acting(by=by, reason=because):
                tell(because=because, at=at)
        _freeze(folder, names, because, at)
        half_done = {keyring.raw(key) for key in untold_revocations(ring)}
        if not half_done or keyring.raw(ring.current.public_key()) in half_done:
            ring.revoke(names)
            ring.rotate(keep_signing=False)
    return open_epoch(because=because, by=by, at=at)


def _freeze(folder: Path, names: list[str], because: str, at: datetime) -> None:
    for name in names:
        SignerMemory(folder, name).freeze(f"{because.strip()} ({at.isoformat()})")


def _record(note: str, *, number: int, because: str, by: object, at: datetime) -> Epoch:
    folder = Path(settings.FREIGABE_KEYS_DIR)
    origin = _name(number)
    last = _verified(note)
    extends = last is None or _contains(last)
    SignerMemory(folder, origin).open()
    keyring.KeyRing(folder).drop_retiring()
    with acting(by=by, reason=because):
        epoch = Epoch.objects.create(
            number=number,
            origin=origin,
            because=because.strip(),
            former_note=note,
            extends_former=extends,
            opened_at=at,
        )
        tell(because=because, at=at)
    return epoch


def _former_names(folder: Path) -> list[str]:
    """Return all names up to the last that the database or the key folder knows."""
    known = dict(Epoch.objects.values_list("number", "origin"))
    for name in known_origins(folder):
        match = _NUMBERED.fullmatch(name)
        if match and match[1] == settings.FREIGABE_LOG_ORIGIN:
            known.setdefault(int(match[2]), name)
    last = max(known, default=1)
    return [known.get(number, _name(number)) for number in range(1, last + 1)]


def _name(number: int) -> str:
    base = str(settings.FREIGABE_LOG_ORIGIN)
    return base if number == 1 else f"{base}/e{number}"


def _last_note(folder: Path, names: list[str], given: str | None) -> str:
    """Return the last note known of the youngest name that signed anything.

    The key folder counts, or the note that was handed in if its tree is larger, and
    the database where neither has one. Raises EpochRefused.
    """
    for name in reversed(names):
        found = _notes_of(folder, name)
        if given and given.startswith(f"{name}\n"):
            found.append(given)
        if found and given and given not in found:
            raise EpochRefused(
                f"The note is of {given.partition(chr(10))[0]!r}, but the log was last "
                f"signed as {name}."
            )
        if found:
            return max(found, key=lambda note: _size(note, given))
    if given:
        raise EpochRefused("The note is no checkpoint of this log.")
    return ""


def _notes_of(folder: Path, name: str) -> list[str]:
    kept = SignerMemory(folder, name).note()
    if kept:
        return [kept.decode(errors="replace")]
    row = Stored.objects.filter(note__startswith=f"{name}\n").first()
    return [row.note] if row else []


def _size(note: str, given: str | None) -> int:
    try:
        tree = _verified(note)
    except EpochRefused:
        if given is None or note == given:
            raise
        return -1  # a damaged memory gives way to what somebody outside kept
    return tree.size if tree else -1


def _verified(note: str) -> Checkpoint | None:
    """Read a note that one of the log's keys signed. Raises EpochRefused."""
    if not note:
        return None
    tree = _read(note)
    if tree is None:
        raise EpochRefused(
            f"What is known of {note.partition(chr(10))[0]!r} is no checkpoint of this "
            "log that a known key signed. Is the key folder damaged? Hand in the last "
            "checkpoint that somebody kept (--former FILE)."
        )
    return tree


def _contains(last: Checkpoint) -> bool:
    size = Sequencer.objects.get().tree_size
    if last.size > size:
        return False
    return last.size == 0 or log.root_at(size=last.size) == last.root


def _read(note: str) -> Checkpoint | None:
    """Read a note by the keys that the folder trusts under its name, else None."""
    if not note:
        return None
    origin = note.split("\n", 1)[0]
    keys = keyring.trusted_keys(Path(settings.FREIGABE_KEYS_DIR), origin)
    try:
        return open_checkpoint(note, *[Verifier(origin, key) for key in keys])
    except (NoteMalformed, NoteUnverified):
        return None
