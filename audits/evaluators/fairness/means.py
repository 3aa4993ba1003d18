"""Means by group with their spread; sums of rows, so that nothing is sorted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audits.evaluators.estimates import Estimate
from audits.evaluators.fairness.cells import CHUNK
from audits.evaluators.fairness.groups import Grouping, Places
from audits.evaluators.intervals import Interval, difference, mean_interval
from audits.evaluators.rates import lacking

Floats = NDArray[np.float64]
Part = Callable[[slice, Places], Floats]  # values of some rows, and their groups


@dataclass(frozen=True)
class Means:
    """Rows, mean and standard deviation (with n - 1) of each group."""

    rows: NDArray[np.int64]
    mean: Floats
    deviation: Floats

    @property
    def overall(self) -> float:
        """The mean of all rows that have a group."""
        return float(self.rows @ np.nan_to_num(self.mean)) / int(self.rows.sum())


def means(values: Part, places: Places, groups: int) -> Means:
    """Average the values of each group in two passes; place -1 is left out."""
    rows = np.bincount(places[places >= 0], minlength=groups)
    safe = np.maximum(rows, 1)
    mean = _sums(values, places, groups) / safe

    def squares(part: slice, at: Places) -> Floats:
        gaps: Floats = (values(part, at) - mean[at]) ** 2
        return gaps

    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.sqrt(_sums(squares, places, groups) / (rows - 1))
    return Means(rows, np.where(rows > 0, mean, np.nan), deviation)


def _sums(values: Part, places: Places, groups: int) -> Floats:
    totals = np.zeros(groups)
    for start in range(0, len(places) if groups else 0, CHUNK):
        part = slice(start, start + CHUNK)
        at = places[part]
        known = at >= 0
        totals += np.bincount(
            at[known], weights=values(part, at)[known], minlength=groups
        )
    return totals


def plain(values: Floats) -> Part:
    """The values as they are."""
    return lambda rows, _places: values[rows]


def mean_estimates(
    found: Means, grouping: Grouping, *, smallest: int, of: str = "rows"
) -> list[Estimate]:
    """The mean of each group with Student's interval, or why there is none."""
    estimates = []
    for place, word in enumerate(grouping.words):
        n = int(found.rows[place])
        because = lacking(word, n, n, of, smallest)
        if because:
            estimates.append(Estimate(word, n=n, because=because))
            continue
        mean, half = float(found.mean[place]), None
        if n > 1:
            error = float(found.deviation[place]) / n**0.5
            half = float(stdtrit(n - 1, 0.975)) * error
        estimates.append(
            Estimate(
                word,
                mean,
                None if half is None else mean - half,
                None if half is None else mean + half,
                n=n,
                method="Student's interval",
            )
        )
    return estimates


def to_overall(
    found: Means, one: Estimate, place: int
) -> tuple[float, Interval | None]:
    """One group's mean minus that of all rows, and its interval.

    The group is part of all; its distance to the independent rest is not:
    m - M = (1 - n / N) (m - mean of the rest).
    """
    rows, total, middle = found.rows, int(found.rows.sum()), found.overall
    mean = np.nan_to_num(found.mean)
    squares = np.nan_to_num(found.deviation) ** 2 * np.maximum(rows - 1, 0)
    squares += rows * (mean - middle) ** 2
    n = total - int(rows[place])
    gap = float(mean[place]) - middle
    if n < 2 or one.limits is None or one.value is None:
        return gap, None
    rest = middle - gap * int(rows[place]) / n
    spread = float(squares.sum() - squares[place]) - n * (rest - middle) ** 2
    limits = mean_interval(rest, max(0.0, spread / (n - 1)) ** 0.5, n)
    lower, upper = difference(one.value, one.limits, rest, limits)
    return gap, (lower * n / total, upper * n / total)
