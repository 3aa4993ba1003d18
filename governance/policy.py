"""Policy packs, and what they require of a version now."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from governance import roles
from governance.models import PolicyPack
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import Role, User

_HERE = Path(__file__).parent / "packs"
FIRST_POLICY = _HERE / "first-policy.yaml"
SCHEMA = _HERE / "policy_pack.schema.json"


class InvalidPack(Exception):
    """The text is not a policy pack; each error names its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class NoPolicy(Exception):
    """No policy pack is in force, so nothing can pass."""


@dataclass(frozen=True)
class Check:
    """One requirement applied to one version now, as shown everywhere."""

    requirement: str
    title: str
    passed: bool
    observed: str
    because: str
    next_step: str = ""
    severity: str = "block"

    @property
    def blocks(self) -> bool:
        """Whether this check alone is reason to deny."""
        return not self.passed and self.severity != "warn"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, in the order of the fields."""
        return asdict(self)


@dataclass(frozen=True)
class Seat:
    """Signatures that a quorum asks for: this meaning, by one of these roles."""

    meaning: str
    roles: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Rule:
    """One rule of a pack."""

    id: str
    titles: Mapping[str, str]
    text: str
    citations: tuple[Mapping[str, str], ...]
    evidence: tuple[Mapping[str, Any], ...]
    severity: str
    tiers: frozenset[int]
    gate: str
    waivable: bool

    @property
    def title(self) -> str:
        """The title in the language of the reader, else in English."""
        return self.titles.get((get_language() or "en")[:2], self.titles["en"])


@dataclass(frozen=True)
class Pack:
    """A parsed pack."""

    slug: str
    version: str
    titles: Mapping[str, str]
    rules: tuple[Rule, ...]

    def for_tier(self, tier: int) -> tuple[Rule, ...]:
        """The rules that bind a tier (1 to 4)."""
        return tuple(rule for rule in self.rules if tier in rule.tiers)

    def seats(self, tier: int) -> tuple[Seat, ...]:
        """The quorum of a tier. Empty means that nobody can approve: deny."""
        return tuple(
            Seat(seat["meaning"], tuple(seat["roles"]), seat["count"])
            for rule in self.for_tier(tier)
            for item in rule.evidence
            if item["type"] == "signature_event"
            for seat in item["quorum"]
        )

    def max_days(self, tier: int) -> int:
        """The longest authorisation of a tier, in days; 0 when no rule allows one."""
        limits = [
            item["max_days"][f"T{tier}"]
            for rule in self.for_tier(tier)
            for item in rule.evidence
            if item["type"] == "approval"
        ]
        return min(limits, default=0)

    def evidence_kinds(self, tier: int) -> tuple[str, ...]:
        """The kinds of evidence that a tier needs, in the order of the rules."""
        kinds = [
            item["type"].removesuffix("_report")
            for rule in self.for_tier(tier)
            for item in rule.evidence
            if item["type"].endswith("_report")
        ]
        return tuple(dict.fromkeys(kinds))


@lru_cache(maxsize=64)
def parse(text: str) -> Pack:
    """Read a pack from its YAML text. Raises `InvalidPack`."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidPack([str(error)]) from error
    validator = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    errors = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(data)]
    errors = errors or list(_unusable(data["rules"]))
    if errors:
        raise InvalidPack(errors)
    return Pack(
        slug=data["pack"],
        version=data["version"],
        titles=data["title"],
        rules=tuple(_rule(item) for item in data["rules"]),
    )


def _unusable(rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the schema allows and no gate could evaluate."""
    for rule in rules:
        for item in rule["evidence"]:
            kind = item["type"]
            if kind.endswith("_report"):
                limits = [item[k] for k in ("at_least", "at_most") if k in item]
                if not isinstance(item.get("measurement"), str) or len(limits) != 1:
                    yield f"{rule['id']}: name a measurement and exactly one limit."
                elif isinstance(limits[0], bool) or not isinstance(
                    limits[0], (int, float)
                ):
                    yield f"{rule['id']}: the limit must be a number."
            elif kind == "signature_event" and not _is_quorum(item.get("quorum")):
                yield f"{rule['id']}: a quorum lists meaning, roles and count."
            elif kind == "approval" and not all(
                isinstance(item.get("max_days", {}).get(tier), int)
                for tier in rule["tiers"]
            ):
                yield f"{rule['id']}: max_days must give days for each tier."
            elif kind == "inventory_record" and not item.get("required_fields"):
                yield f"{rule['id']}: name the required fields."


def _is_quorum(quorum: Any) -> bool:
    return (
        isinstance(quorum, list)
        and bool(quorum)
        and all(
            isinstance(seat, dict)
            and seat.get("meaning") in ("review", "approval")
            and isinstance(seat.get("count"), int)
            and seat["count"] > 0
            and bool(seat.get("roles"))
            and set(seat["roles"]) <= set(Role.values)
            for seat in quorum
        )
    )


def _rule(data: dict[str, Any]) -> Rule:
    return Rule(
        id=data["id"],
        titles=data["title"],
        text=data["text"],
        citations=tuple(data["citations"]),
        evidence=tuple(data["evidence"]),
        severity=data["severity"],
        tiers=frozenset(int(tier[1:]) for tier in data["tiers"]),
        gate=data["gate"],
        waivable=data["waivable"],
    )


def current_pack(*, at: datetime) -> PolicyPack:
    """The pack in force at a moment. Raises `NoPolicy`."""
    found = (
        PolicyPack.objects.filter(effective_from__lte=at)
        .order_by("-effective_from", "-version")
        .first()
    )
    if found is None:
        raise NoPolicy(_("No policy pack is in force."))
    return found


@act
def publish(*, text: str, by: User, at: datetime) -> PolicyPack:
    """Publish a pack, in force at once. Raises `InvalidPack` and `NotAllowed`."""
    if by.username != "system":
        roles.require(by, "publish policy")
    pack = parse(text)
    if PolicyPack.objects.filter(slug=pack.slug, version=pack.version).exists():
        raise InvalidPack(
            [
                _("%(slug)s %(version)s is published already; raise the version.")
                % {"slug": pack.slug, "version": pack.version}
            ]
        )
    return PolicyPack.objects.create(
        slug=pack.slug,
        version=pack.version,
        document=text,
        sha256=sha256_hex(text.encode()),
        effective_from=at,
        published_by=by,
        published_at=at,
    )
