"""The log's epochs and keys: under which name and with which keys it is signed."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from audits import log
from audits.keyring import KeyRing, raw
from audits.models import Epoch, KeyEvent, Sequencer
from audits.note import (
    Checkpoint,
    NoteMalformed,
    NoteUnverified,
    Verifier,
    open_checkpoint,
    vkey,
)
from audits.signer import Signer
from registry.acts import acting

OVERLAP = timedelta(days=30)
_NUMBERED = re.compile(r"(.+)/e([1-9][0-9]*)")


class EpochRefused(Exception):
    """The epoch or key cannot be opened or changed; the text says why."""


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
    """Return all epochs, the first and implicit one included, oldest first."""
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
    signed. `former_note` is a checkpoint that somebody outside kept, where the key
    folder has none. The former name is never signed again, by mark of the key folder.
    Interrupted anywhere, it can be called again. Raises EpochRefused,
    integration.InTransaction, integration.Lagging, keys.KeyUnusable.
    """
    if not because.strip():
        raise EpochRefused("Say why a new epoch is opened; the log will keep it.")
    log.integrate()
    former = log.signer()
    number = _next_number(former)
    signers = [Signer(former.keys.folder, name) for name in _names_before(number)]
    note = former_note or _largest_note(signers)
    last = _verified(note, signers)
    extends = last is None or _contains(last)
    for signer in signers:
        if not signer.is_frozen:
            signer.freeze(f"{because.strip()} ({at.isoformat()})")
    with acting(by=by, reason=because):
        epoch = Epoch.objects.create(
            number=number,
            origin=f"{settings.FREIGABE_LOG_ORIGIN}/e{number}",
            because=because.strip(),
            former_note=note,
            extends_former=extends,
            opened_at=at,
        )
        _record(log.signer(), KeyEvent.Event.INTRODUCED, because, at, at)
    log.advance(at=at)
    return epoch


def rotate_key(*, because: str, by: object, at: datetime) -> str:
    """Make a new signing key; the former signs beside it for 30 days. Return its vkey.

    Raises EpochRefused while an earlier rotation is not finished, keys.KeyUnusable.
    """
    signer = log.signer()
    if signer.keys.retiring is not None:
        raise EpochRefused(
            "The former key still signs beside the present one; wait until it retires."
        )
    with acting(by=by, reason=because):
        _record(signer, KeyEvent.Event.RETIRING, because, at + OVERLAP, at)
        signer.keys.rotate(keep_signing=True)
        _record(signer, KeyEvent.Event.INTRODUCED, because, at, at)
    return signer.vkey


def retire_due(*, at: datetime) -> bool:
    """End the signing of a former key whose 30 days are over; say whether it did."""
    signer = log.signer()
    former = signer.keys.retiring
    if former is None:
        return False
    text = vkey(signer.origin, former.public_key())
    due = KeyEvent.objects.filter(vkey=text, event=KeyEvent.Event.RETIRING).last()
    if due is None:  # the rotation was interrupted before it was recorded
        with acting(by="audits.epochs"):
            KeyEvent.objects.create(
                vkey=text,
                event=KeyEvent.Event.RETIRING,
                effective_at=at + OVERLAP,
                recorded_at=at,
            )
        return False
    if due.effective_at > at:
        return False
    with acting(by="audits.epochs"):
        KeyEvent.objects.create(
            vkey=text, event=KeyEvent.Event.RETIRED, effective_at=at, recorded_at=at
        )
        signer.keys.drop_retiring()
    return True


def replace_compromised_key(*, because: str, by: object, at: datetime) -> Epoch:
    """End a key that others may hold: a new key and a new epoch, at once."""
    signer = log.signer()
    with acting(by=by, reason=because):
        _record(signer, KeyEvent.Event.COMPROMISED, because, at, at)
        signer.keys.rotate(keep_signing=False)
    return open_epoch(because=because, by=by, at=at)


def published_keys() -> list[dict[str, str | None]]:
    """Return every public key of the log, under every name, with its times.

    Raises keys.KeyUnusable.
    """
    ring = KeyRing(settings.FREIGABE_KEYS_DIR)
    events: dict[str, dict[str, datetime]] = {}
    for row in KeyEvent.objects.order_by("recorded_at"):
        events.setdefault(row.vkey, {})[row.event] = row.effective_at
    signing = {raw(key.public_key()) for key in ring.signing}
    stretches = history()
    found = []
    for key in ring.public:
        names = {stretch: vkey(stretch.origin, key) for stretch in stretches}
        introduced = [s for s, t in names.items() if "introduced" in events.get(t, {})]
        for stretch in introduced or stretches[:1]:  # the very first has no event
            told = dict(events.get(names[stretch], {}))
            since = told.pop("introduced", stretch.opened_at)
            found.append(
                {
                    "use": "checkpoint",
                    "keyid": stretch.origin,
                    "algorithm": "Ed25519",
                    "vkey": names[stretch],
                    "valid_from": _iso(since),
                    "valid_until": _iso(min(told.values(), default=None)),
                    "signs": "yes" if raw(key) in signing else "no",
                }
            )
    return found


def _record(
    signer: Signer, event: str, because: str, effective_at: datetime, at: datetime
) -> None:
    KeyEvent.objects.create(
        vkey=signer.vkey,
        event=event,
        because=because,
        effective_at=effective_at,
        recorded_at=at,
    )


def _largest_note(signers: list[Signer]) -> str:
    """Return the note of the largest tree that the key folder remembers, or nothing."""
    found = [(s.remembered(), s.remembered_note()) for s in signers]
    sizes = [(tree.size, note) for tree, note in found if tree and note]
    return max(sizes)[1] if sizes else ""


def _verified(note: str, signers: list[Signer]) -> Checkpoint | None:
    """Read a note that one of the log's keys signed. Raises EpochRefused."""
    if not note:
        return None
    verifiers = [verifier for signer in signers for verifier in signer.verifiers()]
    try:
        return open_checkpoint(note, *verifiers)
    except (NoteMalformed, NoteUnverified) as error:
        raise EpochRefused(f"This is no checkpoint of this log: {error}") from error


def _contains(last: Checkpoint) -> bool:
    size = Sequencer.objects.get().tree_size
    if last.size > size:
        return False
    return last.size == 0 or log.root_at(size=last.size) == last.root


def _next_number(former: Signer) -> int:
    """Return a number that neither the database nor the key folder has used."""
    numbers = [row.number for row in Epoch.objects.all()] + [1]
    for memory in former.keys.folder.glob("log-*.checkpoint"):
        match = _NUMBERED.fullmatch(memory.read_text().split("\n", 1)[0])
        if match and match[1] == settings.FREIGABE_LOG_ORIGIN:
            numbers.append(int(match[2]))
    return max(numbers) + 1


def _names_before(number: int) -> list[str]:
    base = settings.FREIGABE_LOG_ORIGIN
    return [base] + [f"{base}/e{n}" for n in range(2, number)]


def _read(note: str) -> Checkpoint | None:
    """Read a note that was verified when it was recorded."""
    if not note:
        return None
    origin = note.split("\n", 1)[0]
    keys = KeyRing(settings.FREIGABE_KEYS_DIR, create=False).public
    try:
        return open_checkpoint(note, *[Verifier(origin, key) for key in keys])
    except (NoteMalformed, NoteUnverified):
        return None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
