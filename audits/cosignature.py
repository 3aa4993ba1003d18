"""C2SP tlog-cosignature: what a witness writes under another log's checkpoint."""

import base64
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audits.note import (
    SIGNATURE_PREFIX,
    NoteMalformed,
    NoteUnverified,
    key_id,
    parse_signature,
    read_key_text,
    require_name,
    split_note,
)

TIMESTAMPED = b"\x04"  # the signature type of cosignature/v1 with Ed25519
LATEST_TIME = 2**63 - 1


@dataclass(frozen=True)
class Cosigner:
    """A witness's public key and the name under which it cosigns."""

    name: str
    key: Ed25519PublicKey

    @property
    def key_id(self) -> bytes:
        """The four bytes that mark its signatures; they differ from a log's."""
        return key_id(self.name, TIMESTAMPED, self.key)

    @property
    def vkey(self) -> str:
        """The key as NAME+HASH+BASE64."""
        encoded = base64.b64encode(TIMESTAMPED + self.key.public_bytes_raw()).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def cosigner_vkey(name: str, key: Ed25519PublicKey) -> str:
    """Write a witness's key as NAME+HASH+BASE64. Raises NoteMalformed for the name."""
    return Cosigner(require_name(name), key).vkey


def parse_cosigner(text: str) -> Cosigner:
    """Read NAME+HASH+BASE64 of a witness; NoteMalformed unless every part is exact."""
    return Cosigner(*read_key_text(text, TIMESTAMPED))


def cosign(note: str, name: str, key: Ed25519PrivateKey, at_unix: int) -> str:
    """Return the signature line of a witness for a note, made at that Unix time.

    The caller has checked the note: this function signs anything. Raises NoteMalformed.
    """
    text, _ = split_note(note)
    cosigner = Cosigner(require_name(name), key.public_key())
    signature = key.sign(_message(text, at_unix))
    raw = cosigner.key_id + at_unix.to_bytes(8, "big") + signature
    return f"{SIGNATURE_PREFIX}{name} {base64.b64encode(raw).decode()}"


def open_cosignature(note: str, line: str, cosigner: Cosigner) -> int:
    """Verify a witness's line under a note; return its time in Unix seconds.

    Raises NoteMalformed, or NoteUnverified when it is not this witness's signature.
    """
    text, _ = split_note(note)
    name, mark, stamped = parse_signature(line)
    if (name, mark) != (cosigner.name, cosigner.key_id):
        raise NoteUnverified(f"The line is of {name}, not of {cosigner.name}.")
    if len(stamped) != 8 + 64:
        raise NoteMalformed(f"A cosignature has 72 bytes, not {len(stamped)}.")
    at_unix = int.from_bytes(stamped[:8], "big")
    if not 0 < at_unix <= LATEST_TIME:
        raise NoteMalformed("The cosignature's time is out of range.")
    try:
        cosigner.key.verify(stamped[8:], _message(text, at_unix))
    except InvalidSignature as error:
        raise NoteUnverified(f"The cosignature of {name} is wrong.") from error
    return at_unix


def _message(text: str, at_unix: int) -> bytes:
    return f"cosignature/v1\ntime {at_unix}\n{text}".encode()
