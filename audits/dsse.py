"""DSSE envelopes: sign bytes with their type, verify before anything is parsed."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

IN_TOTO = "application/vnd.in-toto+json"


class EnvelopeMalformed(ValueError):
    """The document is not a DSSE envelope; the text says why."""


class EnvelopeUnverified(ValueError):
    """No known key signed the envelope."""


class Signs(Protocol):
    """An Ed25519 key that signs, wherever its private half lies."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes of the signature."""
        ...


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding (DSSE v1, protocol): what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(
    payload: bytes, payload_type: str, keys: Mapping[str, Signs]
) -> dict[str, object]:
    """Return an envelope with one signature per key; the mapping is by key id."""
    if not keys:
        raise ValueError("An envelope needs at least one signing key.")
    message = pae(payload_type, payload)
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [
            {"keyid": key_id, "sig": base64.b64encode(key.sign(message)).decode()}
            for key_id, key in keys.items()
        ],
    }


def verify(
    envelope: object,
    public_keys: Mapping[str, Ed25519PublicKey],
    *,
    payload_type: str = IN_TOTO,
) -> bytes:
    """Return the payload once one known key's signature over it has been checked.

    The key id is only a hint, so every known key is tried. Raises EnvelopeMalformed,
    or EnvelopeUnverified when no known key signed these bytes with this type.
    """
    payload, _names = signers(envelope, public_keys, payload_type=payload_type)
    return payload


def signers(
    envelope: object,
    public_keys: Mapping[str, Ed25519PublicKey],
    *,
    payload_type: str = IN_TOTO,
) -> tuple[bytes, frozenset[str]]:
    """Return the payload and the names of all known keys that signed it; never none.

    Raises what `verify` raises.
    """
    payload, kind, signatures = _parse(envelope)
    if kind != payload_type:
        raise EnvelopeMalformed(
            f"The payload is of type {kind!r}, not {payload_type!r}."
        )
    message = pae(kind, payload)
    names = frozenset(
        name
        for name, key in public_keys.items()
        if any(_holds(key, signature, message) for signature in signatures)
    )
    if not names:
        raise EnvelopeUnverified("No known key signed this envelope.")
    return payload, names


def _parse(envelope: object) -> tuple[bytes, str, list[bytes]]:
    if not isinstance(envelope, Mapping):
        raise EnvelopeMalformed("An envelope is a JSON object.")
    kind, signatures = envelope.get("payloadType"), envelope.get("signatures")
    if not isinstance(kind, str):
        raise EnvelopeMalformed("The envelope's payloadType is not text.")
    if not isinstance(signatures, Sequence) or isinstance(signatures, str):
        raise EnvelopeMalformed("The envelope's signatures are not a list.")
    if not 0 < len(signatures) <= 100:
        raise EnvelopeMalformed(f"1 to 100 signatures, not {len(signatures)}.")
    raw = [
        _decode(item.get("sig") if isinstance(item, Mapping) else None, "signature")
        for item in signatures
    ]
    return _decode(envelope.get("payload"), "payload"), kind, raw


def _decode(value: object, what: str) -> bytes:
    if not isinstance(value, str):
        raise EnvelopeMalformed(f"The envelope's {what} is not text.")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeMalformed(f"The envelope's {what} is not base64.") from error


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
