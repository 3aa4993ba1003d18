"""Random samples that anybody can draw again: SHA-256 of a seed and a counter.

The method is that of Rivest's sampler and Stark's tools for election audits: the
n-th draw is SHA-256("SEED,STRATUM,n") as a number, modulo the size of the population;
what was drawn already is skipped. Plain Python: auditors run it offline.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FORMAT = "freigabe-sample/1"
LARGEST_SAMPLE = 500


@dataclass(frozen=True)
class Item:
    """Something that can be drawn: the row of a table, or a leaf of the log."""

    stratum: str
    table: str
    key: str


def seed(*, root_sha256: str, population_sha256: str, secret: str) -> str:
    """The seed: the root that nobody knew before, what is drawn from, and the word."""
    text = f"{FORMAT}\n{root_sha256}\n{population_sha256}\n{secret}\n"
    return hashlib.sha256(text.encode()).hexdigest()


def positions(seed: str, stratum: str, *, count: int, wanted: int) -> list[int]:
    """Draw up to `wanted` different numbers below `count`, in the order drawn.

    The bias of the modulus is below count / 2^256.
    """
    found: dict[int, None] = {}
    number = 0
    while len(found) < min(wanted, count):
        number += 1
        text = f"{seed},{stratum},{number}".encode()
        found.setdefault(int(hashlib.sha256(text).hexdigest(), 16) % count)
    return list(found)


def shares(counts: Mapping[str, int], wanted: int) -> dict[str, int]:
    """How many of each stratum: in proportion, at least one of each, none too many.

    Largest remainders first, then the name decides. With fewer places than strata,
    the first by name get one.
    """
    names = sorted(name for name, count in counts.items() if count)
    total = sum(counts[name] for name in names)
    wanted = min(wanted, total)
    given = {name: int(number < wanted) for number, name in enumerate(names)}
    while sum(given.values()) < wanted:
        # Whoever is farthest below their share is next; exact, without fractions.
        name = max(
            (name for name in names if given[name] < counts[name]),
            key=lambda name: counts[name] * wanted - given[name] * total,
        )
        given[name] += 1
    return given


def items(population: str) -> list[Item]:
    """The lines `STRATUM TABLE ID` of a population. ValueError for any other line."""
    found = []
    for line in population.splitlines():
        stratum, table, key = line.split(" ")
        found.append(Item(stratum, table, key))
    return found


def choose(population: Sequence[Item], wanted: int, seed: str) -> list[Item]:
    """The sample: of each stratum its share, in the order drawn."""
    strata: dict[str, list[Item]] = {}
    for item in population:
        strata.setdefault(item.stratum, []).append(item)
    parts = shares({name: len(rows) for name, rows in strata.items()}, wanted)
    return [
        strata[name][place]
        for name, share in sorted(parts.items())
        for place in positions(seed, name, count=len(strata[name]), wanted=share)
    ]


def choose_leaves(first: int, last: int, wanted: int, seed: str) -> list[int]:
    """The sample of the leaves from `first` up to, and without, `last`."""
    drawn = positions(seed, "log", count=last - first, wanted=wanted)
    return [first + place for place in drawn]
