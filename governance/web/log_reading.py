"""Entries as lines for people: who, what, and each field before and after."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from audits import history
from audits.models import Entry, Leaf
from governance.web import kinds
from registry.models import ModelVersion, RegisteredModel, User

SCHEMA = "public."
LONG = 160  # characters: what is longer is folded
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Names = Mapping[str, str]


@dataclass(frozen=True)
class Reading:
    """A value of a row; `words` where it is the key of something with a name."""

    value: history.Value
    words: str
    long: bool


@dataclass(frozen=True)
class Field:
    """A field of a change: its column, what people call it, before and after."""

    name: str
    label: str
    old: Reading | None
    new: Reading | None


@dataclass(frozen=True)
class Line:
    """One entry of the timeline; `outside` where no act stands behind the change.

    `program` is the name in the log of what is no person: `who` has it in words.
    """

    entry: Entry
    change: history.Change
    index: int | None
    who: str
    program: str
    way: str
    outside: bool
    table: str
    kind: str
    operation: str
    fields: str
    differences: tuple[Field, ...]


def lines(entries: Iterable[Entry]) -> list[Line]:
    """Entries with the names of what they speak of, in a fixed number of queries."""
    found = history.read(entries)
    ids = [change.entry.entry_id for change in found]
    leaves = dict(
        Leaf.objects.filter(entry_id__in=ids).values_list("entry_id", "leaf_index")
    )
    names = _names(found)
    return [_line(change, leaves.get(change.entry.entry_id), names) for change in found]


def _names(found: Iterable[history.Change]) -> dict[str, str]:
    """The names of the people, models and versions that these changes mention."""
    keys = {change.entry.actor or "" for change in found} | {
        value.text
        for change in found
        for difference in change.differences
        for value in (difference.old, difference.new)
        if value is not None and value.shown == history.Shown.PLAIN
    }
    wanted = [UUID(key) for key in keys if _UUID.fullmatch(key)]
    people = User.objects.in_bulk(wanted)
    models = RegisteredModel.objects.in_bulk(wanted)
    versions = ModelVersion.objects.select_related("model").in_bulk(wanted)
    return {
        **{str(key): row.printed_name for key, row in people.items()},
        **{str(key): row.name for key, row in models.items()},
        **{str(key): str(row) for key, row in versions.items()},
    }


def _line(change: history.Change, index: int | None, names: Names) -> Line:
    entry = change.entry
    actor = entry.actor or ""
    program = kinds.program(actor)
    table = entry.rel.removeprefix(SCHEMA)
    changed = sorted(
        kinds.field(table, difference.field) for difference in change.differences
    )
    return Line(
        entry=entry,
        change=change,
        index=index,
        who=names.get(actor) or program or actor or f"db:{change.role}",
        program=actor if program else "",
        way=kinds.way(change.via),
        outside=entry.actor is None,
        table=table,
        kind=kinds.kind(table),
        operation=_operation(change),
        fields=", ".join(changed) if entry.op == "U" else "",
        differences=tuple(
            Field(
                name=difference.field,
                label=kinds.field(table, difference.field),
                old=_reading(difference.old, names),
                new=_reading(difference.new, names),
            )
            for difference in change.differences
        ),
    )


def _reading(value: history.Value | None, names: Names) -> Reading | None:
    if value is None:
        return None
    plain = value.shown == history.Shown.PLAIN
    words = names.get(value.text) or kinds.yes_or_no(value.text) if plain else ""
    return Reading(value, "" if words == value.text else words, len(value.text) > LONG)


def _operation(change: history.Change) -> str:
    events = {
        "governed": _("put under capture"),
        "governed again": _("put under capture anew"),
        "openings erased": _("personal values erased"),
    }
    operations = {
        "I": _("added"),
        "U": _("changed"),
        "D": _("deleted"),
        "S": _("log set up"),
        "C": _("structure changed"),
        "K": _("key changed"),
    }
    return events.get(change.event) or operations[change.entry.op]
