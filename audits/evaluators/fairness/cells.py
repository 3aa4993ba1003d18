"""How many rows are in each combination of values: counted once, mergeable.

Every number that depends on groups, labels and predictions only follows from this
table, so that the rows are read once however many numbers are asked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import UnusableEvidence

Codes = NDArray[np.unsignedinteger]
Counts = NDArray[np.int64]
Words = NDArray[np.object_]
CHUNK = 1 << 16  # rows whose keys fit into the processor's cache
DENSE = 1 << 20  # combinations that are counted in one array; beyond, by sorting
SORTED = 1 << 20  # rows that are sorted at a time


@dataclass(frozen=True)
class Axis:
    """A column and its possible values in order; None, unknown, is the last."""

    name: str
    levels: tuple[str | None, ...]


@dataclass(frozen=True)
class Coded:
    """A column as small whole numbers: the places of its values on the axis."""

    axis: Axis
    codes: Codes

    @property
    def known(self) -> bool:
        """Whether any row has a value."""
        unknown = len(self.axis.levels) - 1
        if self.axis.levels[-1:] != (None,):
            return len(self.codes) > 0
        return bool((self.codes != unknown).any())


@dataclass(frozen=True)
class Cells:
    """The combinations that occur, and the rows of each.

    A key is the combination as one number (mixed radix, the last axis fastest); keys
    ascend. Two tables of the same rows are equal, whichever way they were counted.
    """

    axes: tuple[Axis, ...]
    keys: Counts
    counts: Counts

    @property
    def rows(self) -> int:
        """All rows."""
        return int(self.counts.sum())

    def codes(self, name: str) -> Counts:
        """The place of every cell on one axis."""
        sizes = [len(axis.levels) for axis in self.axes]
        at = [axis.name for axis in self.axes].index(name)
        codes: Counts = self.keys // math.prod(sizes[at + 1 :]) % sizes[at]
        return codes

    def over(self, names: Sequence[str]) -> "Cells":
        """The same rows by fewer axes, in the order named."""
        axes = tuple(next(a for a in self.axes if a.name == name) for name in names)
        columns = [self.codes(name) for name in names]
        return _summed(axes, _joined(columns, axes), self.counts)

    def merge(self, other: "Cells") -> "Cells":
        """The rows of both tables; both must have the same axes by name."""
        axes = tuple(
            _union(one, two) for one, two in zip(self.axes, other.axes, strict=True)
        )
        keys = np.concatenate([self._on(axes), other._on(axes)])
        return _summed(axes, keys, np.concatenate([self.counts, other.counts]))

    def _on(self, axes: tuple[Axis, ...]) -> Counts:
        """The keys on wider axes."""
        columns = []
        for axis, mine in zip(axes, self.axes, strict=True):
            places = {word: place for place, word in enumerate(axis.levels)}
            moved = np.array([places[word] for word in mine.levels], dtype=np.int64)
            columns.append(moved[self.codes(mine.name)])
        return _joined(columns, axes)


def coded(name: str, words: Words) -> Coded:
    """Answer words (None for unknown) as codes; levels in alphabetical order."""
    listed = words.tolist()
    found = set(listed)
    levels: list[str | None] = [*sorted(found - {None})]
    if None in found:
        levels.append(None)
    places = {word: place for place, word in enumerate(levels)}
    kind = np.min_scalar_type(max(len(levels) - 1, 0))
    codes = np.fromiter(map(places.__getitem__, listed), dtype=kind, count=len(listed))
    return Coded(Axis(name, tuple(levels)), codes)


def placed(name: str, places: NDArray[np.integer], words: Sequence[str]) -> Coded:
    """Answer places in a list of words, -1 for unknown, as codes."""
    levels = (*words, None)
    codes = places.astype(np.min_scalar_type(len(words)))
    codes[places < 0] = len(words)
    return Coded(Axis(name, levels), codes)


def numbered(name: str, codes: Codes, size: int) -> Coded:
    """Answer codes that are already numbers from 0 to `size` - 1."""
    return Coded(Axis(name, tuple(map(str, range(size)))), codes)


def count(columns: Sequence[Coded]) -> Cells:
    """Count rows by all columns together, in bounded memory.

    Raises UnusableEvidence when there are more combinations than numbers.
    """
    axes = tuple(column.axis for column in columns)
    space = math.prod(len(axis.levels) for axis in axes)
    if space >= 2**62:
        raise UnusableEvidence(
            "The sensitive features have too many combinations to be compared together."
        )
    rows = len(columns[0].codes)
    if space > DENSE:
        return _count_sorted(axes, columns, rows)
    kind = np.min_scalar_type(max(space - 1, 0))
    totals = np.zeros(space, dtype=np.int64)
    step = max(CHUNK, space)
    for start in range(0, rows, step):
        key = _keys(columns, slice(start, start + step), kind)
        totals += np.bincount(key, minlength=space)
    keys = np.flatnonzero(totals)
    return Cells(axes, keys, totals[keys])


def _keys(columns: Sequence[Coded], rows: slice, kind: np.dtype) -> Codes:
    key = columns[0].codes[rows].astype(kind)
    for column in columns[1:]:
        key *= kind.type(len(column.axis.levels))
        key += column.codes[rows].astype(kind, copy=False)
    return key


def _count_sorted(axes: tuple[Axis, ...], columns: Sequence[Coded], rows: int) -> Cells:
    found = Cells(axes, np.empty(0, np.int64), np.empty(0, np.int64))
    for start in range(0, rows, SORTED):
        key = _keys(columns, slice(start, start + SORTED), np.dtype(np.uint64))
        keys, counts = np.unique(key.astype(np.int64), return_counts=True)
        found = found.merge(Cells(axes, keys, counts))
    return found


def _joined(columns: Sequence[Counts], axes: Sequence[Axis]) -> Counts:
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    for column, axis in zip(columns, axes, strict=True):
        keys = keys * len(axis.levels) + column
    return keys


def _summed(axes: tuple[Axis, ...], keys: Counts, counts: Counts) -> Cells:
    unique, places = np.unique(keys, return_inverse=True)
    totals = np.zeros(len(unique), dtype=np.int64)
    np.add.at(totals, places, counts)
    return Cells(axes, unique, totals)


def _union(one: Axis, two: Axis) -> Axis:
    if one == two:
        return one
    if one.name != two.name:
        raise ValueError(f"{one.name} and {two.name} are different columns")
    words = {*one.levels, *two.levels}
    known: list[str | None] = [*sorted(word for word in words if word is not None)]
    return Axis(one.name, tuple(known + [None] * (None in words)))
