"""Seeded bootstrap of numbers that have no interval in closed form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCKS = 4096
CHUNK = 1 << 20
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

    of_row: NDArray[np.int16] | None  # None: each row is its own block
    rows: int
    count: int
    seed: int

    def sums(self, *columns: NDArray[Any] | float) -> Floats:
        """Answer the sum of each column, or constant, by block: blocks x columns."""
        found = np.zeros((self.count, len(columns)))
        for start in range(0, self.rows, CHUNK):
            end = min(start + CHUNK, self.rows)
            place = self._places(start, end)
            for number, column in enumerate(columns):
                some = column if isinstance(column, float) else column[start:end]
                weights = (
                    np.full(end - start, some) if isinstance(some, float) else some
                )
                found[:, number] += np.bincount(place, weights, self.count)
        return found

    def sums_within(self, place: NDArray[Any], width: int, of: Floats) -> Floats:
        """Answer the sums of `of` by block and by `place` (0 to width - 1)."""
        found = np.zeros(self.count * width)
        for start in range(0, self.rows, CHUNK):
            end = min(start + CHUNK, self.rows)
            fused = self._places(start, end) * width + place[start:end]
            found += np.bincount(fused, of[start:end], self.count * width)
        return found.reshape(self.count, width)

    def _places(self, start: int, end: int) -> NDArray[np.int64]:
        if self.of_row is None:
            return np.arange(start, end)
        return self.of_row[start:end].astype(np.int64)

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
        words = ROWS if self.of_row is None else METHOD
        return words.format(blocks=self.count, rounds=rounds) + f", seed {seed}"


def blocks(rows: int, *, seed: int) -> Blocks:
    """Put rows into blocks by chance, not by order: neighbours are often alike."""
    if rows <= BLOCKS:
        return Blocks(None, rows, rows, seed)
    random = np.random.default_rng([seed, 0])
    of_row = random.integers(0, BLOCKS, rows, dtype=np.int16)
    return Blocks(of_row, rows, BLOCKS, seed)


def percentiles(values: Floats) -> tuple[float, float] | None:
    """The 2.5 % and 97.5 % points; None when over one in ten values is undefined."""
    kept = values[np.isfinite(values)]
    if len(kept) < 0.9 * len(values):
        return None
    lower, upper = np.quantile(kept, [0.025, 0.975])
    return float(lower), float(upper)
