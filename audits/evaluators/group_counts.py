"""Counts by group, and the rates that follow from them, with what they rest on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Words = NDArray[np.object_]


@dataclass(frozen=True)
class Cells:
    """The four counts of a group, seen from the favourable outcome."""

    tp: int  # deserved it, got it
    fp: int  # did not deserve it, got it
    fn: int  # deserved it, did not get it
    tn: int

    @property
    def rows(self) -> int:
        """All rows of the group."""
        return self.tp + self.fp + self.fn + self.tn


@dataclass(frozen=True)
class Rate:
    """A share of some rows of a group: hits out of trials."""

    hits: Callable[[Cells], int]
    trials: Callable[[Cells], int]
    of: str  # what the trials are, in words


def _all(cells: Cells) -> int:
    return cells.rows


def _favourable(cells: Cells) -> int:
    return cells.tp + cells.fn


def _unfavourable(cells: Cells) -> int:
    return cells.fp + cells.tn


RATES: Mapping[str, Rate] = {
    "selection_rate": Rate(lambda c: c.tp + c.fp, _all, "rows"),
    "true_positive_rate": Rate(
        lambda c: c.tp, _favourable, "rows with the favourable outcome"
    ),
    "false_negative_rate": Rate(
        lambda c: c.fn, _favourable, "rows with the favourable outcome"
    ),
    "false_positive_rate": Rate(
        lambda c: c.fp, _unfavourable, "rows with the unfavourable outcome"
    ),
    "true_negative_rate": Rate(
        lambda c: c.tn, _unfavourable, "rows with the unfavourable outcome"
    ),
    "accuracy": Rate(lambda c: c.tp + c.tn, _all, "rows"),
    "precision": Rate(
        lambda c: c.tp, lambda c: c.tp + c.fp, "rows with the favourable prediction"
    ),
}


def count_by_group(truth: Labels, predicted: Labels, groups: Words) -> dict[str, Cells]:
    """Count the four cells of each group; groups in alphabetical order."""
    names, codes = np.unique(groups.astype(str), return_inverse=True)
    cells = np.bincount(
        codes * 4 + truth * 2 + predicted, minlength=4 * len(names)
    ).reshape(-1, 4)
    return {
        str(name): Cells(tn=int(c[0]), fp=int(c[1]), fn=int(c[2]), tp=int(c[3]))
        for name, c in zip(names, cells, strict=True)
    }


def intersection(features: Mapping[str, Words]) -> Words:
    """Join several features into one: `sex=female, race=black`; None if one is."""
    columns = list(features.values())
    names: Sequence[str] = list(features)
    joined = [
        None
        if any(part is None for part in parts)
        else ", ".join(f"{n}={p}" for n, p in zip(names, parts, strict=True))
        for parts in zip(*columns, strict=True)
    ]
    return np.array(joined, dtype=object)
