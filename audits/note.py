"""C2SP signed notes and log checkpoints, parsed strictly, and Ed25519 key texts."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

ED25519 = b"\x01"
LARGEST_NOTE = 1_000_000
MOST_SIGNATURES = 100
SIGNATURE_PREFIX = "\u2014 "
LARGEST_SIZE = 2**63 - 1  # what a bigint column can hold
_FIELD_PRIME = 2**255 - 19
_SIZE = re.compile(r"0|[1-9][0-9]*", re.ASCII)
# y coordinates of the eight points of order 1, 2, 4 and 8: a signature under such a
# "key" verifies for many messages, so it proves nothing.
_LOW_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        int("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16),
        int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16),
    }
)


class NoteMalformed(ValueError):
    """The bytes are not a signed note, a checkpoint or a key; the text says why."""


class NoteUnverified(ValueError):
    """No known key signed the note, or a signature of a known key is wrong."""


@dataclass(frozen=True)
class Verifier:
    """A public key and the name under which it signs."""

    name: str
    key: Ed25519PublicKey

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that mark this key's signatures."""
        return key_id(self.name, ED25519, self.key)


@dataclass(frozen=True)
class Checkpoint:
    """What a log commits to: its name, its number of leaves, its root hash."""

    origin: str
    size: int
    root: bytes


def parse_public_key(raw: bytes) -> Ed25519PublicKey:
    """Read 32 bytes as a public key; NoteMalformed for weak or ambiguous ones.

    Refuses low-order points and encodings that are not canonical (RFC 8032, 5.1.3).
    """
    if len(raw) != 32:
        raise NoteMalformed(f"An Ed25519 public key has 32 bytes, not {len(raw)}.")
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if y >= _FIELD_PRIME:
        raise NoteMalformed("The public key is not in its canonical encoding.")
    if y in _LOW_ORDER_Y:
        raise NoteMalformed(
            "The public key is a point of low order and proves nothing."
        )
    return Ed25519PublicKey.from_public_bytes(raw)


def vkey(name: str, key: Ed25519PublicKey) -> str:
    """Write a verifier key as NAME+HASH+BASE64 (C2SP signed-note)."""
    verifier = Verifier(require_name(name), key)
    encoded = base64.b64encode(ED25519 + key.public_bytes_raw()).decode()
    return f"{name}+{verifier.key_id.hex()}+{encoded}"


def parse_vkey(text: str) -> Verifier:
    """Read NAME+HASH+BASE64; NoteMalformed unless every part is exact."""
    return Verifier(*read_key_text(text, ED25519))


def read_key_text(text: str, kind: bytes) -> tuple[str, Ed25519PublicKey]:
    """Return name and key of NAME+HASH+BASE64, which must be of this signature type.

    Raises NoteMalformed unless every part is exact.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteMalformed("A verifier key reads NAME+HASH+BASE64.")
    name, key_hash, encoded = parts
    raw = decode_base64(encoded, "the verifier key")
    if raw[:1] != kind:
        raise NoteMalformed(
            f"The verifier key is of type {raw[:1].hex() or 'none'}, not {kind.hex()}."
        )
    key = parse_public_key(raw[1:])
    computed = key_id(require_name(name), kind, key).hex()
    if key_hash != computed:
        raise NoteMalformed(
            f"The verifier key of {name} says hash {key_hash}, but its hash is "
            f"{computed}."
        )
    return name, key


def key_id(name: str, kind: bytes, key: Ed25519PublicKey) -> bytes:
    """Return the four bytes that mark a key's signatures (C2SP signed-note)."""
    stem = name.encode() + b"\n" + kind + key.public_bytes_raw()
    return hashlib.sha256(stem).digest()[:4]


def sign_note(text: str, name: str, *keys: Ed25519PrivateKey) -> str:
    """Return the note with a line of each key; the text must end with a newline."""
    _require_text(text)
    lines = [_signature_line(text, require_name(name), key) for key in keys]
    return f"{text}\n{''.join(lines)}"


