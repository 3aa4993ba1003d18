"""Entries as people read them: which fields changed, with personal values opened."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from audits.models import Entry, Opening

COMMITMENT = "$commitment"
DIGEST = "$sha256"


class Shown(StrEnum):
    """How much of a value an entry lets its reader see."""

    PLAIN = "plain"
    OPENED = "opened"  # a commitment whose opening is kept, and fits
    ERASED = "erased"  # a commitment whose opening was erased
    COMMITTED = "committed"  # a commitment whose opening is not to be had
    FORGED = "forged"  # an opening that does not fit its commitment
    DIGEST = "digest"  # too large for an entry
    HIDDEN = "hidden"  # changed, and left out of the log


@dataclass(frozen=True)
class Value:
    """A value as it stood in a row; `at` is when it was erased."""

    shown: Shown
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class Difference:
    """A field of a row before and after; None where the row was not there."""

    field: str
    old: Value | None
    new: Value | None


@dataclass(frozen=True)
class Change:
    """One entry, read; `event` is what the database says of itself (operation S)."""

    entry: Entry
    differences: tuple[Difference, ...]
    event: str
    via: str
    reason: str
    role: str


def read(entries: Iterable[Entry]) -> list[Change]:
    """Read entries in the order given, in one query more for personal values."""
    found = [(entry, _body(entry)) for entry in entries]
    openings = _openings(found)
    return [_change(entry, body, openings) for entry, body in found]


def _body(entry: Entry) -> dict[str, Any]:
    """The body as JSON; numbers keep their digits (log.md 2.3)."""
    body = json.loads(entry.body, parse_float=Decimal)
    return body if isinstance(body, dict) else {}


def _change(
    entry: Entry, body: Mapping[str, Any], openings: Mapping[str, Opening]
) -> Change:
    context = body.get("ctx")
    told = context if isinstance(context, dict) else {}
    return Change(
        entry=entry,
        differences=tuple(_differences(body, openings)),
        event=str((body.get("new") or {}).get("event", "")) if entry.op == "S" else "",
        via=str(told.get("via", "")),
        reason=str(told.get("reason", "")),
        role=str(body.get("role", "?")),
    )


def _differences(
    body: Mapping[str, Any], openings: Mapping[str, Opening]
) -> list[Difference]:
    """The changed fields of a change, all fields of an added or deleted row."""
    images = [
        image if isinstance(image, dict) else None
        for image in (body.get("old"), body.get("new"))
    ]
    old, new = images
    names = old if body.get("op") == "U" else {**(old or {}), **(new or {})}
    hidden = Value(Shown.HIDDEN, "")
    return [
        Difference(name, _value(old, name, openings), _value(new, name, openings))
        for name in names or {}
    ] + [Difference(str(name), hidden, hidden) for name in body.get("hidden") or ()]


def _value(
    image: Mapping[str, Any] | None, name: str, openings: Mapping[str, Opening]
) -> Value | None:
    if image is None or name not in image:
        return None
    value = image[name]
    if isinstance(value, dict) and value.keys() == {COMMITMENT}:
        return _opened(str(value[COMMITMENT]), openings)
    if isinstance(value, dict) and DIGEST in value:
        return Value(Shown.DIGEST, f"{value[DIGEST]} ({value.get('$len', '?')} B)")
    return Value(Shown.PLAIN, _text(value))


def _opened(commitment: str, openings: Mapping[str, Opening]) -> Value:
    """Open a commitment, and check that the opening is the one committed to."""
    opening = openings.get(commitment)
    if opening is None:
        return Value(Shown.COMMITTED, commitment)
    if opening.value is None or opening.salt is None:
        return Value(Shown.ERASED, commitment, opening.erased_at)
    salted = bytes(opening.salt) + opening.value.encode()
    if hashlib.sha256(salted).hexdigest() != commitment:
        return Value(Shown.FORGED, opening.value)
    return Value(Shown.OPENED, _text(json.loads(opening.value)))


def _text(value: object) -> str:
    """A value as a person reads it: text as it is, a dash for null, else JSON."""
    if isinstance(value, str):
        return value
    return (
        "\u2013"
        if value is None
        else json.dumps(value, ensure_ascii=False, default=str)
    )


def _openings(found: list[tuple[Entry, dict[str, Any]]]) -> dict[str, Opening]:
    """The openings of all commitments in these bodies, in one query."""
    wanted = {
        value[COMMITMENT]: (entry.rel, entry.pk_text)
        for entry, body in found
        for image in (body.get("old"), body.get("new"))
        if isinstance(image, dict)
        for value in image.values()
        if isinstance(value, dict) and value.keys() == {COMMITMENT}
    }
    if not wanted:
        return {}
    rows = Opening.objects.filter(
        # The row first: that is what the table is indexed by.
        rel__in={rel for rel, _key in wanted.values()},
        pk_text__in={key for _rel, key in wanted.values()},
        commitment__in=wanted,
    )
    return {row.commitment: row for row in rows}
