"""How well scores order and how well they are calibrated: AUC, precision, ECE."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_curve

from audits.evaluators.intervals import Z

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
CURVE_POINTS = 100
BINS = 10


def auc_delong(target: Labels, scores: Floats) -> tuple[float, float, float]:
    """Area under the ROC curve with the interval of DeLong et al. 1988.

    Computed with midranks (Sun and Xu 2014), the interval on the logit scale so that
    it stays within 0 and 1. Both classes must be present.
    """
    ones, zeros = scores[target == 1], scores[target == 0]
    m, n = len(ones), len(zeros)
    together = rankdata(np.concatenate([ones, zeros]))
    above = (together[:m] - rankdata(ones)) / n
    below = 1 - (together[m:] - rankdata(zeros)) / m
    area = float(above.mean())
    variance = _variance(above) / m + _variance(below) / n
    if not 0 < area < 1 or variance == 0:
        return area, area, area
    half = Z * math.sqrt(variance) / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return area, _logistic(middle - half), _logistic(middle + half)


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def average_precision(target: Labels, scores: Floats) -> Callable[[Floats], float]:
    """Answer a function of row weights: average precision as scikit-learn defines it.

    The rows are sorted once for all rounds of a bootstrap. NaN without a positive row.
    """
    order = np.argsort(-scores, kind="stable")
    hits = target[order]
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))

    def of_weights(weights: Floats) -> float:
        drawn = weights[order]
        found = np.cumsum(drawn * hits)[last_of_tie]
        taken = np.cumsum(drawn)[last_of_tie]
        if not found[-1]:
            return math.nan
        precision = found / np.where(taken == 0, 1, taken)
        return float(np.diff(found, prepend=0.0) @ precision / found[-1])

    return of_weights


def calibration_bins(target: Labels, scores: Floats) -> list[dict[str, Any]]:
    """Ten bins of equal width: rows, mean score and share of positives in each."""
    bins = bin_of(scores)
    found = []
    for index in range(BINS):
        inside = bins == index
        rows = int(inside.sum())
        found.append(
            {
                "from": index / BINS,
                "to": (index + 1) / BINS,
                "rows": rows,
                "mean_score": float(scores[inside].mean()) if rows else None,
                "share_positive": float(target[inside].mean()) if rows else None,
            }
        )
    return found


def bin_of(scores: Floats) -> NDArray[np.int64]:
    """Answer the bin of each score; 1.0 belongs to the last."""
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def calibration_error(target: Labels, scores: Floats, weights: Floats) -> float:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    bins = bin_of(scores)
    gaps = np.bincount(bins, weights=weights * (target - scores), minlength=BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def curve(target: Labels, scores: Floats) -> list[dict[str, float]]:
    """At most 100 points of the ROC curve, its ends included."""
    false, true, _ = roc_curve(target, scores)
    keep = np.unique(np.linspace(0, len(false) - 1, CURVE_POINTS).round().astype(int))
    return [
        {"false_positive_rate": float(false[i]), "true_positive_rate": float(true[i])}
        for i in keep
    ]
