"""The calls of the API as people read them, from our own OpenAPI."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

from governance.api.call_fields import Field, fields_of, kind_of
from governance.api.call_samples import command


@dataclass(frozen=True)
class Body:
    """What is sent or answered: its formats, and its fields where it has some."""

    media: list[str]
    kind: str
    fields: list[Field]


@dataclass(frozen=True)
class Answer:
    """What is answered with a status."""

    status: str
    text: str
    bodies: list[Body]


@dataclass(frozen=True)
class Call:
    """One method of one address: what it does, what it takes, what it answers."""

    key: str
    group: str
    method: str
    path: str
    text: str
    token: bool
    parameters: list[Field]
    sent: list[Body]
    answers: list[Answer]
    example: str


@lru_cache(maxsize=1)
def calls() -> Mapping[str, Call]:
    """Every call by its key, in the order of the addresses; its texts are English."""
    with translation.override("en"):
        generator: Any = SchemaGenerator  # its types are missing
        document = generator().get_schema(request=None, public=True)
        schemas = document["components"]["schemas"]
        found = [
            _call(path, method, operation, schemas)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]
    return {call.key: call for call in found}


def _call(
    path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]
) -> Call:
    content = operation.get("requestBody", {}).get("content", {})
    return Call(
        key=operation["operationId"],
        group=operation["tags"][0],
        method=method.upper(),
        path=path,
        text=operation["description"],
        token="security" in operation,
        parameters=[
            Field(
                parameter["name"],
                *kind_of(parameter["schema"], schemas),
                required=parameter.get("required", False),
                text=str(parameter.get("description", "")),
                place=parameter["in"],
            )
            for parameter in operation.get("parameters", [])
        ],
        sent=_bodies(content, schemas, "readOnly"),
        answers=[
            Answer(
                "" if status == "default" else status,
                answer["description"],
                _bodies(answer.get("content", {}), schemas, "writeOnly"),
            )
            for status, answer in operation["responses"].items()
        ],
        example=command(path, method.upper(), operation, schemas),
    )


def _bodies(
    content: dict[str, Any], schemas: dict[str, Any], hidden: str
) -> list[Body]:
    """What goes one way; fields of the other way are hidden."""
    by_schema: dict[str, Body] = {}
    for media, told in content.items():
        schema = told["schema"]
        if str(schema) not in by_schema:
            kind, _limits = kind_of(schema, schemas)
            fields = fields_of(schema, schemas, hidden=hidden)
            by_schema[str(schema)] = Body([], kind, fields)
        by_schema[str(schema)].media.append(media)
    return list(by_schema.values())