def open_note(
    note: str | bytes, verifiers: Sequence[Verifier]
) -> tuple[str, list[str]]:
    """Return the text and the names of those known keys that signed it.

    Unknown signatures are ignored. Raises NoteMalformed, or NoteUnverified when no
    known key signed, a known key's signature is wrong, or two keys look alike.
    """
    text, lines = split_note(note)
    signed_by: list[str] = []
    seen: set[tuple[str, bytes]] = set()
    for name, mark, signature in map(parse_signature, lines):
        known = [v for v in verifiers if (v.name, v.key_id) == (name, mark)]
        if not known or (name, mark) in seen:
            continue
        if len(known) > 1:
            raise NoteUnverified(f"Two known keys are named {name} with the same hash.")
        seen.add((name, mark))
        try:
            known[0].key.verify(signature, text.encode())
        except InvalidSignature as error:
            raise NoteUnverified(f"The signature of {name} is wrong.") from error
        signed_by.append(name)
    if not signed_by:
        raise NoteUnverified("No known key signed this note.")
    return text, signed_by


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write exactly three lines: origin, size, root (C2SP tlog-checkpoint)."""
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read exactly three lines; NoteMalformed for anything else.

    Stricter than the specification: extension lines are refused, as we write none.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteMalformed("A checkpoint has exactly three lines.")
    origin, size, encoded = lines[:3]
    if not origin:
        raise NoteMalformed("The checkpoint does not name its log.")
    if not _SIZE.fullmatch(size) or len(size) > 19 or int(size) > LARGEST_SIZE:
        raise NoteMalformed(f"The checkpoint's size {size[:40]!r} is not a tree size.")
    root = decode_base64(encoded, "the checkpoint's root hash")
    if len(root) != 32:
        raise NoteMalformed(f"A root hash has 32 bytes, not {len(root)}.")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(note: str | bytes, *verifiers: Verifier) -> Checkpoint:
    """Verify a log's checkpoint by one of its keys, then read it.

    The name of the key that signed must be the origin. Raises NoteMalformed or
    NoteUnverified.
    """
    text, signed_by = open_note(note, verifiers)
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin not in signed_by:
        raise NoteUnverified(
            f"The checkpoint is of {checkpoint.origin}, but the key of {signed_by[0]}."
        )
    return checkpoint


def decode_base64(text: str, what: str) -> bytes:
    """Decode standard base64 in its one canonical spelling, else NoteMalformed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteMalformed(f"There is an error in the base64 of {what}.") from error
    if base64.b64encode(raw).decode() != text:
        raise NoteMalformed(f"The base64 of {what} is not in its canonical spelling.")
    return raw


def _signature_line(text: str, name: str, key: Ed25519PrivateKey) -> str:
    mark = key_id(name, ED25519, key.public_key())
    signature = base64.b64encode(mark + key.sign(text.encode())).decode()
    return f"{SIGNATURE_PREFIX}{name} {signature}\n"


def split_note(note: str | bytes) -> tuple[str, list[str]]:
    """Return a note's text and signature lines, unverified. Raises NoteMalformed."""
    raw = note.encode("utf-8", "surrogatepass") if isinstance(note, str) else note
    if len(raw) > LARGEST_NOTE:
        raise NoteMalformed(f"The note is larger than {LARGEST_NOTE} bytes.")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise NoteMalformed("The note is not UTF-8 text.") from error
    cut = whole.rfind("\n\n")
    if cut < 0 or not whole.endswith("\n"):
        raise NoteMalformed("The note has no signature block, or it is cut short.")
    text, block = whole[: cut + 1], whole[cut + 2 :]
    _require_text(text)
    lines = block.split("\n")[:-1]
    if not 0 < len(lines) <= MOST_SIGNATURES:
        raise NoteMalformed(
            f"A note has 1 to {MOST_SIGNATURES} signatures, not {len(lines)}."
        )
    return text, lines


def parse_signature(line: str) -> tuple[str, bytes, bytes]:
    """Return name, key id and signature of a line. Raises NoteMalformed."""
    if not line.startswith(SIGNATURE_PREFIX):
        raise NoteMalformed("A signature line starts with an em dash and a space.")
    name, space, encoded = line[len(SIGNATURE_PREFIX) :].partition(" ")
    raw = decode_base64(encoded, f"the signature of {name}")
    if not space or len(raw) < 5:
        raise NoteMalformed(f"The signature line of {name} is cut short.")
    return require_name(name), raw[:4], raw[4:]


def require_name(name: str) -> str:
    """Return a key's name if it can be one, else raise NoteMalformed."""
    if not name or "+" in name or any(char.isspace() for char in name):
        raise NoteMalformed(f"{name!r} cannot name a key: no spaces, no plus signs.")
    return name


def _require_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteMalformed("The text of a note ends with a newline.")
    if any(ord(char) < 32 and char != "\n" for char in text):
        raise NoteMalformed("The text of a note holds a control character.")
