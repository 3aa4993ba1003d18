"""The fields of what a call takes and answers, in the words of JSON Schema."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
_LIMITS = (
    *("default", "minimum", "maximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "pattern"),
)
# What the library says of a choice whose word is its own meaning.
_SAME = re.compile(r"\* `(.*)` - \1(\n|$)")


@dataclass(frozen=True)
class Field:
    """One field or parameter; `place` is where a parameter stands."""

    name: str
    kind: str
    limits: str
    required: bool
    text: str
    place: str = ""


def resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """The schema that a reference names, with what is said beside it."""
    if "$ref" in schema:
        return schemas[schema["$ref"].rpartition("/")[2]]
    if len(schema.get("allOf", ())) == 1:
        beside = {key: said for key, said in schema.items() if key != "allOf"}
        return resolved(schema["allOf"][0], schemas) | beside
    return schema


def kind_of(schema: Schema, schemas: dict[str, Schema]) -> tuple[str, str]:
    """What a value is, and its limits, such as `string (uuid)` and `maxLength 80`."""
    found = resolved(schema, schemas)
    limits = ", ".join(f"{key} {found[key]!s}" for key in _LIMITS if _says(found, key))
    return _kind(found, schemas), limits


def types_of(schema: Schema) -> list[str]:
    """The types that a value may have; none where any will do."""
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _says(schema: Schema, key: str) -> bool:
    return key in schema and schema[key] != ""


def _kind(schema: Schema, schemas: dict[str, Schema]) -> str:
    if "oneOf" in schema:
        # A choice that may be left empty says so by a second, empty, schema.
        kinds = (kind_of(one, schemas)[0] for one in schema["oneOf"])
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(f'"{one}"' for one in schema["enum"])
    first, *others = types_of(schema) or ["any value"]
    if "items" in schema:
        first = f"array of {kind_of(schema['items'], schemas)[0]}"
    if "format" in schema:
        first = f"{first} ({schema['format']})"
    return " | ".join([first, *others])


def fields_of(
    schema: Schema, schemas: dict[str, Schema], *, hidden: str = ""
) -> list[Field]:
    """All fields of an object, or of the objects of a list, those inside by a path.

    `hidden` is the mark of fields to leave out: `readOnly` or `writeOnly`.
    """
    return list(_fields(schema, schemas, hidden, "", ()))


def _fields(
    schema: Schema,
    schemas: dict[str, Schema],
    hidden: str,
    above: str,
    inside: tuple[str, ...],
) -> Iterator[Field]:
    name = schema.get("$ref", "")
    if name in inside:
        return  # what contains itself is told once
    found, within = resolved(schema, schemas), (*inside, *([name] if name else ()))
    if "items" in found:
        prefix = f"{above}[]" if above else ""
        yield from _fields(found["items"], schemas, hidden, prefix, within)
        return
    for key, value in found.get("properties", {}).items():
        told = resolved(value, schemas)
        if told.get(hidden):
            continue
        path = f"{above}.{key}" if above else key
        required = key in found.get("required", ())
        text = _SAME.sub("", str(told.get("description", "")))
        yield Field(path, *kind_of(value, schemas), required=required, text=text)
        yield from _fields(value, schemas, hidden, path, within)
