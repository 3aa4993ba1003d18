"""Seeded bootstrap of numbers that have no interval in closed form."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCKS = 4096
_ROUNDS_AT_ONCE = 250
METHOD = "percentile bootstrap of {blocks} random blocks of rows, {rounds} rounds"
ROWS = "percentile bootstrap of rows, {rounds} rounds"


@dataclass(frozen=True)
class Blocks:
    """Rows in random blocks, so that a bootstrap costs the same for any row count.

    Up to BLOCKS rows each row is a block: the ordinary bootstrap of rows. Beyond, the
    sums of random blocks of equal expected size are independent, and resampling them
    gives every smooth function of means the variance that resampling rows gives, up
    to a share of 1 / BLOCKS.
    """

    of_row: NDArray[np.int64]
    count: int
    seed: int

    def sums(self, *columns: Floats) -> Floats:
        """Answer the sum of each column in each block: blocks x columns."""
        found = [np.bincount(self.of_row, column, self.count) for column in columns]
        return np.stack(found, axis=1)

    def sums_within(self, place: NDArray[np.int64], width: int, of: Floats) -> Floats:
        """Answer the sums of `of` by block and by `place` (0 to width - 1)."""
        fused = self.of_row * width + place
        found = np.bincount(fused, of, self.count * width)
        return found.reshape(self.count, width).astype(np.float64)

    def resampled(
        self, sums: Floats, statistic: Callable[[Floats], Floats], *, rounds: int
    ) -> Floats:
        """Answer a statistic of resampled sums: it takes rounds x columns."""
        random = np.random.default_rng([self.seed, 1])
        values = np.empty(rounds)
        for start in range(0, rounds, _ROUNDS_AT_ONCE):
            some = min(_ROUNDS_AT_ONCE, rounds - start)
            drawn = random.integers(0, self.count, (some, self.count))
            drawn += np.arange(some)[:, None] * self.count
            times = np.bincount(drawn.ravel(), minlength=some * self.count)
            weights = times.reshape(some, self.count).astype(np.float64)
            values[start : start + some] = statistic(weights @ sums)
        return values

    def method(self, rounds: int, seed: int) -> str:
        """Name the method for the report."""
        words = ROWS if self.count == len(self.of_row) else METHOD
        return words.format(blocks=self.count, rounds=rounds) + f", seed {seed}"


def blocks(rows: int, *, seed: int) -> Blocks:
    """Put rows into blocks by chance, not by order: neighbours are often alike."""
    if rows <= BLOCKS:
        return Blocks(np.arange(rows), rows, seed)
    random = np.random.default_rng([seed, 0])
    return Blocks(random.integers(0, BLOCKS, rows), BLOCKS, seed)


def percentiles(values: Floats) -> tuple[float, float] | None:
    """The 2.5 % and 97.5 % points; None when over one in ten values is undefined."""
    kept = values[np.isfinite(values)]
    if len(kept) < 0.9 * len(values):
        return None
    lower, upper = np.quantile(kept, [0.025, 0.975])
    return float(lower), float(upper)
