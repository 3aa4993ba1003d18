"""What people may declare, and in which form: `packs/declarations/*.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, FormatChecker

from governance.evidence_types import title_of
from registry.models import Role

_FOLDER = Path(__file__).parent / "packs" / "declarations"
SUBJECTS = ("model", "version", "dataset", "installation")
OUTCOMES = ("passed", "warned", "failed")
LONGEST = 20_000
_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 1, "maxLength": LONGEST},
    "line": {"type": "string", "minLength": 1, "maxLength": 300},
    "person": {"type": "string", "minLength": 1, "maxLength": 150},
    "email": {
        "type": "string",
        "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
        "maxLength": 254,
    },
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "maxLength": 64},
    "url": {"type": "string", "pattern": r"^https?://[^\s]+$", "maxLength": 1000},
    "date": {
        "type": "string",
        "format": "date",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    },
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "outcome": {"enum": list(OUTCOMES)},
}


def _said(texts: Mapping[str, str]) -> str:
    return texts.get((get_language() or "en")[:2], texts["en"])


@dataclass(frozen=True)
class Field:
    """One field of a declaration; `type` is one of `_TYPES`, choice or choices."""

    name: str
    type: str
    titles: Mapping[str, str]
    optional: bool
    choices: Mapping[str, Mapping[str, str]]
    limits: Mapping[str, float]

    @property
    def title(self) -> str:
        """The title in the language of the reader, else in English."""
        return _said(self.titles)

    def options(self) -> list[tuple[str, str]]:
        """Values and words to choose from; empty for fields of other types."""
        if self.type == "outcome":
            words = (_("Passed"), _("Passed with warnings"), _("Failed"))
            return list(zip(OUTCOMES, words, strict=True))
        return [(value, _said(titles)) for value, titles in self.choices.items()]

    def shown(self, value: Any) -> str:
        """A value in words."""
        words = dict(self.options())
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, list):
            return ", ".join(words.get(part, str(part)) for part in value)
        return words.get(value, str(value))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value."""
        named = {"title": self.titles["en"], "x-title-de": self.titles["de"]}
        if self.type == "choice":
            return {**named, "enum": list(self.choices)}
        if self.type == "choices":
            items = {"enum": list(self.choices)}
            some = {"type": "array", "minItems": 1, "uniqueItems": True}
            return {**named, **some, "items": items}
        return {**named, **_TYPES[self.type], **self.limits}


@dataclass(frozen=True)
class Kind:
    """One kind of declaration.

    `about` lists what it may be about, `signed_by` the roles that may make it. `dated`
    names the field whose day its age counts from, else it is the day of signing.
    `verdict` names the field with the outcome. `matches` maps fields to those of the
    inventory record that must say the same when a rule is judged. `per` is "person"
    where there is one for each person whom its field `person` names, "signer" where
    there is one for each person who signs it. `must` is what the fields have to say for
    any rule to pass, in the words of a rule's `where`.
    """

    name: str
    about: tuple[str, ...]
    signed_by: tuple[Role, ...]
    meaning: str
    fields: tuple[Field, ...]
    dated: str
    verdict: str
    matches: Mapping[str, str]
    per: str
    must: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The title of the type of evidence."""
        return title_of(self.name)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of the fields."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "type": "object",
            "additionalProperties": False,
            "required": [field.name for field in self.fields if not field.optional],
            "properties": {field.name: field.schema for field in self.fields},
        }

    @cached_property
    def validator(self) -> Draft202012Validator:
        """Checks fields against the schema, dates by the calendar."""
        return Draft202012Validator(self.schema, format_checker=FormatChecker(["date"]))

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((field for field in self.fields if field.name == name), None)


def _read() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for file in sorted(_FOLDER.glob("*.yaml")):
        for name, facts in yaml.safe_load(file.read_text("utf-8")).items():
            found[name] = _kind(name, facts)
    return dict(sorted(found.items()))


def _kind(name: str, facts: Mapping[str, Any]) -> Kind:
    return Kind(
        name=name,
        about=tuple(facts["about"]),
        signed_by=tuple(Role(role) for role in facts["signed_by"]),
        meaning=facts.get("meaning", "responsibility"),
        fields=tuple(_field(key, spec) for key, spec in facts["fields"].items()),
        dated=facts.get("dated", ""),
        verdict=facts.get("verdict", ""),
        matches=facts.get("matches", {}),
        per=facts.get("per", ""),
        must=facts.get("must", {}),
    )


def _field(name: str, spec: Mapping[str, Any]) -> Field:
    return Field(
        name=name,
        type=spec.get("type", "text"),
        titles={"en": spec["en"], "de": spec["de"]},
        optional=spec.get("optional", False),
        choices=spec.get("choices", {}),
        limits={k: spec[k] for k in ("minimum", "maximum") if k in spec},
    )


KINDS = _read()
