"""The public keys that an offline check relies on, and where they came from."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate

from audits.note import NoteMalformed, Verifier, parse_public_key, parse_vkey

KEYS_FILE = "keys.json"

Window = tuple[datetime | None, datetime | None]


class CannotCheck(Exception):
    """The check could not be made, so it says nothing; the text says why."""


@dataclass
class TrustedKeys:
    """Keys for permits by key id, keys of logs, and what weakens the trust in them.

    `windows`: from when to when a key for permits counts, where keys.json says so.
    `compromised`: ids of keys that never count. `seals`: certificates (DER) that may
    seal dossiers.
    """

    permit: dict[str, Ed25519PublicKey] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    compromised: set[str] = field(default_factory=set)
    logs: list[Verifier] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seals: list[bytes] = field(default_factory=list)


def read_keys(
    given: str | None, checked_file: Path, inside: bytes | None = None
) -> TrustedKeys:
    """Read `--key`, a file or the key itself; without it, keys.json beside the file.

    `inside` is keys.json of the bundle itself, the last resort. Raises CannotCheck
    when there is no key, or one that cannot be relied on.
    """
    keys = TrustedKeys()
    if given is None:
        path = checked_file.with_name(KEYS_FILE)
        if inside is not None and not path.is_file():
            keys.warnings.append(
                f"WHOSE KEYS THEY ARE: {KEYS_FILE} lay inside the bundle itself, so "
                "that whoever made the bundle chose them. Get it from the issuer and "
                "name it with --key."
            )
            _take(keys, inside.decode(errors="replace"))
            return keys
        if not path.is_file():
            raise CannotCheck(f"No --key was given, and no {KEYS_FILE} lies beside it.")
        keys.warnings.append(
            f"whose key it is: {KEYS_FILE} lay beside the file. Get it from the "
            "issuer and name it with --key."
        )
        _take(keys, path.read_text(errors="replace"))
        return keys
    path = Path(given)
    try:
        text = path.read_text(errors="replace") if path.is_file() else given
    except OSError:  # a key is too long for a file name
        text = given
    _take(keys, text)
    return keys


def _take(keys: TrustedKeys, text: str) -> None:
    text = text.strip()
    try:
        if text.startswith("{"):
            _take_document(keys, json.loads(text))
        elif text.startswith("-----BEGIN"):
            keys.permit["given"] = _pem(text)
        else:
            verifier = parse_vkey(text)
            keys.logs.append(verifier)
            keys.permit[verifier.name] = verifier.key
    except (NoteMalformed, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CannotCheck(f"The key cannot be used: {error}.") from error


def _take_document(keys: TrustedKeys, document: Any) -> None:
    """Read /.well-known/freigabe/keys.json."""
    keys.compromised = {str(one["keyid"]) for one in document.get("compromised", [])}
    for item in [*document["keys"], *document.get("former", [])]:
        if item["use"] == "permit":
            _take_permit_key(keys, item)
        elif item["use"] == "checkpoint":
            _take_log_key(keys, item)
        elif item["use"] == "dossier":
            _take_certificate(keys, item)


def _take_certificate(keys: TrustedKeys, item: Any) -> None:
    """Take a certificate of dossiers, unless its key was reported as compromised."""
    paper = load_pem_x509_certificate(item["certificate"].encode())
    spki = paper.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    if hashlib.sha256(spki).hexdigest() not in keys.compromised:
        keys.seals.append(paper.public_bytes(Encoding.DER))


def _take_permit_key(keys: TrustedKeys, item: Any) -> None:
    """Take a key of the gate with its time, unless it was reported as compromised."""
    key = _pem(item["public_key"])
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name = str(item["keyid"])
    if {name, hashlib.sha256(spki).hexdigest()} & keys.compromised:
        return
    keys.permit[name] = key
    window = (_moment(item, "not_before"), _moment(item, "not_after"))
    if window != (None, None):
        keys.windows[name] = window


def _moment(item: Any, name: str) -> datetime | None:
    if item.get(name) is None:
        return None
    moment = datetime.fromisoformat(item[name])
    if moment.tzinfo is None:
        raise ValueError(f"{name} names no time zone")
    return moment


def _take_log_key(keys: TrustedKeys, item: Any) -> None:
    """Take one of the log's keys; there are several for a name while they rotate."""
    verifier = parse_vkey(item["vkey"])
    if verifier in keys.logs:
        return
    if item.get("event") == "compromised":
        keys.warnings.append(
            f"when the key {item['vkey']} signed. It is reported as compromised: a "
            "checkpoint that only this key signed may be younger than it seems, unless "
            "a witness or a time stamp says otherwise."
        )
    keys.logs.append(verifier)


def _pem(text: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(text.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError("it is of an unknown kind") from error
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError("it is not an Ed25519 key")
    return parse_public_key(key.public_bytes_raw())
