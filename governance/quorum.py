"""Who must sign: stages of seats, and whether given signatures fill them."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

from django.utils.translation import gettext as _

from governance import expressions, seats
from governance.seats import (
    MOST_ALTERNATIVES,
    MOST_PLACES,
    Approvals,
    InvalidApprovals,
    Seat,
    Stage,
    all_seats,
    number_of_ways,
    ways,
)
from registry.models import Role

# decisions.md 3.6, trigger 3; the last seat depends on the tier (3.4).
LIGHT_PATH_DAYS = 30
_LIGHT: dict[str, dict[str, Any]] = {
    "light-review": {"meaning": "review", "roles": [Role.VALIDATOR.value]},
    "light-approval": {},
}


@dataclass(frozen=True)
class Signed:
    """A signature that counts: who, with which meaning, in which role, of which unit.

    `person` stands for a human being: two accounts of one have the same.
    """

    person: str
    meaning: str
    role: str
    unit: str = ""


@dataclass(frozen=True)
class Place:
    """One signature of one stage: any of these seats' meanings and roles will do."""

    stage: int
    seats: tuple[Seat, ...]

    def takes(self, signed: Signed) -> bool:
        """Whether this signature may fill the place."""
        return any(
            signed.meaning == seat.meaning and signed.role in seat.roles
            for seat in self.seats
        )


def parse(data: Mapping[str, Any]) -> Approvals:
    """Read the approvals of one tier, or one `signature_event`, of a pack.

    Refuses what nobody could ever sign. Raises `InvalidApprovals`.
    """
    return _parsed(json.dumps(data, sort_keys=True))


@lru_cache(maxsize=512)
def _parsed(text: str) -> Approvals:
    found = seats.read(json.loads(text))
    if errors := list(_unusable(found)):
        raise InvalidApprovals(errors)
    return found


def _unusable(approvals: Approvals) -> Iterator[str]:
    """What the schema allows and nobody could ever sign."""
    ids = [stage.id for stage in approvals.stages]
    for name in {name for name in ids if ids.count(name) > 1}:
        yield _("Two stages are called %(name)s.") % {"name": name}
    number = math.prod(number_of_ways(stage.seats) for stage in approvals.stages)
    if number > MOST_ALTERNATIVES:
        yield _("The stages can be filled in %(ways)s ways; %(most)s is the most.") % {
            "ways": number,
            "most": MOST_ALTERNATIVES,
        }
        return
    if max(len(places) for places in _alternatives(approvals.stages)) > MOST_PLACES:
        yield _("No pack may ask for more than %(most)s signatures.") % {
            "most": MOST_PLACES
        }
        return
    for index, stage in enumerate(approvals.stages):
        if stage.when:
            try:
                expressions.compiled(stage.when)
            except expressions.UnusableExpression as error:
                yield str(error)
        places = next(_alternatives([stage]))
        if not _Search([stage], places, ()).possible():
            yield _("Stage %(name)s: its roles are of fewer than %(lines)s lines.") % {
                "name": stage.id or str(index + 1),
                "lines": stage.lines,
            }


@lru_cache(maxsize=1024)
def of_pack(keys: tuple[str, ...]) -> Approvals:
    """What a pack asks in one tier: its `approvals`, and its rules' evidence.

    Each is the JSON text, with sorted keys, of what `parse` reads; evidence that names
    no seats asks for nothing and is left out.
    """
    return joined([_parsed(key) for key in keys])


def lighter(stated: Mapping[str, Any], tier: int) -> Mapping[str, Any]:
    """A tier's approvals on the light path: a validator and one approver.

    In tier 1 only where the pack says `light_path: true`; a pack may say `false` in any
    tier. Never more than the pack asks anyway, and its rules' own `signature_event`
    stay: the release by quality assurance is law, not quorum.
    """
    if not stated.get("light_path", tier > 1):
        return stated
    if len(missing(parse(stated), ())) <= len(_LIGHT):
        return stated
    kept = {k: stated[k] for k in ("max_days", "challenges_closed") if k in stated}
    approvers = [Role.APPROVER, *([Role.RISK_MANAGER] if tier > 2 else [])]
    last = {"meaning": "approval", "roles": [role.value for role in approvers]}
    return {
        **kept,
        "stages": [
            {"id": name, "seats": seat or last, "deadline_days": LIGHT_PATH_DAYS}
            for name, seat in _LIGHT.items()
        ],
    }


def joined(parts: Sequence[Approvals]) -> Approvals:
    """The approvals of several rules of one pack: all stages, the strictest of each."""
    sampled = bool(parts) and all(part.sample_percent for part in parts)
    return Approvals(
        stages=tuple(stage for part in parts for stage in part.stages),
        max_days=min((p.max_days for p in parts if p.max_days), default=0),
        challenges_closed=any(part.challenges_closed for part in parts),
        owner_may_sign=bool(parts) and all(part.owner_may_sign for part in parts),
        sample_percent=max(p.sample_percent for p in parts) if sampled else 0,
        review_days=min(p.review_days for p in parts) if sampled else 0,
    )


def missing(approvals: Approvals, signed: Sequence[Signed]) -> tuple[Place, ...]:
    """The fewest places that still need a signature; empty only when complete.

    Which signature fills which place is searched, not decided in order of time: a
    completion that exists is found, and one more signature never undoes it. Asks for
    at least one stage; see `complete`.
    """
    return _missing(approvals, tuple(signed))


