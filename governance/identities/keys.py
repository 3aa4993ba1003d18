"""The public keys of an issuer: a JSON Web Key Set (RFC 7517), read with limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from django.utils.translation import gettext as _

ALGORITHMS = ("RS256", "PS256", "ES256")
LARGEST = 64 * 1024  # bytes
MOST_KEYS = 50
SMALLEST_RSA, LARGEST_RSA = 2048, 8192  # bits; larger ones only cost time
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_USES = {"RSA": ("RS256", "PS256"), "EC": ("ES256",)}
_LONGEST_PART = 2048


class UnusableKeys(Exception):
    """This is no set of public keys that we could use; the text says why."""


@dataclass(frozen=True)
class Key:
    """A public key, and the algorithms that it may be used with."""

    algorithms: tuple[str, ...]
    material: Any


Keys = Mapping[str, Key | None]


def parse(text: str | bytes) -> Keys:
    """The usable signing keys by their `kid`; None where two keys have one `kid`.

    Keys for other purposes, of other kinds, or without `kid` are left out. Raises
    `UnusableKeys` for anything that is no key set, holds a private or a symmetric key,
    or leaves none.
    """
    if len(text) > LARGEST:
        raise UnusableKeys(_("The key set is larger than 64 KiB."))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableKeys(_("The key set is no JSON.")) from error
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST_KEYS:
        raise UnusableKeys(_("A key set has a list of 1 to 50 keys."))
    keys: dict[str, Key | None] = {}
    for entry in entries:
        kid, key = _key(entry)
        if kid is not None and key is not None:
            keys[kid] = None if kid in keys else key
    if not any(keys.values()):
        raise UnusableKeys(
            _("There is no public key for RS256, PS256 or ES256 in the key set.")
        )
    return keys


def _key(entry: object) -> tuple[str | None, Key | None]:
    if not isinstance(entry, dict):
        raise UnusableKeys(_("The key set holds something that is no key."))
    kty, kid = entry.get("kty"), entry.get("kid")
    if "d" in entry or "k" in entry or kty == "oct":
        raise UnusableKeys(
            _("The key set holds a secret key. Only public keys, please.")
        )
    if not isinstance(kty, str) or kty not in _PUBLIC or not isinstance(kid, str):
        return None, None
    uses = _USES[kty]
    if entry.get("alg") is not None:
        uses = tuple(name for name in uses if name == entry["alg"])
    parts = {name: entry.get(name) for name in _PUBLIC[kty]}
    short = all(isinstance(v, str) and len(v) <= _LONGEST_PART for v in parts.values())
    if entry.get("use", "sig") != "sig" or not uses or not short:
        return None, None
    if kty == "EC" and parts["crv"] != "P-256":
        return None, None
    return kid, _made(parts, uses)


def _made(parts: dict[str, Any], uses: tuple[str, ...]) -> Key | None:
    try:
        material = jwt.PyJWK.from_dict(parts, algorithm=uses[0]).key
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    bits = getattr(material, "key_size", 0)
    if parts["kty"] == "RSA" and not SMALLEST_RSA <= bits <= LARGEST_RSA:
        return None
    return Key(uses, material)
