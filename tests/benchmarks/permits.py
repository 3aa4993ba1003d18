"""Checking a permit offline: its time, without and with everything beside it."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits import dsse
from audits.models import Checkpoint
from audits.note import Checkpoint as Tree
from audits.note import format_checkpoint, sign_note, vkey
from audits.offline.command import check
from audits.offline.permit import check_permit
from audits.offline.report import Report
from audits.offline.revoked import PAYLOAD_TYPE, check_revoked
from audits.trusted import read_keys
from governance import permit
from registry.digests import canonical_json

ROUNDS = 500
LIMIT = 2.0  # milliseconds, issue 6
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"b" * 32)
LOG = "bench.local/log"
LISTED = 10_000


def offline() -> list[dict[str, Any]]:
    """A permit as large as real ones: keys and permit read from files, then checked."""
    name = permit.id_of(KEY.public_key())
    text = json.dumps(_signed(permit.approval(_given()), dsse.IN_TOTO))
    keys = json.dumps(_keys(name))
    listed = _signed(_list(), PAYLOAD_TYPE)
    with tempfile.TemporaryDirectory() as folder:
        file, trusted_file = Path(folder, "permit"), Path(folder, "keys")
        file.write_text(text)
        trusted_file.write_text(keys)

        def whole() -> None:
            trusted = read_keys(str(trusted_file), file)
            check(file.read_text(), trusted, NOW, Report())

        trusted = read_keys(keys, file)
        envelope = json.loads(text)

        def against_list() -> None:
            found = check_permit(envelope, trusted, NOW, Report())
            check_revoked(found, listed, trusted, NOW, Report())

        return [
            _row("", whole, "the limit, keys and permit read from files", LIMIT),
            _row("-listed", against_list, f"with a list of {LISTED} revoked", None),
        ]


def _row(
    suffix: str, work: Callable[[], None], of: str, goal: float | None
) -> dict[str, Any]:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return {
        "suffix": suffix,
        "ours": statistics.median(times) * 1000,
        "reference": LIMIT,
        "reference_name": of,
        "unit": "ms",
        "goal": None if goal is None else 1.0,
    }


def _signed(statement: object, kind: str) -> dict[str, object]:
    name = permit.id_of(KEY.public_key())
    return dsse.sign(canonical_json(statement), kind, {name: KEY})


def _list() -> dict[str, Any]:
    return {
        "issuer": "https://freigabe.example",
        "sequence": 7,
        "issued_at": NOW.isoformat(),
        "valid_until": (NOW + timedelta(hours=24)).isoformat(),
        "revoked": [f"{n:08d}-0000-4000-8000-000000000000" for n in range(LISTED)],
    }


def _keys(name: str) -> dict[str, Any]:
    start = (NOW - timedelta(days=1)).isoformat()
    return {
        "keys": [
            {
                "use": "permit",
                "keyid": name,
                "public_key": permit.public_pem(
                    permit.SigningKey(KEY.public_key(), KEY.sign)
                ),
                "not_before": start,
                "not_after": None,
            },
            {"use": "checkpoint", "keyid": LOG, "vkey": vkey(LOG, KEY.public_key())},
        ]
    }


def _given() -> permit.Permitted:
    note = sign_note(format_checkpoint(Tree(LOG, 10**6, b"r" * 32)), LOG, KEY)
    return permit.Permitted(
        decision_id="7b6d4b60-7f7c-4a5e-9f2e-0d4c4f6f8a10",
        issuer="https://freigabe.example",
        model="mortgage-approval",
        version="1.4.2",
        version_sha256="a" * 64,
        artifact_sha256="b" * 64,
        environment="production",
        tier=2,
        issued_at=NOW,
        valid_from=NOW,
        valid_until=NOW + timedelta(hours=24),
        authorisation_id="0d4c4f6f-7f7c-4a5e-9f2e-7b6d4b608a10",
        approvers=["vera", "carl"],
        policies=[{"id": f"pack-{n} 1.0", "sha256": "c" * 64} for n in range(4)],
        evidence=dict.fromkeys(("performance", "fairness", "drift"), "d" * 64),
        attached={},
        checks=[f"rule-{n:03d}" for n in range(60)],
        use=dict.fromkeys(("purpose", "restrictions"), "A sentence about it. " * 20),
        checkpoint=Checkpoint(
            tree_size=10**6, root_hash=b"r" * 32, note=note, created_at=NOW
        ),
    )
