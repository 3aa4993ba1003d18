"""A command to paste for each call of the API."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings

from governance.api.call_fields import Schema, resolved, types_of

_OF_FORMAT = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2027-01-31",
    "date-time": "2027-01-31T12:00:00Z",
    "email": "name@example.com",
    "uri": "https://example.com",
}
_OF_TYPE: dict[str, Any] = {
    "string": "...",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "object": {},
}
# The first that a pattern takes: a version, a country, a digest.
_OF_PATTERN = ("1", "US", "0" * 64)


def command(
    path: str, method: str, operation: dict[str, Any], schemas: dict[str, Schema]
) -> str:
    """The call with curl: names in capitals are to be replaced."""
    question = "&".join(
        f"{one['name']}={one['name'].upper()}"
        for one in operation.get("parameters", ())
        if one["in"] == "query" and one.get("required")
    )
    address = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), path)
    address = f"{settings.FREIGABE_INSTANCE_URL}{address}"
    parts = ["curl --fail-with-body"]
    if "security" in operation:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        media, told = next(iter(content.items()))
        parts += _sent(media, told["schema"], schemas)
    if method != ("POST" if content else "GET"):
        parts.append(f"-X {method}")
    return " \\\n  ".join([*parts, f'"{address}{"?" if question else ""}{question}"'])


def _sent(media: str, schema: Schema, schemas: dict[str, Schema]) -> Iterator[str]:
    sample = _sample(schema, schemas, ())
    if media == "multipart/form-data":
        fields = resolved(schema, schemas)["properties"]
        for name, value in sample.items():
            is_file = resolved(fields[name], schemas).get("format") == "binary"
            yield f"-F {name}={'@FILE' if is_file else value}"
        return
    yield f"-H 'Content-Type: {media}'"
    # An apostrophe would end the shell's quotes.
    yield f"-d '{json.dumps(sample, ensure_ascii=False).replace(chr(39), '’')}'"


def _sample(schema: Schema, schemas: dict[str, Schema], inside: tuple[str, ...]) -> Any:
    """A value with what is required in it, or with one of all where nothing is."""
    name, found = schema.get("$ref", ""), resolved(schema, schemas)
    if name and name in inside:
        return {}
    within = (*inside, name)
    if "oneOf" in found:
        return _sample(found["oneOf"][0], schemas, within)
    if "properties" in found:
        fields = found["properties"]
        writable = [key for key, one in fields.items() if not one.get("readOnly")]
        wanted = [key for key in writable if key in found.get("required", ())]
        return {
            key: _sample(fields[key], schemas, within) for key in wanted or writable
        }
    if "items" in found:
        return [_sample(found["items"], schemas, within)]
    return _single(found)


def _single(schema: Schema) -> Any:
    if schema.get("default", "") != "":
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if "pattern" in schema:
        taken = (one for one in _OF_PATTERN if re.search(schema["pattern"], one))
        return next(taken, "...")
    if "minimum" in schema:
        return schema["minimum"]
    kind = next(iter(types_of(schema)), "string")
    return _OF_FORMAT.get(schema.get("format", ""), _OF_TYPE[kind])
