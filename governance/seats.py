"""The stages and seats of an approval, as a policy pack states them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from jsonschema import Draft202012Validator

from registry.models import Role

MEANINGS = ("review", "approval", "responsibility")
# More alternatives or places than these are a mistake in a pack, and slow to search.
MOST_ALTERNATIVES = 32
MOST_PLACES = 12
_ROLES = {
    "type": "array",
    "items": {"enum": sorted(Role.values)},
    "minItems": 1,
    "uniqueItems": True,
}
_DAYS = {"type": "integer", "minimum": 1, "maximum": 366}
_NUMBER = {"type": "integer", "minimum": 1, "maximum": MOST_PLACES}
# The part of a pack that this module reads: the approvals of one tier, or one piece
# of evidence of the type `signature_event`.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "oneOf": [{"required": ["quorum"]}, {"required": ["stages"]}],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "signature_event"},
        "quorum": {
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/seat"},
        },
        "stages": {
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/stage"},
        },
        "max_days": _DAYS,
        "challenges_closed": {"type": "boolean"},
        "owner_may_sign": {"type": "boolean"},
        "light_path": {"type": "boolean"},
        "fast_lane": {
            "type": "object",
            "additionalProperties": False,
            "required": ["sample_percent", "review_days"],
            "properties": {
                "sample_percent": {"type": "integer", "minimum": 1, "maximum": 100},
                "review_days": _DAYS,
            },
        },
    },
    "$defs": {
        "seat": {
            "type": "object",
            "additionalProperties": False,
            "required": ["meaning", "roles"],
            "properties": {
                "meaning": {"enum": list(MEANINGS)},
                "roles": _ROLES,
                "count": _NUMBER,
            },
        },
        "node": {
            "oneOf": [
                {"$ref": "#/$defs/seat"},
                *(
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": [name],
                        "properties": {
                            name: {
                                "type": "array",
                                "minItems": 1,
                                "items": {"$ref": "#/$defs/node"},
                            }
                        },
                    }
                    for name in ("all", "any")
                ),
            ]
        },
        "stage": {
            "type": "object",
            "additionalProperties": False,
            "required": ["id", "seats"],
            "properties": {
                "id": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$"},
                "seats": {"$ref": "#/$defs/node"},
                "people": _NUMBER,
                "lines": {"type": "integer", "minimum": 1, "maximum": 3},
                "units": _NUMBER,
                "when": {"type": "string", "minLength": 1},
                "deadline_days": _DAYS,
                "remind_days": {"type": "array", "items": _DAYS},
                "escalate_to": _ROLES,
            },
        },
    },
}


class InvalidApprovals(Exception):
    """What a pack says about approvals cannot be used; each error names its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class Seat:
    """Signatures that a stage asks for: this meaning, by one of these roles."""

    meaning: str
    roles: tuple[str, ...]
    count: int = 1


# The stages of the shipped packs, in words; one of a pack of one's own has its id.
_STAGES = {
    "approval": gettext_lazy("approval"),
    "committee": gettext_lazy("committee"),
    "executive": gettext_lazy("executive"),
    "light-approval": gettext_lazy("approval on the light path"),
    "light-review": gettext_lazy("review on the light path"),
    "quality": gettext_lazy("quality assurance"),
    "signatures": gettext_lazy("signing"),
    "validation": gettext_lazy("validation"),
}


@dataclass(frozen=True)
class Group:
    """Seats of which all, or any one, must be filled; groups nest."""

    every: bool
    parts: tuple["Seat | Group", ...]


@dataclass(frozen=True)
class Stage:
    """One step of an approval. Its people are distinct from all others of the pack.

    `people`, `lines` and `units` are the least numbers of distinct people, lines of
    defence and organisational units among them; a person without a unit counts for
    none. `when` is an expression (CEL): the stage is asked only where it holds.
    """

    id: str
    seats: Seat | Group
    people: int = 1
    lines: int = 0
    units: int = 0
    when: str = ""
    deadline_days: int = 0
    remind_days: tuple[int, ...] = ()
    escalate_to: tuple[str, ...] = ()

    @property
    def name(self) -> str | Promise:
        """What people call it, in the language of who reads."""
        return _STAGES.get(self.id) or self.id.replace("-", " ")


