"""Reading a pack from its YAML text: all that is wrong with it, each with its place."""

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, FormatChecker

from governance import plain_yaml
from governance.policy import lint
from governance.policy.pack import Citation, Pack, Rule
from registry.digests import NotCanonical, sha256_of_json

SHIPPED = Path(__file__).parents[1] / "packs"
FIRST_POLICY = SHIPPED / "first-policy.yaml"
SCHEMA = SHIPPED / "policy_pack.schema.json"
LONGEST = 400_000


class InvalidPack(Exception):
    """The text is not a policy pack; each error names its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@lru_cache(maxsize=1)
def _schema() -> Draft202012Validator:
    return Draft202012Validator(
        json.loads(SCHEMA.read_text("utf-8")), format_checker=FormatChecker(["date"])
    )


@lru_cache(maxsize=256)
def parse(text: str) -> Pack:
    """Read a pack from its YAML text. Raises `InvalidPack`."""
    data = _load(text)
    errors = [f"{e.json_path}: {e.message}" for e in _schema().iter_errors(data)]
    errors = errors or list(lint.errors_of(data))
    if errors:
        raise InvalidPack(errors)
    try:
        digest = sha256_of_json(data)
    except NotCanonical as error:
        raise InvalidPack([str(error)]) from error
    return Pack(
        slug=data["pack"],
        version=data["version"],
        titles=data["title"],
        rules=tuple(_rule(item) for item in data["rules"]),
        sha256=digest,
        applies_when=data["applies_when"],
        legal_basis=tuple(data["legal_basis"]),
        applicability=data.get("applicability", {}),
        notes=data.get("notes", ""),
        grace_days=data.get("grace_days", 0),
        effective_from=_day(data.get("effective_from")),
        effective_to=_day(data.get("effective_to")),
        approvals=data.get("approvals", {}),
    )


def _load(text: str) -> Any:
    if len(text) > LONGEST:
        raise InvalidPack([_("The text is too long for a policy pack.")])
    try:
        return plain_yaml.load(text)
    except plain_yaml.CannotRead as error:
        raise InvalidPack([str(error)]) from error


def _rule(data: Mapping[str, Any]) -> Rule:
    text = data["text"]
    return Rule(
        id=data["id"],
        titles=data["title"],
        texts=text if isinstance(text, dict) else {"en": text},
        citations=tuple(_citation(item) for item in data["citations"]),
        evidence=tuple(data["evidence"]),
        severity=data["severity"],
        tiers=frozenset(int(tier[1:]) for tier in data["tiers"]),
        gate=data["gate"],
        waivable=data["waivable"],
        when=data.get("when", ""),
        always=data.get("always", False),
    )


def _citation(data: Mapping[str, Any]) -> Citation:
    parts = (data.get("instrument"), data.get("locator"))
    later = data.get("applies_later", {})
    return Citation(
        ref=data.get("ref") or ", ".join(part for part in parts if part),
        status=data["status"],
        instrument=data.get("instrument", ""),
        locator=data.get("locator", ""),
        version=data.get("version", ""),
        valid_from=_day(data.get("valid_from")),
        valid_to=_day(data.get("valid_to")),
        applies_from=_day(data.get("applies_from")),
        checked_on=_day(data.get("checked_on")),
        checked_by=data.get("checked_by", ""),
        later_when=later.get("when", ""),
        later_from=_day(later.get("from")),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
