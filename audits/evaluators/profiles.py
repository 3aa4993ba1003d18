"""What a column looks like, in few counts that can be stored, sent and added up.

The cells of a number are cut at quantiles of a reference and stay fixed: profiles of
parts of a table add up to exactly the profile of the whole, in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.columns import Categories, Column, Numbers

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
CELLS = 1024
CHUNK = 1 << 18


@dataclass(frozen=True)
class NumberProfile:
    """Counts of numbers in cells: the first lies below `edges[0]`, each edge begins
    one. Infinities count in the outer cells, and again in `infinite`."""

    name: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int
    infinite: int

    @property
    def rows(self) -> int:
        """All rows, those without a value too."""
        return sum(self.counts) + self.missing

    def plus(self, other: "NumberProfile") -> "NumberProfile":
        """The profile of both together. Raises UnusableEvidence for other edges."""
        if self.edges != other.edges or self.name != other.name:
            raise UnusableEvidence("Profiles with different cells cannot be added.")
        return NumberProfile(
            self.name,
            self.edges,
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.missing + other.missing,
            self.infinite + other.infinite,
        )

    def as_json(self) -> dict[str, Any]:
        """Answer plain lists, text and numbers; `profile_from` reads them again."""
        return {
            "kind": "number",
            "name": self.name,
            "edges": list(self.edges),
            "counts": list(self.counts),
            "missing": self.missing,
            "infinite": self.infinite,
        }


@dataclass(frozen=True)
class CategoryProfile:
    """Counts of categories by name."""

    name: str
    counts: Mapping[str, int]
    missing: int

    @property
    def rows(self) -> int:
        """All rows, those without a value too."""
        return sum(self.counts.values()) + self.missing

    def plus(self, other: "CategoryProfile") -> "CategoryProfile":
        """The profile of both together. Raises UnusableEvidence for another column."""
        if self.name != other.name:
            raise UnusableEvidence("Profiles of different columns cannot be added.")
        labels = sorted({*self.counts, *other.counts})
        return CategoryProfile(
            self.name,
            {one: self.counts.get(one, 0) + other.counts.get(one, 0) for one in labels},
            self.missing + other.missing,
        )

    def as_json(self) -> dict[str, Any]:
        """Answer plain lists, text and numbers; `profile_from` reads them again."""
        return {
            "kind": "category",
            "name": self.name,
            "counts": dict(self.counts),
            "missing": self.missing,
        }


Profile = NumberProfile | CategoryProfile


def edges_of(column: Numbers) -> tuple[float, ...]:
    """Up to 1025 edges at the quantiles of a reference; few values get one each.

    The first is its smallest value, the last lies just above its largest.
    """
    known = np.sort(column.values[np.isfinite(column.values)])
    if not len(known):
        return ()
    inner = known[np.arange(1, CELLS) * len(known) // CELLS]
    # What lies below the smallest or above the largest has a cell of its own.
    beyond = np.nextafter(known[-1], np.inf)
    return tuple(map(float, np.unique([known[0], *inner, beyond])))


def profile(column: Column, *, like: Profile | None = None) -> Profile:
    """Count a column, in the cells of `like` where that is a number too.

    Raises UnusableEvidence when one of the two holds text and the other numbers.
    """
    if isinstance(column, Categories):
        if isinstance(like, NumberProfile):
            raise UnusableEvidence(
                f"The column {column.name[:200]!r} holds text here and numbers there."
            )
        return _categories(column)
    if isinstance(like, CategoryProfile):
        raise UnusableEvidence(
            f"The column {column.name[:200]!r} holds numbers here and text there."
        )
    edges = edges_of(column) if like is None else like.edges
    return _numbers(column, edges)


def _numbers(column: Numbers, edges: tuple[float, ...]) -> NumberProfile:
    places = np.asarray(edges)
    counts = np.zeros(len(edges) + 2, np.int64)
    infinite = 0
    for start in range(0, len(column.values), CHUNK):
        some = column.values[start : start + CHUNK]
        lost = np.isnan(some)
        cells = np.searchsorted(places, some, side="right")
        cells[lost] = len(edges) + 1
        counts += np.bincount(cells, minlength=len(counts))
        infinite += int(np.isinf(some).sum())
    return NumberProfile(
        column.name, edges, tuple(map(int, counts[:-1])), int(counts[-1]), infinite
    )


def _categories(column: Categories) -> CategoryProfile:
    counts = np.bincount(column.codes + 1, minlength=len(column.labels) + 1)
    found: dict[str, int] = {}
    for label, count in zip(column.labels, counts[1:], strict=True):
        if count:
            found[label] = found.get(label, 0) + int(count)
    return CategoryProfile(column.name, dict(sorted(found.items())), int(counts[0]))


def profile_from(document: Mapping[str, Any]) -> Profile:
    """Read what `as_json` wrote. Raises UnusableEvidence for another form."""
    try:
        if document["kind"] == "category":
            counts = {str(k): int(v) for k, v in document["counts"].items()}
            return CategoryProfile(
                str(document["name"]), counts, int(document["missing"])
            )
        edges = tuple(map(float, document["edges"]))
        numbers = tuple(map(int, document["counts"]))
        if len(numbers) != len(edges) + 1:
            raise ValueError("cells")
        return NumberProfile(
            str(document["name"]),
            edges,
            numbers,
            int(document["missing"]),
            int(document["infinite"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as trouble:
        raise UnusableEvidence("A stored profile does not have its form.") from trouble


def paired(
    reference: Profile, current: Profile, *, most: int = 10
) -> tuple[Counts, Counts]:
    """Counts of both in the same few bins, missing values in one of their own.

    Numbers: about `most` bins with equal shares of the reference, and one each for
    what lies below and above it. Categories: each that is at least 1 % of the two
    together, the rest in about `most` bins, and one for those that the reference does
    not have. Bins that are empty in both are left out.
    """
    if isinstance(reference, NumberProfile) and isinstance(current, NumberProfile):
        both = _paired_numbers(reference, current, most)
    elif isinstance(reference, CategoryProfile) and isinstance(
        current, CategoryProfile
    ):
        both = _paired_categories(reference, current, most)
    else:
        raise UnusableEvidence("A profile of numbers has no distance to one of text.")
    there = (both[0] + both[1]) > 0
    return both[0][there], both[1][there]


def _paired_numbers(
    reference: NumberProfile, current: NumberProfile, most: int
) -> tuple[Counts, Counts]:
    if reference.edges != current.edges:
        raise UnusableEvidence("Profiles with different cells cannot be compared.")
    place = _shares(np.array(reference.counts, np.int64), most) + 1
    place[0], place[-1] = 0, most + 1
    counts = [
        np.append(np.bincount(place, one.counts, most + 2), one.missing)
        for one in (reference, current)
    ]
    return counts[0].astype(np.int64), counts[1].astype(np.int64)


def _shares(counts: Counts, most: int) -> Counts:
    """Put neighbouring cells into up to `most` bins of about equal counts."""
    before = np.cumsum(counts) - counts
    found: Counts = np.minimum(before * most // max(1, int(counts.sum())), most - 1)
    return found


def _paired_categories(
    reference: CategoryProfile, current: CategoryProfile, most: int
) -> tuple[Counts, Counts]:
    joint = reference.plus(current)
    labels, rows = list(joint.counts), joint.rows
    often = {one for one in labels if joint.counts[one] * 100 >= rows}
    rare = [one for one in labels if one in reference.counts and one not in often]
    bins = _shares(np.array([reference.counts[one] for one in rare], np.int64), most)
    place = {one: len(often) + int(bin) for one, bin in zip(rare, bins, strict=True)}
    place |= {one: number for number, one in enumerate(sorted(often))}
    width = len(often) + most
    both = []
    for one in (reference, current):
        counts = np.zeros(width + 2, np.int64)  # then what is new, and what is missing
        for label, count in one.counts.items():
            counts[place.get(label, width)] += count
        counts[-1] = one.missing
        both.append(counts)
    return both[0], both[1]
