"""Permits: in-toto statements in DSSE envelopes, signed with the gate's own key."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils.translation import gettext as _

from audits import dsse, epochs
from audits.cosignature import cosigner_vkey
from audits.keys import KeyUnusable, load_key, load_or_create_key
from governance.models import Authorisation, EmergencyAuthorisation, KeyCompromise
from registry.digests import canonical_json
from registry.models import Environment, ModelVersion

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:freigabe:attestation:approval:v1"


class NoKey(Exception):
    """A signing key cannot be used, so nothing can be permitted or verified."""


def gate_key() -> Ed25519PrivateKey:
    """The key that signs permits, made on first use. Raises `NoKey`."""
    try:
        return load_or_create_key(Path(settings.FREIGABE_KEYS_DIR) / "gate.pem")
    except (OSError, KeyUnusable) as error:
        raise NoKey(str(error)) from error


def key_id(key: Ed25519PrivateKey) -> str:
    """SHA-256 of the public key in SubjectPublicKeyInfo form, hexadecimal."""
    return hashlib.sha256(_spki(key)).hexdigest()


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public half for `keys.json`."""
    return (
        key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def public_keys() -> dict[str, Any]:
    """What verifies permits and checkpoints: the content of `keys.json`.

    Raises `NoKey`.
    """
    key = gate_key()
    try:
        log_keys = epochs.published_keys()
        witness = _witness_keys()
    except (OSError, KeyUnusable) as error:
        raise NoKey(str(error)) from error
    return {
        "issuer": settings.FREIGABE_INSTANCE_URL,
        "keys": [
            {
                "use": "permit",
                "keyid": key_id(key),
                "algorithm": "Ed25519",
                "public_key": public_pem(key),
            },
            *log_keys,
            *witness,
        ],
    }


def _witness_keys() -> list[dict[str, str]]:
    """The key under which this installation cosigns other logs, if it does."""
    path = Path(settings.FREIGABE_KEYS_DIR) / "witness.pem"
    if not path.exists():
        return []
    name = settings.FREIGABE_WITNESS_NAME
    text = cosigner_vkey(name, load_key(path).public_key())
    return [{"use": "witness", "keyid": name, "algorithm": "Ed25519", "vkey": text}]


def issue(
    *,
    decision_id: str,
    authorisation: Authorisation | EmergencyAuthorisation,
    version: ModelVersion,
    environment: Environment,
    approvers: Sequence[str],
    policies: Sequence[Mapping[str, Any]],
    evidence: dict[str, str],
    checks: Sequence[str],
    at: datetime,
    expires_at: datetime,
    break_glass: dict[str, str] | None = None,
    conditions: Sequence[dict[str, Any]] = (),
) -> str:
    """Sign a permit and return the envelope as JSON text. Raises `NoKey`.

    The statement is bound to the artifact's digest, the environment and the expiry; a
    verifier must enforce all three (in-toto Attestation v1, DSSE v1).
    """
    statement: dict[str, Any] = {
        "_type": STATEMENT,
        "subject": [
            {
                "name": f"{version.model.slug}@{version.version}",
                "digest": {"sha256": authorisation.artifact_sha256},
            }
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "decision": "allow",
            "decision_id": decision_id,
            "authorisation_id": str(authorisation.id),
            "model": version.model.slug,
            "version": version.version,
            "version_sha256": version.sha256,
            "environment": environment.slug,
            "issued_at": at.isoformat(),
            "valid_from": authorisation.valid_from.isoformat(),
            "valid_until": expires_at.isoformat(),
            "approvers": list(approvers),
            "policies": list(policies),
            "evidence": evidence,
            "checks": list(checks),
            "issuer": settings.FREIGABE_INSTANCE_URL,
            **({"conditions": list(conditions)} if conditions else {}),
            **({"break_glass": break_glass} if break_glass else {}),
        },
    }
    key = gate_key()
    if KeyCompromise.objects.filter(key_id=key_id(key)).exists():
        raise NoKey(_("The gate's key was reported as compromised."))
    payload = canonical_json(statement)
    return json.dumps(dsse.sign(payload, dsse.IN_TOTO, {key_id(key): key}))


def _spki(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
