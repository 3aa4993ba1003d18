"""The two pages for management: what speaks against it, in numbers, what stands open.

What they show is bounded, so that they stay two pages; each list says how many more
there are, and the section that has them all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.dossier.content import Content
from governance.dossier.verdicts import Evaluation, Ruling

# As many as fit beside the rest of a page, on Letter too, each text as long as it may.
MOST_FAILING = 5  # less one for each environment: both stand on the first page
MOST_ENVIRONMENTS = 3
MOST_OPEN = 5
_TOLD_IN = {
    "conditions": "approvals",
    "findings": "validation",
    "waivers": "exceptions",
    "emergencies": "exceptions",
    "incidents": "monitoring",
}


@dataclass(frozen=True)
class Shown:
    """The rows of a list that stand here, how many do not, and the section of all.

    `section` is empty where this paper has no such section.
    """

    rows: tuple[Any, ...]
    left: int
    section: str


@dataclass(frozen=True)
class Failing:
    """A check that is not met; no `environments` where that is so in all of them."""

    ruling: Ruling
    environments: tuple[str, ...]


@dataclass(frozen=True)
class Ruled:
    """How the rules of one environment came out, in numbers."""

    environment: str
    met: int
    waived: int
    failing: int
    warned: int

    @property
    def all(self) -> int:
        """How many checks there are."""
        return self.met + self.waived + self.failing + self.warned


def for_management(said: Content, sections: Collection[str]) -> dict[str, Any]:
    """What the templates of the two pages are given; `sections` are those printed."""
    listed = Shown(
        said.evaluations[:MOST_ENVIRONMENTS],
        max(0, len(said.evaluations) - MOST_ENVIRONMENTS),
        "policy",
    )
    room = MOST_FAILING - len(listed.rows)
    return {
        "counts": _counts(said),
        "verdicts": listed,
        "failing": _most(failing_of(said.evaluations), room, "policy"),
        "open": _open(said, sections),
        "rules": tuple(_ruled(item) for item in listed.rows),
    }


def failing_of(evaluations: Sequence[Evaluation]) -> tuple[Failing, ...]:
    """Each failing check once, the worst first.

    First what stands above every pack, then what fails in most environments, then in
    the order of the rules.
    """
    where: dict[tuple[str, str, str, str], list[str]] = {}
    rulings: dict[tuple[str, str, str, str], Ruling] = {}
    for item in evaluations:
        for ruling in item.failing:
            one = ruling.check
            key = (one.pack, one.requirement, one.observed, one.next_step)
            rulings.setdefault(key, ruling)
            where.setdefault(key, []).append(item.environment)
    found = sorted(rulings, key=lambda key: (bool(key[0]), -len(where[key])))
    return tuple(
        Failing(
            rulings[key],
            () if len(where[key]) == len(evaluations) else tuple(where[key]),
        )
        for key in found
    )


def dealt(lists: Mapping[str, Sequence[Any]], room: int) -> dict[str, int]:
    """How many of each list are shown where `room` are: one of each in turn."""
    takes = dict.fromkeys(lists, 0)
    for place in range(room):
        for name, rows in lists.items():
            if place < len(rows) and sum(takes.values()) < room:
                takes[name] += 1
    return takes


def _most(rows: tuple[Any, ...], most: int, section: str) -> Shown:
    return Shown(rows[:most], max(0, len(rows) - most), section)


def _open(said: Content, sections: Collection[str]) -> dict[str, Shown]:
    """What the reader of the first pages has to know of, each in full further on."""
    told = said.exceptions
    lists: dict[str, tuple[Any, ...]] = {
        "findings": tuple(
            sorted(
                (row for row in told.findings if row.is_open),
                key=lambda row: not row.overdue,
            )
        ),
        "conditions": tuple(
            sorted(
                (row for item in said.approvals for row in item.conditions),
                key=lambda row: row.holds is not False,
            )
        ),
        "waivers": tuple(row for row in told.waivers if row.active),
        "emergencies": told.emergencies,
        "incidents": tuple(row for row in said.life.incidents if not row.closed_at),
    }
    takes = dealt(lists, MOST_OPEN)
    return {
        name: _most(
            rows, takes[name], _TOLD_IN[name] if _TOLD_IN[name] in sections else ""
        )
        for name, rows in lists.items()
    }


def _counts(said: Content) -> dict[str, int]:
    return {
        "signatures": sum(len(item.signatures) for item in said.approvals),
        "allowed": sum(yes for _name, yes, _no in said.gate.counts),
        "denied": sum(no for _name, _yes, no in said.gate.counts),
        "findings": sum(item.is_open for item in said.exceptions.findings),
        "waivers": sum(item.active for item in said.exceptions.waivers),
        "emergencies": len(said.exceptions.emergencies),
        "conditions": sum(len(item.conditions) for item in said.approvals),
        "overdue": sum(
            item.is_open and item.overdue for item in said.exceptions.findings
        ),
        "incidents": sum(item.closed_at is None for item in said.life.incidents),
        "unauthorised": sum(not item.authorised for item in said.deployments),
    }


def _ruled(item: Evaluation) -> Ruled:
    checks = [ruling.check for ruling in item.rulings]
    return Ruled(
        environment=item.environment,
        met=sum(check.passed and not check.waiver for check in checks),
        waived=sum(check.passed and bool(check.waiver) for check in checks),
        failing=sum(check.blocks for check in checks),
        warned=sum(not check.passed and not check.blocks for check in checks),
    )
