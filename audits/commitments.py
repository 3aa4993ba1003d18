"""Commitments to values that a document withholds: salted digests that bind.

As in the log (docs/log.md): SHA-256 of the salt and the value's JSON text. Whoever has
salt and value can prove what stood there; nobody can guess it without the salt.
"""

import hashlib
import hmac
import json
from typing import Any

KEY = "$commitment"


def salt_of(seed: bytes, pointer: str) -> bytes:
    """The salt of one place, from the secret seed of a document: the same each time."""
    return hmac.digest(seed, pointer.encode(), "sha256")


def commit(salt: bytes, value: Any) -> str:
    """The commitment to a value, hexadecimal."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(salt + text.encode()).hexdigest()


def token(key: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901, 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def at(document: Any, pointer: str) -> Any:
    """What stands at a JSON pointer (RFC 6901). Raises LookupError."""
    found = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal():
            found = found[int(key)]
        elif isinstance(found, dict):
            found = found[key]
        else:
            raise LookupError(pointer)
    return found


def holds(document: Any, pointer: str, salt: bytes, value: Any) -> bool:
    """Whether a value and its salt are what the document committed to there."""
    try:
        said = at(document, pointer)
    except LookupError:
        return False
    committed = said.get(KEY) if isinstance(said, dict) else None
    return isinstance(committed, str) and hmac.compare_digest(
        committed.encode(), commit(salt, value).encode()
    )
