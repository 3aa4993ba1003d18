"""The life of the log's keys: rotated, retired, compromised, and published.

The key folder decides what signs; the log is told of it, after the fact if need be.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from audits import log
from audits.keyring import KeyRing, raw
from audits.models import Checkpoint, Epoch, KeyEvent
from audits.note import vkey
from registry.acts import acting

OVERLAP = timedelta(days=30)
Event = KeyEvent.Event
_ENDS = {Event.RETIRED, Event.COMPROMISED}


class EpochRefused(Exception):
    """The epoch or key cannot be opened or changed; the text says why."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change keys or epochs. Raises EpochRefused."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "epoch.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EpochRefused(
                "Another process changes the log's keys or epoch right now."
            ) from error
        yield


def rotate_key(*, because: str, by: object, at: datetime) -> str:
    """Make a new signing key; the former signs beside it for 30 days. Return its vkey.

    Raises EpochRefused while an earlier rotation is not finished, keys.KeyUnusable.
    """
    with alone(Path(settings.FREIGABE_KEYS_DIR)):
        signer = log.signer()
        if signer.keys.retiring is not None:
            raise EpochRefused(
                "The former key still signs beside the present one; wait until it "
                "retires."
            )
        with acting(by=by, reason=because):
            tell(because=because, at=at)
            signer.keys.rotate(keep_signing=True)
            tell(because=because, at=at)
    return signer.vkey


def retire_due(*, at: datetime) -> bool:
    """End the signing of a former key whose 30 days are over; say whether it did.

    Tells the log of a rotation that was interrupted before it was recorded. Raises
    EpochRefused while another process changes keys, keys.KeyUnusable.
    """
    if log.signer().keys.retiring is None:
        return False
    with alone(Path(settings.FREIGABE_KEYS_DIR)):
        signer = log.signer()
        former = signer.keys.retiring
        if former is None or signer.is_frozen:
            return False
        text = vkey(signer.origin, former.public_key())
        with acting(by="audits.key_events"):
            tell(because="", at=at)
            due = KeyEvent.objects.filter(vkey=text, event=Event.RETIRING).last()
            if due is None or due.effective_at > at:
                return False
            signer.keys.drop_retiring()
            tell(because="", at=at)
    return True


def tell(*, because: str, at: datetime) -> None:
    """Record what the key folder says of its keys and the log does not say yet.

    To be called inside an act. Raises keys.KeyUnusable.
    """
    signer = log.signer()
    ring, told = signer.keys, _told()

    def add(text: str, event: str, effective_at: datetime) -> None:
        if event not in told.setdefault(text, {}):
            told[text][event] = effective_at
            KeyEvent.objects.create(
                vkey=text,
                event=event,
                because=because,
                effective_at=effective_at,
                recorded_at=at,
            )

    for key in (private.public_key() for private in ring.signing):
        add(vkey(signer.origin, key), Event.INTRODUCED, _since(signer.origin, at))
    if ring.retiring is not None:
        text = vkey(signer.origin, ring.retiring.public_key())
        add(text, Event.RETIRING, at + OVERLAP)
    revoked = {raw(key) for key in ring.revoked}
    for key in _silent(ring):
        event = Event.COMPROMISED if raw(key) in revoked else Event.RETIRED
        for text in _vkeys(key, told):
            if not told.get(text, {}).keys() & _ENDS:
                add(text, event, at)


def untold_revocations(ring: KeyRing) -> list[Ed25519PublicKey]:
    """Return the keys that the folder calls compromised, and the log not yet."""
    told = _told()
    return [
        key
        for key in ring.revoked
        if any(
            Event.COMPROMISED not in told.get(text, {}) for text in _vkeys(key, told)
        )
    ]


def published_keys() -> list[dict[str, str | None]]:
    """Return every public key of the log, under every name, with its times.

    Raises keys.KeyUnusable.
    """
    ring, told, present = KeyRing(settings.FREIGABE_KEYS_DIR), _told(), log.origin()
    signing = {raw(private.public_key()) for private in ring.signing}
    followed = _followed()
    found = []
    for key in ring.public:
        texts = _vkeys(key, told)
        here = vkey(present, key)
        if raw(key) in signing and here not in texts:
            texts = [*texts, here]  # the log has not been told of it yet
        for text in texts:
            found.append(_published(text, told.get(text, {}), followed))
            signs = raw(key) in signing and text == here
            found[-1]["signs"] = "yes" if signs else "no"
    return found


def _published(
    text: str, events: dict[str, datetime], followed: dict[str, datetime]
) -> dict[str, str | None]:
    origin = text.split("+", 1)[0]
    ends = [when for event, when in events.items() if event != Event.INTRODUCED]
    ends += [followed[origin]] if origin in followed else []
    return {
        "use": "checkpoint",
        "keyid": origin,
        "algorithm": "Ed25519",
        "vkey": text,
        "valid_from": _iso(events.get(Event.INTRODUCED)),
        "valid_until": _iso(min(ends, default=None)),
        "event": list(events)[-1] if events else None,
    }


def _told() -> dict[str, dict[str, datetime]]:
    """Return what the log says of each key: its events, in their order, with times."""
    told: dict[str, dict[str, datetime]] = {}
    for row in KeyEvent.objects.order_by("recorded_at", "effective_at"):
        told.setdefault(row.vkey, {})[row.event] = row.effective_at
    return told


def _vkeys(key: Ed25519PublicKey, told: dict[str, dict[str, datetime]]) -> list[str]:
    """Return a key under each name under which it signed, as far as the log knows.

    Of a key that the log was never told of, it is the first name.
    """
    texts = [vkey(name, key) for name in _names()]
    return [text for text in texts if text in told] or texts[:1]


def _silent(ring: KeyRing) -> list[Ed25519PublicKey]:
    signing = {raw(private.public_key()) for private in ring.signing}
    return [key for key in ring.public if raw(key) not in signing]


def _names() -> list[str]:
    later = Epoch.objects.order_by("number").values_list("origin", flat=True)
    return [settings.FREIGABE_LOG_ORIGIN, *later]


def _followed() -> dict[str, datetime]:
    """Return when each name but the present one ended: when its successor began."""
    starts = Epoch.objects.order_by("number").values_list("opened_at", flat=True)
    return dict(zip(_names(), starts, strict=False))


def _since(origin: str, at: datetime) -> datetime:
    """Return since when a key signs that is told now: the first of a name, always."""
    if KeyEvent.objects.filter(vkey__startswith=f"{origin}+").exists():
        return at
    first = Checkpoint.objects.filter(note__startswith=f"{origin}\n").last()
    return min(first.created_at, at) if first else at


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
