"""Canonical JSON (RFC 8785) and SHA-256 digests of bytes and documents."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

# Whole numbers beyond this are not exact in an IEEE double (RFC 7493, 2.2).
LARGEST_INTEGER = 2**53 - 1
# Python escapes exactly what RFC 8785, 3.2.2.2 asks for, U+007F included.
_quoted: Callable[[str], str] = json.encoder.encode_basestring


class NotCanonical(ValueError):
    """The value has no canonical JSON form; the text says where and why."""


def canonical_json(value: object) -> bytes:
    """Return the one UTF-8 byte string that RFC 8785 assigns to this value.

    Takes None, bool, int, float, str, and sequences and string-keyed mappings of
    them. Raises NotCanonical, naming the place, for everything else: NaN and
    infinities, integers beyond 2^53 - 1, keys that are not text, lone surrogates.
    """
    try:
        return _plain(value).encode()
    except (_Unusual, UnicodeEncodeError):
        return _render(value, "$").encode()


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_json(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of a document that we author.

    Raises NotCanonical. Never use it for bytes that are stored: hash those.
    """
    return sha256_hex(canonical_json(value))


def sha256_of_chunks(chunks: Iterable[bytes]) -> tuple[str, int]:
    """Return the SHA-256 and the length in bytes of a stream, in one pass."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


class _Unusual(Exception):
    """Not among what nearly every document is made of."""


def _plain(value: object) -> str:
    """The same as `_render` for the usual, without keeping account of the place.

    Names of ASCII are in the same order by code points as by UTF-16 code units. A lone
    surrogate is noticed when the text is encoded.
    """
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return _plain_object(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([_plain(item) for item in value]) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) <= LARGEST_INTEGER:
        return str(int(value))
    raise _Unusual


def _plain_object(value: dict[Any, object]) -> str:
    for key in value:
        if not isinstance(key, str) or not key.isascii():
            raise _Unusual
    parts = [f"{_quoted(name)}:{_plain(value[name])}" for name in sorted(value)]
    return "{" + ",".join(parts) + "}"


def _render(value: object, place: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value, place)
    if isinstance(value, int):
        return _integer(value, place)
    if isinstance(value, float):
        return _number(value, place)
    if isinstance(value, Mapping):
        return _object(value, place)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        parts = (_render(item, f"{place}[{i}]") for i, item in enumerate(value))
        return "[" + ",".join(parts) + "]"
    raise NotCanonical(f"{place} is a {type(value).__name__}, which JSON cannot hold.")


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"{place} holds a lone surrogate.") from error
    return _quoted(value)


def _integer(value: int, place: str) -> str:
    if abs(value) > LARGEST_INTEGER:
        raise NotCanonical(f"{place} is {value}, beyond 2^53 - 1: write it as text.")
    return str(int(value))


def _object(value: Mapping[object, object], place: str) -> str:
    names: dict[str, str] = {}
    for key in value:
        if not isinstance(key, str):
            raise NotCanonical(f"{place} has the key {key!r}, which is not text.")
        names[key] = _text(key, f"{place}, key {key!r}")
    # RFC 8785, 3.2.3: order by UTF-16 code units, not by code points.
    keys = sorted(names, key=lambda key: key.encode("utf-16-be"))
    parts = (f"{names[k]}:{_render(value[k], f'{place}.{k}')}" for k in keys)
    return "{" + ",".join(parts) + "}"


def _number(value: float, place: str) -> str:
    """Format as ECMAScript's Number::toString does (RFC 8785, 3.2.2.3)."""
    if not math.isfinite(value):
        raise NotCanonical(f"{place} is {value}, which JSON cannot hold.")
    if value == 0:
        return "0"
    sign, digit_tuple, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    digits = "".join(map(str, digit_tuple))
    if not isinstance(exponent, int):  # only NaN and infinities, refused above
        raise NotCanonical(f"{place} is {value}, which JSON cannot hold.")
    return ("-" if sign else "") + _ecmascript(digits, len(digits) + exponent)


def _ecmascript(digits: str, point: int) -> str:
    """Place the decimal point: the value is 0.DIGITS times ten to the power point."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    fraction = "." + digits[1:] if count > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"
