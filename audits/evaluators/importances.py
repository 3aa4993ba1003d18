"""Importances as partial sums: any split of the rows merges to the same whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.intervals import mean_interval

Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class Partial:
    """What some rows say of each feature: counts and sums, and a sample of rows.

    `absolute`, `total` and `squares` are the sums of |phi|, phi and phi squared by
    feature, in double precision (single precision drifts by 2e-6, evidence.md 3.5).
    `keys` are the smallest hashes of row numbers, in order, and `sample` has their phi.
    """

    n: int
    absolute: Floats
    total: Floats
    squares: Floats
    keys: Keys
    sample: Floats

    @property
    def importance(self) -> Floats:
        """Mean |phi| of each feature."""
        return self.absolute / max(self.n, 1)

    @property
    def mean(self) -> Floats:
        """Mean phi of each feature."""
        return self.total / max(self.n, 1)

    def interval(self, feature: int) -> tuple[float, float]:
        """The 95 % normal interval of a feature's mean |phi|, never below 0."""
        mean = float(self.importance[feature])
        spread = float(self.squares[feature]) - self.n * mean**2
        deviation = (max(spread, 0.0) / (self.n - 1)) ** 0.5 if self.n > 1 else 0.0
        lower, upper = mean_interval(mean, deviation, self.n)
        return max(0.0, lower), upper


def partial(phi: Floats, *, keys: Keys | None = None, keep: int = 0) -> Partial:
    """Sum up the phi (rows x features) of some rows.

    `keys` are the hashes of the rows' numbers; the `keep` smallest stay as a sample.
    """
    keys = np.zeros(0, np.uint64) if keys is None else keys
    kept = np.argsort(keys, kind="stable")[:keep]
    return Partial(
        n=len(phi),
        absolute=np.abs(phi).sum(axis=0, dtype=np.float64),
        total=phi.sum(axis=0, dtype=np.float64),
        squares=np.square(phi, dtype=np.float64).sum(axis=0),
        keys=keys[kept],
        sample=phi[kept].astype(np.float64),
    )


def merged(parts: list[Partial], *, keep: int) -> Partial:
    """Join partial sums of disjoint rows; the sample is the bottom-k of the whole.

    Counts and samples are the same for any split, sums up to rounding in their last
    bits. Raises ValueError for no parts.
    """
    if not parts:
        raise ValueError("There is nothing to merge.")
    keys = np.concatenate([part.keys for part in parts])
    kept = np.argsort(keys, kind="stable")[:keep]
    return Partial(
        n=sum(part.n for part in parts),
        absolute=np.sum([part.absolute for part in parts], axis=0),
        total=np.sum([part.total for part in parts], axis=0),
        squares=np.sum([part.squares for part in parts], axis=0),
        keys=keys[kept],
        sample=np.concatenate([part.sample for part in parts])[kept],
    )
