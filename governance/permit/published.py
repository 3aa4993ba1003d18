"""The public keys for everybody who verifies: `keys.json`."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from audits import epochs
from audits.cosignature import cosigner_vkey
from audits.keys import KeyUnusable, load_key
from governance import seal_key
from governance.models import GateKey, KeyCompromise
from governance.permit.key import NoKey, id_of, pem_of
from governance.permit.ring import gate_key, known_public

Json = dict[str, Any]


def public_keys(*, at: datetime) -> Json:
    """What verifies permits, checkpoints and dossiers: the content of `keys.json`.

    `keys` count now, `former` counted until their `not_after` (for papers of the past),
    `compromised` never again: of these only the ids are named. Raises `NoKey`.
    """
    try:
        log_keys = epochs.published_keys()
        witness = _witness_keys()
        seals = seal_key.published()
    except (OSError, KeyUnusable, seal_key.SealUnusable) as error:
        raise NoKey(str(error)) from error
    stolen = {row.key_id: row for row in KeyCompromise.objects.all()}
    permit = [one for one in _permit_keys() if one["keyid"] not in stolen]
    # A paper from before the certificate ended still holds: all stay among the keys.
    dossier = [one for one in seals if one["keyid"] not in stolen]
    sealing = {one["keyid"] for one in seals}
    return {
        "issuer": settings.FREIGABE_INSTANCE_URL,
        "keys": [
            *(one for one in permit if not _ended(one, at)),
            *({**one, **_window(one)} for one in log_keys),
            *witness,
            *dossier,
        ],
        "former": [one for one in permit if _ended(one, at)],
        "compromised": [
            {
                "use": "dossier" if name in sealing else "permit",
                "keyid": name,
                "reported_at": row.reported_at.isoformat(),
            }
            for name, row in sorted(stolen.items())
        ],
    }


def _permit_keys() -> list[Json]:
    """Every key that the record and the folder know, the one that signs first."""
    rows = list(GateKey.objects.order_by("-sequence"))
    if not rows:
        key = gate_key().public
        return [_entry(id_of(key), pem_of(key), None, None)]
    known = known_public()
    ends = [None, *(row.former_until for row in rows)]
    return [
        _entry(row.key_id, pem_of(known[row.key_id]), row.introduced_at, end)
        for row, end in zip(rows, ends, strict=False)
        if row.key_id in known
    ]


def _entry(name: str, pem: str, start: datetime | None, end: datetime | None) -> Json:
    return {
        "use": "permit",
        "keyid": name,
        "algorithm": "Ed25519",
        "public_key": pem,
        "not_before": start.isoformat() if start else None,
        "not_after": end.isoformat() if end else None,
    }


def _ended(entry: Json, at: datetime) -> bool:
    end = entry["not_after"]
    return end is not None and datetime.fromisoformat(end) <= at


def _window(entry: Json) -> Json:
    """The times of a log's key under the same names as those of the gate's keys."""
    return {"not_before": entry["valid_from"], "not_after": entry["valid_until"]}


def _witness_keys() -> list[Json]:
    """The key under which this installation cosigns other logs, if it does."""
    path = Path(settings.FREIGABE_KEYS_DIR) / "witness.pem"
    if not path.exists():
        return []
    name = settings.FREIGABE_WITNESS_NAME
    text = cosigner_vkey(name, load_key(path).public_key())
    return [{"use": "witness", "keyid": name, "algorithm": "Ed25519", "vkey": text}]
