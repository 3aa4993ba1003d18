"""Content of a dossier without a database: every field of every part is filled."""

import dataclasses
import types
import typing
from datetime import UTC, date, datetime
from typing import Any

from governance.dossier.content import Content, Field
from governance.inventory_words import LABELS

AT = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
SHA = "0123456789abcdef" * 4
ID = "5f0c3c5e-4f5c-4bfa-9c66-0d4a8a3c2b11"
_PLAIN = {int: 3, float: 0.25, bool: True, datetime: AT, date: AT.date()}
# Fields that hold no prose: registration lets nothing else in.
_FIXED = {
    "kind": "fairness",
    "slug": "credit-pd",
    "version": "1.2.0",
    "instance": "https://gov.example",
    "software": "Freigabe 1.0",
    "media_type": "application/octet-stream",
    "pack": "startup-light 2026.11.0",
    "requirement": "risk-assessed",
    "attachment": "evidence-fairness.json",
    "language": "en",
    "variant": "version",
    "status": "in_force",
}


def content_of(text: str = "Plain text", **codes: str) -> Content:
    """A content in which `text` stands wherever people write; `codes` by field."""
    found: Content = _filled(Content, text)
    record = tuple(
        Field(name, str(label), text, codes.get(name, ""))
        for name, label in LABELS.items()
        if name not in ("slug", "name")
    )
    inventory = dataclasses.replace(found.inventory, fields=record)
    control = dataclasses.replace(found.control, withheld=(), paper="A4")
    return dataclasses.replace(found, inventory=inventory, control=control)


def _filled(kind: Any, text: str, name: str = "") -> Any:
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return typing.cast("type", kind)(
            **{
                item.name: _filled(hints[item.name], text, item.name)
                for item in dataclasses.fields(kind)
            }
        )
    if kind is str:
        return _said(text, name)
    if kind in _PLAIN:
        return _PLAIN[kind]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is types.UnionType:
        return _filled(arguments[0], text, name)
    if typing.get_origin(kind) is tuple:
        inner = arguments[:1] if arguments[-1] is ... else arguments
        return tuple(_filled(one, text, name) for one in inner)
    return {}


def _said(text: str, name: str) -> str:
    if name.endswith(("sha256", "hash", "hashes")):
        return SHA
    if name == "id" or name.endswith("_id"):
        return ID
    return _FIXED.get(name, text)
