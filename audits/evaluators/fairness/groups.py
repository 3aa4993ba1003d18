"""The groups that are compared, their counts, and names that stay apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.fairness.cells import CHUNK, Axis, Cells, Coded, Counts

Places = NDArray[np.int32]
LONGEST = 200  # characters of a name in the database
LISTED = 500  # groups of a feature whose numbers are told one by one
MANY = 1000  # groups; beyond, there are only rates, worst pairs and tests


@dataclass(frozen=True)
class Grouping:
    """The groups of one feature, or of several together.

    `keys` are the groups as numbers, ascending; `words` and `labels` name them, for
    example `female` and `sex=female`, together `sex=female, race=black`.
    """

    name: str
    axes: tuple[Axis, ...]
    keys: Counts
    words: tuple[str, ...]
    labels: tuple[str, ...]
    rows: Counts
    unknown: int

    @property
    def features(self) -> tuple[str, ...]:
        """The features that make the groups."""
        return tuple(axis.name for axis in self.axes)

    def counts(self, cells: Cells, *outcomes: str) -> Counts:
        """Rows by group and outcome: one row for each group."""
        table = cells.over([*self.features, *outcomes])
        width = math.prod(len(a.levels) for a in table.axes[len(self.axes) :])
        group, outcome = np.divmod(table.keys, width)
        place = self._place(group)
        known = place >= 0
        counts = np.zeros((len(self.keys), width), dtype=np.int64)
        counts[place[known], outcome[known]] = table.counts[known]
        return counts

    def of_rows(self, columns: Sequence[Coded]) -> Places:
        """The group of every row, -1 where unknown."""
        by_name = {column.axis.name: column.codes for column in columns}
        found = np.empty(len(columns[0].codes), dtype=np.int32)
        for start in range(0, len(found), CHUNK):
            rows = slice(start, start + CHUNK)
            keys = np.zeros(len(found[rows]), dtype=np.int64)
            for axis in self.axes:
                keys = keys * len(axis.levels) + by_name[axis.name][rows]
            found[rows] = self._place(keys)
        return found

    def _place(self, keys: Counts) -> Counts:
        if not len(self.keys):
            return np.full(len(keys), -1)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, place, -1)

    def named(self, suffix: str) -> "Grouping":
        """The same groups under longer names, for example of one class."""
        return replace(
            self,
            name=fitted(self.name + suffix),
            labels=tuple(fitted(label + suffix) for label in self.labels),
        )

    @property
    def listed(self) -> list[int]:
        """The places of the groups to tell one by one: all, or the largest."""
        if len(self.rows) <= LISTED:
            return list(range(len(self.rows)))
        largest = np.argsort(-self.rows, kind="stable")[:LISTED]
        return sorted(largest.tolist())


def grouping(cells: Cells, features: Sequence[str]) -> Grouping:
    """Find the groups of these features together; unknown if one of them is."""
    table = cells.over(features)
    codes = [table.codes(axis.name) for axis in table.axes]
    known = np.ones(len(table.keys), dtype=bool)
    for axis, places in zip(table.axes, codes, strict=True):
        known &= np.array([word is not None for word in axis.levels])[places]
    named = [
        [str(axis.levels[place]) for place in places[known]]
        for axis, places in zip(table.axes, codes, strict=True)
    ]
    labels = [
        ", ".join(f"{f}={w}" for f, w in zip(features, words, strict=True))
        for words in zip(*named, strict=True)
    ]
    return Grouping(
        name=",".join(features),
        axes=table.axes,
        keys=table.keys[known],
        words=tuple(apart(named[0] if len(features) == 1 else labels)),
        labels=tuple(labels),
        rows=table.counts[known],
        unknown=int(table.counts[~known].sum()),
    )


def groupings(
    cells: Cells, features: Sequence[str], *, control: str = ""
) -> list[Grouping]:
    """Each feature alone and, if several, all together but the control.

    No two names are alike.
    """
    asked: list[tuple[str, ...]] = [(feature,) for feature in features]
    together = tuple(feature for feature in features if feature != control)
    if len(together) > 1:
        asked.append(together)
    found = [grouping(cells, each) for each in asked]
    names = iter(apart([g.name for g in found] + [n for g in found for n in g.labels]))
    found = [replace(one, name=next(names)) for one in found]
    return [replace(g, labels=tuple(next(names) for _ in g.labels)) for g in found]


def fitted(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and a digest of the whole where it is too long."""
    if len(text) <= longest:
        return text
    digest = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{text[: longest - 11]}… #{digest}"


def apart(texts: Sequence[str]) -> list[str]:
    """The texts fitted to a name's length; a number where two would be the same."""
    seen: set[str] = set()
    found = []
    for text in texts:
        name, number = fitted(text), 1
        while name in seen:
            number += 1
            name = fitted(f"{text} ({number})")
        seen.add(name)
        found.append(name)
    return found
