"""Chooses rows by a hash of their number: the same rows for every reader."""

import numpy as np
from numpy.typing import NDArray

# SplitMix64 (Steele, Lea, Flood 2014), the finaliser that Java and numpy use too.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


def choose_rows(count: int, wanted: int, *, seed: int) -> NDArray[np.int64]:
    """Answer up to `wanted` of `count` row numbers, smallest hash first.

    Bottom-k by hash: any split of the table into parts leads to the same choice
    (evidence.md 3.5), and every prefix is itself a fair sample.
    """
    with np.errstate(over="ignore"):
        state = np.arange(1, count + 1, dtype=np.uint64) * GOLDEN
        state += np.uint64(seed) * FIRST
        state = (state ^ (state >> np.uint64(30))) * FIRST
        state = (state ^ (state >> np.uint64(27))) * SECOND
        state ^= state >> np.uint64(31)
    order = np.argsort(state, kind="stable")
    return order[:wanted].astype(np.int64)
