"""Secrets that we show or sign with: sealed with the installation's key.

A copy of the database alone opens no cluster and signs no webhook. AES-256-GCM (NIST SP
800-38D) under a key of HKDF (RFC 5869) from `SECRET_KEY`, bound to the record that it
belongs to.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

_NONCE = 12
# Named after its first use; another name would be another key.
_PURPOSE = b"freigabe deployment sources"


class CannotOpen(Exception):
    """The secret was sealed with another key, or for another record."""


def seal(secret: str, *, about: str) -> str:
    """The secret, readable only with the installation's key and for that record."""
    nonce = os.urandom(_NONCE)
    cipher = AESGCM(_key(settings.SECRET_KEY))
    sealed = cipher.encrypt(nonce, secret.encode(), about.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(sealed: str, *, about: str) -> str:
    """The secret again, also with a former key. Raises `CannotOpen`."""
    try:
        raw = base64.b64decode(sealed, validate=True)
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            try:
                opened = AESGCM(_key(key)).decrypt(
                    raw[:_NONCE], raw[_NONCE:], about.encode()
                )
                return opened.decode()
            except InvalidTag:
                continue
    except ValueError:
        pass
    raise CannotOpen(
        _("Its secret was sealed with another key of Freigabe: give it anew.")
    )


def _key(secret: str | bytes) -> bytes:
    raw = secret.encode() if isinstance(secret, str) else secret
    return HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(raw)
