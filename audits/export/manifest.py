"""The numbered manifests of an export: what each step added, linked by digests."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audits.note import Checkpoint, NoteMalformed, parse_checkpoint
from registry.digests import NotCanonical, canonical_json, sha256_hex

FORMAT = "freigabe-log-export/1"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEYS = {
    "format",
    "number",
    "previous_sha256",
    "origin",
    "size",
    "checkpoint",
    "cosignatures",
    "timestamps",
    "files",
}


class ManifestMalformed(ValueError):
    """The bytes are not a manifest of an export; the text says why."""


@dataclass(frozen=True)
class File:
    """A file that a step added. `bytes` is its length."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Cosigned:
    """A witness's signature line under the checkpoint of `size` leaves."""

    size: int
    witness: str
    line: str


@dataclass(frozen=True)
class Stamped:
    """An RFC 3161 token over the SHA-256 of `note`, a checkpoint of `size` leaves."""

    size: int
    authority: str
    note: str
    token: bytes


@dataclass(frozen=True)
class Manifest:
    """One finished step. `previous_sha256` is None for the first only."""

    number: int
    previous_sha256: str | None
    origin: str
    size: int
    checkpoint: str
    cosignatures: tuple[Cosigned, ...] = ()
    timestamps: tuple[Stamped, ...] = ()
    files: tuple[File, ...] = ()

    @property
    def content(self) -> bytes:
        """The manifest's bytes: canonical JSON, so there is one spelling only."""
        return canonical_json(
            {
                "format": FORMAT,
                "number": self.number,
                "previous_sha256": self.previous_sha256,
                "origin": self.origin,
                "size": self.size,
                "checkpoint": self.checkpoint,
                "cosignatures": [vars(item) for item in self.cosignatures],
                "timestamps": [
                    vars(item) | {"token": base64.b64encode(item.token).decode()}
                    for item in self.timestamps
                ],
                "files": [vars(item) for item in self.files],
            }
        )

    @property
    def sha256(self) -> str:
        """The digest that the next manifest quotes."""
        return sha256_hex(self.content)

    @property
    def signed(self) -> Checkpoint:
        """The tree that the checkpoint names; its signature is checked elsewhere.

        Raises ManifestMalformed unless it is of this origin and size.
        """
        try:
            found = parse_checkpoint(self.checkpoint.partition("\n\n")[0] + "\n")
        except NoteMalformed as error:
            raise ManifestMalformed(f"its checkpoint is none: {error}") from error
        if (found.origin, found.size) != (self.origin, self.size):
            raise ManifestMalformed(
                f"it names {self.origin} with {self.size} leaves, its checkpoint "
                f"{found.origin} with {found.size}"
            )
        return found


def parse(raw: bytes) -> Manifest:
    """Read a manifest strictly. Raises ManifestMalformed, naming what is wrong."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ManifestMalformed("it is not readable JSON") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ManifestMalformed(f"it is not of the format {FORMAT}")
    if document.keys() != _KEYS:
        odd = ", ".join(sorted(document.keys() ^ _KEYS))
        raise ManifestMalformed(f"it has too many or too few parts: {odd[:200]}")
    try:
        manifest = _manifest(document)
        canonical = manifest.content
    except (KeyError, TypeError, ValueError, NotCanonical) as error:
        raise ManifestMalformed(f"a part of it is wrong: {error}") from error
    if canonical != raw:
        raise ManifestMalformed("it is not written as canonical JSON")
    manifest.signed  # noqa: B018 - it raises
    return manifest


def _manifest(document: Mapping[str, Any]) -> Manifest:
    previous = document["previous_sha256"]
    return Manifest(
        number=_whole(document["number"], least=1),
        previous_sha256=None if previous is None else _digest(previous),
        origin=_text(document["origin"]),
        size=_whole(document["size"], least=1),
        checkpoint=_text(document["checkpoint"]),
        cosignatures=tuple(
            Cosigned(_whole(x["size"]), _text(x["witness"]), _text(x["line"]))
            for x in document["cosignatures"]
        ),
        timestamps=tuple(
            Stamped(
                _whole(x["size"]),
                _text(x["authority"]),
                _text(x["note"]),
                base64.b64decode(_text(x["token"]), validate=True),
            )
            for x in document["timestamps"]
        ),
        files=tuple(
            File(_text(x["path"]), _digest(x["sha256"]), _whole(x["bytes"]))
            for x in document["files"]
        ),
    )


def _whole(value: object, *, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise TypeError(f"{value!r} is not a whole number from {least}"[:200])
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text"[:200])
    return value


def _digest(value: object) -> str:
    text = _text(value)
    if not _SHA256.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a SHA-256 in hexadecimal")
    return text
