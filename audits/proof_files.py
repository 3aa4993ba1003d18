"""C2SP tlog-proof files: an entry, its place, and a signed checkpoint, in one text."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from audits.note import LARGEST_SIZE, NoteMalformed, decode_base64

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63  # the height of the largest tree
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True)
class ProofFile:
    """The parts of a proof. `extra` is what the issuer added: here, the entry."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None


def format_proof(
    *, index: int, hashes: Sequence[bytes], checkpoint: str, extra: bytes | None = None
) -> str:
    """Write a proof file; `checkpoint` is the whole signed note."""
    lines = [HEADER]
    if extra is not None:
        lines.append(f"extra {base64.b64encode(extra).decode()}")
    lines.append(f"index {index}")
    lines += [base64.b64encode(value).decode() for value in hashes]
    return "\n".join(lines) + f"\n\n{checkpoint}"


def parse_proof(text: str) -> ProofFile:
    """Read a proof file; NoteMalformed unless every line is exact.

    Nothing is verified: not the checkpoint's signature, not the hashes.
    """
    head, gap, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEADER or not gap or not checkpoint:
        raise NoteMalformed(f"A proof starts with {HEADER} and ends with a checkpoint.")
    rest = lines[1:]
    extra = None
    if rest and rest[0].startswith("extra "):
        extra = decode_base64(rest.pop(0).removeprefix("extra "), "the extra line")
    match = _INDEX.fullmatch(rest[0]) if rest else None
    if match is None or int(match[1]) > LARGEST_SIZE:
        raise NoteMalformed("A proof names the index of its leaf.")
    hashes = tuple(decode_base64(line, "a hash of the proof") for line in rest[1:])
    if len(hashes) > MOST_HASHES or any(len(value) != 32 for value in hashes):
        raise NoteMalformed(f"A proof has up to {MOST_HASHES} hashes of 32 bytes.")
    return ProofFile(int(match[1]), hashes, checkpoint, extra)
