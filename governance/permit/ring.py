"""The gate's keys: which one signs now, how it is replaced, what the folder knows.

The database says which key signs; the key folder says which public keys are ours. A
row that somebody writes into the database alone therefore publishes no key.
"""

import contextlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from audits import dsse
from audits.keys import (
    KeyUnusable,
    load_key,
    load_or_create_key,
    new_key_file,
    replace_file,
)
from governance.models import EmergencyToken, GateDecision, GateKey, KeyCompromise
from governance.permit import hardware
from governance.permit.key import NoKey, SigningKey, id_of, pem_of
from registry.acts import act
from registry.digests import canonical_json

FIRST = "gate.pem"
LOCK = 0x4652_4549_0006
_FILE = re.compile(r"gate(-[1-9][0-9]*)?\.pem")
Place = GateKey.Place


@dataclass(frozen=True)
class Newest:
    """The newest key of the record, None before the first; whether others may hold it.

    Who reads it together with other rows makes it, see `gate.looking`.
    """

    row: GateKey | None
    stolen: bool


def gate_key() -> SigningKey:
    """The key that signs permits. Raises `NoKey`.

    It is made on first use. Once a permit was signed, a key that is gone or another
    one is an error: a new key is made by `rotate` alone.
    """
    return _present(latest())[1]


def sign(
    payloads: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    payload_type: str = dsse.IN_TOTO,
    newest: Newest | None = None,
) -> list[str]:
    """Each payload as canonical JSON in an envelope, as JSON text; all by one key.

    To be called inside an act. `newest` is the record of the keys where this act has
    read it already. Raises `NoKey`, also for a key that others may hold.
    """
    newest, key = _present(newest or latest())
    name = id_of(key.public)
    row = newest.row
    if newest.stolen or (row is None and _compromised(name)):
        raise NoKey(_("The gate's key was reported as compromised."))
    if row is None:
        _introduce(key, at=at)
    return [
        json.dumps(dsse.sign(canonical_json(one), payload_type, {name: key}))
        for one in payloads
    ]


@act
def rotate(*, because: str, by: object, at: datetime) -> GateKey:
    """Make a new key that signs from now on; the former stays published until all that
    it signed has expired.

    The way out, too, when the present key is lost, unreadable or compromised. Raises
    `NoKey` when the new one cannot be made.
    """
    if not because.strip():
        raise NoKey(_("Say why the key is replaced; the log will keep it."))
    _lock()
    if latest().row is None:
        with contextlib.suppress(NoKey):
            _introduce(_unrecorded(), at=at)
    former = latest().row
    sequence = former.sequence + 1 if former else 1
    place = Place.PKCS11 if hardware.configured() else Place.FILE
    name, key = _made(place, sequence)
    _keep_public(key.public)
    row = GateKey.objects.create(
        sequence=sequence,
        key_id=id_of(key.public),
        place=place,
        name=name,
        because=because.strip(),
        former_until=_last_word(at) if former else None,
        introduced_at=at,
    )
    if former is not None and former.place == Place.FILE:
        transaction.on_commit(lambda: _file(former.name).unlink(missing_ok=True))
    return row


def latest() -> Newest:
    """The newest key of the record."""
    row = GateKey.objects.order_by("-sequence").first()
    return Newest(row, stolen=row is not None and _compromised(row.key_id))


def _compromised(key_id: str) -> bool:
    return KeyCompromise.objects.filter(key_id=key_id).exists()


def known_public() -> dict[str, Ed25519PublicKey]:
    """The public keys that the folder knows, by their ids. Raises `NoKey`."""
    found = {}
    for path in sorted(_folder().glob("gate-*.pub")):
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise NoKey(f"{path} does not hold a public key.") from error
        if isinstance(key, Ed25519PublicKey):
            found[id_of(key)] = key
    return found


