"""Seeded bootstrap of numbers that have no interval in closed form."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_DRAWS = 100_000_000  # rows x rounds; beyond, fewer rounds
FEWEST_ROUNDS = 200


def rounds_for(rows: int, wanted: int) -> int:
    """Answer how many rounds are affordable: `wanted`, fewer for very many rows."""
    return min(wanted, max(FEWEST_ROUNDS, MAX_DRAWS // max(rows, 1)))


def percentile_interval(
    statistic: Callable[[Floats], float], *, rows: int, rounds: int, seed: int
) -> tuple[float, float] | None:
    """Answer the 2.5 % and 97.5 % points of a statistic of row weights.

    Each round gives every row the number of times that it is drawn with replacement.
    Rounds in which the statistic does not exist (NaN) are left out; None when that is
    more than one in ten.
    """
    random = np.random.default_rng(seed)
    values = np.empty(rounds)
    for index in range(rounds):
        drawn = random.integers(0, rows, rows)
        values[index] = statistic(np.bincount(drawn, minlength=rows).astype(float))
    kept = values[np.isfinite(values)]
    if len(kept) < 0.9 * rounds:
        return None
    lower, upper = np.quantile(kept, [0.025, 0.975])
    return float(lower), float(upper)