@lru_cache(maxsize=4096)
def _missing(approvals: Approvals, signed: tuple[Signed, ...]) -> tuple[Place, ...]:
    best: tuple[Place, ...] | None = None
    for places in _alternatives(approvals.stages):
        found = _Search(approvals.stages, places, signed).fewest_empty()
        if best is None or len(found) < len(best):
            best = found
    return best or ()


def complete(approvals: Approvals, signed: Sequence[Signed]) -> bool:
    """Whether the signatures fill every stage. Without a stage nothing is complete."""
    return bool(approvals.stages) and not missing(approvals, signed)


def open_stage(approvals: Approvals, signed: Sequence[Signed]) -> int | None:
    """The index of the first stage that is not complete; None when all are."""
    for index in range(len(approvals.stages)):
        first = replace(approvals, stages=approvals.stages[: index + 1])
        if missing(first, signed):
            return index
    return None


def helps(approvals: Approvals, signed: Sequence[Signed], more: Signed) -> bool:
    """Whether one more signature brings the first open stage nearer to its end.

    Stages are signed in order: a signature for a later one must wait.
    """
    index = open_stage(approvals, signed)
    if index is None:
        return False
    until = replace(approvals, stages=approvals.stages[: index + 1])
    return len(missing(until, [*signed, more])) < len(missing(until, signed))


def _alternatives(stages: Sequence[Stage]) -> Iterator[tuple[Place, ...]]:
    per_stage = []
    for index, stage in enumerate(stages):
        anyone = Place(index, all_seats(stage.seats))
        per_stage.append(
            [
                (
                    *(Place(index, (seat,)) for seat in way),
                    *((anyone,) * (_least(stage) - len(way))),
                )
                for way in ways(stage.seats)
            ]
        )
    for chosen in product(*per_stage):
        yield tuple(place for places in chosen for place in places)


def _least(stage: Stage) -> int:
    """Fewer signatures than these cannot have so many people, lines and units."""
    return max(stage.people, stage.lines, stage.units)


class _Search:
    """Finds the assignment of people to places that leaves the fewest places empty.

    An empty place stands for somebody who could still sign: of any role that the
    place takes, so of any of their lines, and of a unit of their own.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        places: Sequence[Place],
        signed: Sequence[Signed],
    ) -> None:
        self.stages = stages
        # The places of a stage stand together, so that its end is one moment.
        self.places = sorted(places, key=lambda place: place.stage)
        self.signed = sorted(signed, key=lambda s: (s.role, s.meaning, s.person))
        self.lines = {role.value: role.line for role in Role}
        self.known: dict[tuple[Any, ...], tuple[Place, ...] | None] = {}

    def possible(self) -> bool:
        """Whether anybody could ever meet the numbers of people, lines and units."""
        return self._from(0, frozenset(), frozenset(), frozenset()) is not None

    def fewest_empty(self) -> tuple[Place, ...]:
        found = self._from(0, frozenset(), frozenset(), frozenset())
        # Where nobody could ever meet the numbers, all stays open: deny.
        return tuple(self.places) if found is None else found

    def _from(
        self,
        at: int,
        used: frozenset[str],
        lines: frozenset[int],
        units: frozenset[str],
    ) -> tuple[Place, ...] | None:
        """The fewest empty places from this one on; None when the numbers fail."""
        if at > 0 and self._stage_ends(at):
            stage = self.stages[self.places[at - 1].stage]
            if len(lines) < stage.lines or len(units) < stage.units:
                return None
            lines, units = frozenset(), frozenset()
        if at == len(self.places):
            return ()
        key = (at, used, lines, units)
        if key not in self.known:
            self.known[key] = self._best(at, used, lines, units)
        return self.known[key]

    def _stage_ends(self, at: int) -> bool:
        return (
            at == len(self.places) or self.places[at].stage != self.places[at - 1].stage
        )

    def _best(
        self,
        at: int,
        used: frozenset[str],
        lines: frozenset[int],
        units: frozenset[str],
    ) -> tuple[Place, ...] | None:
        place = self.places[at]
        stage = self.stages[place.stage]
        best: tuple[Place, ...] | None = None
        for person, line, unit in self._candidates(at, used):
            rest = self._from(
                at + 1,
                used if person is None else used | {person},
                lines | {line} if line is not None and stage.lines else lines,
                units | {unit} if unit and stage.units else units,
            )
            if rest is None:
                continue
            found = rest if person is not None else (place, *rest)
            if best is None or len(found) < len(best):
                best = found
            if not best:
                break
        return best

    def _candidates(
        self, at: int, used: frozenset[str]
    ) -> Iterator[tuple[str | None, int | None, str]]:
        place = self.places[at]
        # People who are alike for every place and number need one try, not each.
        tried: set[tuple[Any, ...]] = set()
        for signed in self.signed:
            if signed.person in used or not place.takes(signed):
                continue
            kind = (signed.meaning, signed.role, signed.unit)
            if kind not in tried or self._signs_twice(signed.person):
                tried.add(kind)
                yield signed.person, self.lines.get(signed.role), signed.unit
        could_be = {self.lines.get(r) for seat in place.seats for r in seat.roles}
        for line in sorted(could_be, key=str):
            yield None, line, f"somebody at place {at}"

    def _signs_twice(self, person: str) -> bool:
        return sum(s.person == person for s in self.signed) > 1
