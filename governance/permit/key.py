"""A key that signs permits, wherever its private half lies."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class NoKey(Exception):
    """A signing key cannot be used, so nothing can be permitted or verified."""


@dataclass(frozen=True)
class SigningKey:
    """The public half, and what signs with the private one (it may raise `NoKey`)."""

    public: Ed25519PublicKey
    sign: Callable[[bytes], bytes]

    def public_key(self) -> Ed25519PublicKey:
        """The public half."""
        return self.public


def id_of(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key in SubjectPublicKeyInfo form, hexadecimal."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def pem_of(key: Ed25519PublicKey) -> str:
    """The public key as `keys.json` shows it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: SigningKey) -> str:
    """The id of the public half, see `id_of`."""
    return id_of(key.public)


def public_pem(key: SigningKey) -> str:
    """The public half for `keys.json`."""
    return pem_of(key.public)
