"""What the errors cost at a threshold, and at all others."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    setting,
)
from audits.evaluators.intervals import mean_interval

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
STEPS = 100
LIMITS = (
    "The cheapest threshold was found on the rows that it is judged by: its cost is "
    "flattered.",
)


def evaluate_costs(
    *, target: Labels, scores: Floats, config: Mapping[str, Any]
) -> Evaluation:
    """Measure the cost of a row at the `threshold`, when the costs of errors are given.

    Settings `cost_false_positive` and `cost_false_negative` (0 or more, one above 0),
    in any unit. The saving is against the cheaper of always and never saying positive.
    Raises UnusableEvidence.
    """
    known_settings(config)
    threshold = setting(config, "threshold", 0.5, low=0, high=1)
    wrong = setting(config, "cost_false_positive", 0, low=0, high=1e12)
    missed = setting(config, "cost_false_negative", 0, low=0, high=1e12)
    if not wrong and not missed:
        raise UnusableEvidence("One of the two costs of errors must be above 0.")
    curve = _curve(target, scores, wrong=wrong, missed=missed)
    best = min(curve, key=lambda point: (point["cost"], point["threshold"]))
    return Evaluation(
        measurements=_at(target, scores >= threshold, wrong=wrong, missed=missed),
        summary={
            "cost_curve": curve,
            "cheapest_threshold": best["threshold"],
            "cost_false_positive": wrong,
            "cost_false_negative": missed,
            # Elkan 2001: the best threshold of calibrated probabilities.
            "calibrated_threshold": wrong / (wrong + missed),
        },
        limits=LIMITS,
    )


def _at(
    target: Labels, predicted: NDArray[np.bool_], *, wrong: float, missed: float
) -> tuple[Measurement, Measurement]:
    rows, positives = len(target), int((target == 1).sum())
    false_positives = int((predicted & (target == 0)).sum())
    false_negatives = int((~predicted & (target == 1)).sum())
    cost, low, high = _mean([(wrong, false_positives), (missed, false_negatives)], rows)
    if missed * positives <= wrong * (rows - positives):  # never is the cheaper
        changes = [(-wrong, false_positives), (missed, positives - false_negatives)]
    else:
        spared = rows - positives - false_positives
        changes = [(-missed, false_negatives), (wrong, spared)]
    saved = _mean(changes, rows)
    normal = "mean over rows, normal interval"
    rivals = "against the cheaper of always and never saying positive, paired, "
    return (
        Measurement(
            "cost_per_row", cost, max(0.0, low), high, rows, method=normal, unit="cost"
        ),
        Measurement(
            "cost_saved_per_row",
            *saved,
            n=rows,
            method=rivals + normal,
            unit="cost",
        ),
    )


def _mean(
    amounts: Sequence[tuple[float, int]], rows: int
) -> tuple[float, float, float]:
    """Mean and interval of an amount that each row has, or 0."""
    mean = sum(amount * count for amount, count in amounts) / rows
    squares = sum(amount**2 * count for amount, count in amounts) / rows
    deviation = math.sqrt(max(0.0, squares - mean**2))
    return (mean, *mean_interval(mean, deviation, rows))


def _curve(
    target: Labels, scores: Floats, *, wrong: float, missed: float
) -> list[dict[str, float]]:
    """The cost of a row at 101 thresholds; a score at the threshold is positive."""
    thresholds = np.arange(STEPS + 1) / STEPS
    # The last threshold that a score reaches.
    place = np.searchsorted(thresholds, scores, side="right") - 1
    ones = np.bincount(place[target == 1], minlength=STEPS + 1)
    zeros = np.bincount(place[target == 0], minlength=STEPS + 1)
    lost = np.cumsum(ones) - ones  # positive rows below each threshold
    taken = zeros.sum() - (np.cumsum(zeros) - zeros)
    costs = (missed * lost + wrong * taken) / len(target)
    return [
        {"threshold": float(at), "cost": float(cost)}
        for at, cost in zip(thresholds, costs, strict=True)
    ]
