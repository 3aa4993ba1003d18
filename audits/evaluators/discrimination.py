"""How well scores order: ROC and precision-recall curves, AUC and its interval.

Everything that one list of scores says about order follows from its `Ranking`: the
positives and negatives at each distinct score. It is sorted once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.intervals import Z

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Labels = NDArray[np.int64]
CURVE_POINTS = 100
# Of the cells that a bootstrap resamples; scores within one count as ties there.
MOST_CELLS = 1024


@dataclass(frozen=True)
class Ranking:
    """Positives and negatives at each distinct score, the highest score first."""

    scores: Floats
    positives: Counts | Floats
    negatives: Counts | Floats

    def coarse(self, cells: int = MOST_CELLS) -> "Ranking":
        """Join neighbours into about `cells` cells, as fine for positives as for
        negatives, at their mean score; a short ranking stays as it is."""
        if len(self.scores) <= cells:
            return self
        share = self.positives / (2 * self.positives.sum())
        share += self.negatives / (2 * self.negatives.sum())
        np.cumsum(share, out=share)
        share *= cells
        place = np.minimum(share.astype(np.int32), cells - 1)
        del share
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        rows = self.positives + self.negatives
        total = np.add.reduceat(rows, starts)
        return Ranking(
            np.add.reduceat(self.scores * rows, starts) / total,
            np.add.reduceat(self.positives, starts),
            np.add.reduceat(self.negatives, starts),
        )


def ranking(target: Labels, scores: Floats) -> Ranking:
    """Sort once and count the classes at each distinct score."""
    order = np.argsort(scores)[::-1]
    hits = (target == 1)[order]
    ordered = scores[order]
    del order  # these arrays are as long as the data, which may be ten million rows
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    ordered = ordered[last]
    found = np.cumsum(hits, dtype=np.int64)[last]
    positives = np.diff(found, prepend=0)
    return Ranking(ordered, positives, np.diff(last + 1, prepend=0) - positives)


def auc_delong(target: Labels, scores: Floats) -> tuple[float, float, float]:
    """Area under the ROC curve with the interval of DeLong et al. 1988.

    Both classes must be present.
    """
    return auc_of(ranking(target, scores))


def auc_of(ranked: Ranking) -> tuple[float, float, float]:
    """Area under the ROC curve and its interval on the logit scale.

    DeLong, DeLong and Clarke-Pearson 1988 with midranks (Sun and Xu 2014): the
    variance of the placements, counted once for each distinct score. On the logit
    scale the interval stays within 0 and 1. Both classes must be present.
    """
    area, variance = auc_variance(ranked)
    return (area, *logit_interval(area, variance))


def auc_variance(ranked: Ranking) -> tuple[float, float]:
    """Area under the ROC curve and its DeLong variance; counts may be expected ones."""
    m, n = float(ranked.positives.sum()), float(ranked.negatives.sum())
    placed = _above(ranked.negatives, n)
    np.subtract(1, placed, out=placed)
    area = float(ranked.positives @ placed) / m
    variance = _spread(placed, ranked.positives, area) / m
    placed = _above(ranked.positives, m)
    return area, variance + _spread(placed, ranked.negatives, area) / n


def _above(counts: Counts | Floats, total: float) -> Floats:
    """The share of rows above each distinct score, of equal ones half."""
    found = np.cumsum(counts, dtype=np.float64)
    found -= counts / 2
    found /= total
    return found


def logit_interval(area: float, variance: float) -> tuple[float, float]:
    """Interval of a share on the logit scale; 0, 1 and no variance have no width."""
    if not 0 < area < 1 or variance <= 0:
        return area, area
    half = Z * math.sqrt(variance) / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return _logistic(middle - half), _logistic(middle + half)


def _spread(values: Floats, counts: Counts | Floats, mean: float) -> float:
    total = float(counts.sum())
    values -= mean
    values *= values  # in place: as long as the data
    return float(counts @ values) / (total - 1) if total > 1 else 0.0


def _logistic(value: float) -> float:
    if value < 0:  # math.exp(-value) could overflow
        return math.exp(value) / (1 + math.exp(value))
    return 1 / (1 + math.exp(-value))


def influence(target: Labels, scores: Floats) -> tuple[float, Floats]:
    """AUC, and what each row adds to its error: the variance is their sum of squares.

    The placements of DeLong et al. 1988, centred and divided by the size of the class:
    averages and differences of such arrays give the variance of averages and
    differences of areas over the same rows.
    """
    chosen = target == 1
    ones, zeros = scores[chosen], scores[~chosen]
    m, n = len(ones), len(zeros)
    of_ones = _placements(ones, np.sort(zeros))
    of_zeros = 1 - _placements(zeros, np.sort(ones))
    area = float(of_ones.mean())
    found = np.empty(len(scores))
    # m - 1 and n - 1 as in the sample variance.
    found[chosen] = (of_ones - area) / math.sqrt(m * max(m - 1, 1))
    found[~chosen] = (of_zeros - area) / math.sqrt(n * max(n - 1, 1))
    return area, found


def _placements(values: Floats, others: Floats) -> Floats:
    left = np.searchsorted(others, values, side="left")
    right = np.searchsorted(others, values, side="right")
    placed: Floats = (left + right) / (2 * len(others))
    return placed


def average_precision(ranked: Ranking) -> float:
    """Average precision as scikit-learn defines it; NaN without a positive row."""
    return float(_average_precision(ranked.positives[None], ranked.negatives[None])[0])


def _average_precision(
    positives: Counts | Floats, negatives: Counts | Floats
) -> Floats:
    found = np.cumsum(positives, axis=1)
    taken = found + np.cumsum(negatives, axis=1)
    gained = (positives * (found / np.maximum(taken, 1))).sum(axis=1)
    total = found[:, -1]
    return np.where(total > 0, gained / np.maximum(total, 1), math.nan)


def resampled(
    ranked: Ranking,
    statistic: Callable[[Counts, Counts], Floats],
    *,
    rounds: int,
    seed: int,
) -> Floats:
    """Answer a statistic of `rounds` resamples of a ranking, NaN where undefined.

    Multinomial over the cells is the same distribution as drawing rows with
    replacement (evidence.md 2.3). `statistic` takes positives and negatives, rounds x
    cells each.
    """
    random = np.random.default_rng(seed)
    cells = np.concatenate([ranked.positives, ranked.negatives])
    filled = np.flatnonzero(cells)
    total, width = int(cells.sum()), len(ranked.positives)
    values = np.empty(rounds)
    for start in range(0, rounds, 100):
        some = min(100, rounds - start)
        drawn = np.zeros((some, len(cells)), np.int64)
        drawn[:, filled] = random.multinomial(total, cells[filled] / total, some)
        values[start : start + some] = statistic(drawn[:, :width], drawn[:, width:])
    return values


def average_precision_interval(
    ranked: Ranking, *, rounds: int, seed: int
) -> tuple[float, float] | None:
    """Percentile interval of average precision; None when too often undefined.

    Beyond MOST_CELLS distinct scores the cells are coarser than the scores: their
    distribution is moved by the (small) difference of the two values.
    """
    coarse = ranked.coarse()
    values = resampled(coarse, _average_precision, rounds=rounds, seed=seed)
    kept = values[np.isfinite(values)]
    if len(kept) < 0.9 * rounds:
        return None
    shift = average_precision(ranked) - average_precision(coarse)
    lower, upper = np.quantile(kept, [0.025, 0.975]) + shift
    return max(0.0, float(lower)), min(1.0, float(upper))


def curve(ranked: Ranking) -> list[dict[str, float]]:
    """At most 100 points of the ROC curve, its ends included."""
    true = np.append(0, np.cumsum(ranked.positives)) / ranked.positives.sum()
    false = np.append(0, np.cumsum(ranked.negatives)) / ranked.negatives.sum()
    keep = np.unique(np.linspace(0, len(false) - 1, CURVE_POINTS).round().astype(int))
    return [
        {"false_positive_rate": float(false[i]), "true_positive_rate": float(true[i])}
        for i in keep
    ]