@dataclass(frozen=True)
class Approvals:
    """What one pack asks of the signatures on a request. No stage: nobody approves.

    `max_days` is the longest authorisation, 0 where other rules say it.
    `owner_may_sign` lets the owner of a tier 4 model attest it. `sample_percent` makes
    it a fast lane: so many are drawn and reviewed within `review_days`.
    """

    stages: tuple[Stage, ...] = ()
    max_days: int = 0
    challenges_closed: bool = False
    owner_may_sign: bool = False
    sample_percent: int = 0
    review_days: int = 0

    def applying(self, holds: Callable[[str], bool]) -> "Approvals":
        """Only the stages whose condition holds.

        `holds` answers True for what it cannot evaluate: then the stage is asked.
        """
        kept = tuple(s for s in self.stages if not s.when or holds(s.when))
        return self if kept == self.stages else replace(self, stages=kept)

    def __hash__(self) -> int:
        """As generated, but computed once: what is searched is kept by it."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.stages, self.max_days, self.challenges_closed))


def read(data: Mapping[str, Any]) -> Approvals:
    """Read `approvals` or a `signature_event` of a pack. Raises `InvalidApprovals`.

    Either `stages: [...]`, or the short form `quorum: [seats]`: one stage of all seats.
    """
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(SCHEMA).iter_errors(dict(data))
    ]
    if errors:
        raise InvalidApprovals(errors)
    if "quorum" in data:
        seats = tuple(_seats(seat) for seat in data["quorum"])
        stages: tuple[Stage, ...] = (Stage("signatures", Group(True, seats)),)
    else:
        stages = tuple(_stage(item) for item in data["stages"])
    draw = data.get("fast_lane", {})
    return Approvals(
        stages=stages,
        max_days=data.get("max_days", 0),
        challenges_closed=data.get("challenges_closed", False),
        owner_may_sign=data.get("owner_may_sign", False),
        sample_percent=draw.get("sample_percent", 0),
        review_days=draw.get("review_days", 0),
    )


def _seats(data: Mapping[str, Any]) -> Seat | Group:
    if "meaning" in data:
        return Seat(data["meaning"], tuple(data["roles"]), data.get("count", 1))
    every = "all" in data
    return Group(every, tuple(_seats(p) for p in data["all" if every else "any"]))


def _stage(data: Mapping[str, Any]) -> Stage:
    return Stage(
        id=data["id"],
        seats=_seats(data["seats"]),
        people=data.get("people", 1),
        lines=data.get("lines", 0),
        units=data.get("units", 0),
        when=data.get("when", ""),
        deadline_days=data.get("deadline_days", 0),
        remind_days=tuple(data.get("remind_days", ())),
        escalate_to=tuple(data.get("escalate_to", ())),
    )


def all_seats(node: Seat | Group) -> tuple[Seat, ...]:
    """Every seat that a stage mentions, in order."""
    if isinstance(node, Seat):
        return (node,)
    return tuple(seat for part in node.parts for seat in all_seats(part))


def ways(node: Seat | Group) -> list[tuple[Seat, ...]]:
    """The ways to fill a node: each a list of seats of one signature."""
    if isinstance(node, Seat):
        return [(replace(node, count=1),) * node.count]
    parts = [ways(part) for part in node.parts]
    if not node.every:
        return [way for found in parts for way in found]
    return [tuple(s for way in chosen for s in way) for chosen in product(*parts)]


def number_of_ways(node: Seat | Group) -> int:
    """How many `ways` there are, without listing them."""
    if isinstance(node, Seat):
        return 1
    numbers = [number_of_ways(part) for part in node.parts]
    return math.prod(numbers) if node.every else sum(numbers)