def _present(newest: Newest) -> tuple[Newest, SigningKey]:
    try:
        return newest, _open(newest.row) if newest.row else _unrecorded()
    except NoKey:
        now = latest()
        if now.row is None or now.row == newest.row:
            raise
        return now, _open(now.row)  # it was rotated between the two looks


def _open(row: GateKey) -> SigningKey:
    key = hardware.find(row.name) if row.place == Place.PKCS11 else _load(row.name)
    _require([row.key_id], key, row.name)
    return key


def _unrecorded() -> SigningKey:
    """The key of an installation that has not recorded one. Raises `NoKey`."""
    newest = GateDecision.objects.filter(allowed=True).order_by("-decided_at").first()
    signed = (
        newest is not None
        or EmergencyToken.objects.exists()
        or any(_folder().glob("gate-*.pub"))
    )
    if hardware.configured() and not _file(FIRST).exists():
        key = hardware.find(settings.FREIGABE_PKCS11_KEY)
    elif signed:
        key = _load(FIRST)
    else:
        key = _load(FIRST, create=True)
    if newest is not None:
        signatures = json.loads(newest.permit)["signatures"]
        _require({one["keyid"] for one in signatures}, key, FIRST)
    return key


def _require(names: Collection[str], key: SigningKey, place: str) -> None:
    if id_of(key.public) not in names:
        raise NoKey(
            _("%(name)s holds another key than the one that signs permits here.")
            % {"name": place}
        )


def _load(name: str, *, create: bool = False) -> SigningKey:
    read = load_or_create_key if create else load_key
    try:
        key = read(_file(name))
    except (OSError, KeyUnusable) as error:
        raise NoKey(str(error)) from error
    return SigningKey(key.public_key(), key.sign)


def _made(place: str, sequence: int) -> tuple[str, SigningKey]:
    """A fresh key and its name. One that an interrupted rotation left never signed."""
    if place == Place.PKCS11:
        label = settings.FREIGABE_PKCS11_KEY
        name = label if sequence == 1 else f"{label}-{sequence}"
        return name, hardware.find_or_make(name)
    name = FIRST if sequence == 1 else f"gate-{sequence}.pem"
    try:
        new_key_file(_file(name))
    except OSError as error:
        raise NoKey(str(error)) from error
    return name, _load(name)


def _introduce(key: SigningKey, *, at: datetime) -> None:
    """Record the first key; it counts for all that was signed before, too."""
    _lock()
    if latest().row is not None:
        return
    oldest = GateDecision.objects.filter(allowed=True).order_by("decided_at").first()
    in_file = _file(FIRST).exists()
    _keep_public(key.public)
    GateKey.objects.create(
        sequence=1,
        key_id=id_of(key.public),
        place=Place.FILE if in_file else Place.PKCS11,
        name=FIRST if in_file else settings.FREIGABE_PKCS11_KEY,
        introduced_at=min(at, oldest.decided_at) if oldest else at,
    )


def _last_word(at: datetime) -> datetime:
    """When the last of all that the present key may have signed has expired: permits
    and lists of this moment, in transactions that are still open, included."""
    hours = max(settings.FREIGABE_PERMIT_HOURS, settings.FREIGABE_REVOCATION_HOURS)
    ends = [at + timedelta(hours=hours)]
    for rows in (GateDecision.objects.filter(allowed=True), EmergencyToken.objects):
        end = rows.aggregate(end=Max("expires_at"))["end"]
        ends += [end] if end else []
    return max(ends)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _keep_public(key: Ed25519PublicKey) -> None:
    path = _folder() / f"gate-{id_of(key)[:16]}.pub"
    try:
        if not path.exists():
            _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, pem_of(key).encode())
    except OSError as error:
        raise NoKey(str(error)) from error


def _file(name: str) -> Path:
    if not _FILE.fullmatch(name):
        raise NoKey(_("%(name)s is no name of a key of the gate.") % {"name": name})
    return _folder() / name


def _folder() -> Path:
    return Path(settings.FREIGABE_KEYS_DIR)
