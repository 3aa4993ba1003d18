"""Rows by class and score, so that other thresholds can be tried without the rows.

Thresholds are all hundredths and the one in force; counts at these are exact.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Counts = NDArray[np.int64]
STEPS = 100
CHUNK = 1 << 20  # rows that are placed at a time


def thresholds(in_force: float) -> Floats:
    """Every hundredth from 0 to 1 and the threshold in force, ascending."""
    return np.unique(np.append(np.arange(STEPS + 1) / STEPS, in_force))


def reached(scores: Floats, thresholds: Floats) -> Codes:
    """The place of the last threshold that each score reaches.

    Scores lie within [0, 1]; a score at a threshold reaches it.
    """
    found = np.empty(len(scores), dtype=np.uint8)
    for start in range(0, len(scores), CHUNK):
        rows = slice(start, start + CHUNK)
        found[rows] = np.searchsorted(thresholds, scores[rows], side="right") - 1
    return found


def overall(target: NDArray[Any], scores: Floats, in_force: float) -> dict[str, Any]:
    """Rows of each class by the last threshold that they reach, for a report."""
    places = thresholds(in_force)
    codes = reached(scores, places)
    ones = target == 1
    return {
        "thresholds": places.tolist(),
        "all": plain(
            np.stack(
                [
                    np.bincount(codes[rows], minlength=len(places))
                    for rows in (~ones, ones)
                ]
            )
        ),
        "features": [],
    }


def plain(counts: Counts) -> dict[str, list[int]]:
    """Negatives and positives (in this order) by threshold, as lists."""
    negatives, positives = counts.tolist()
    return {"positive": positives, "negative": negatives}
