"""Whether groups differ at all: tests that decide, corrected for looking often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc, gammaln, stdtr

from audits.evaluators.estimates import Estimate, usable

Floats = NDArray[np.float64]
PERMUTATIONS = 9_999
MOST_DRAWS = 2_000_000
BLOCK = 1 << 20
MOST_TRIALS = 10**9  # that numpy can draw from without replacement
NEARLY = 1 - 1e-9  # equal statistics may differ by rounding


@dataclass(frozen=True)
class Test:
    """A p-value and how it came about, or why there is none."""

    p: float | None
    method: str = ""
    because: str = ""


def same_rate(estimates: Sequence[Estimate], *, leave_out: bool, seed: int) -> Test:
    """Test that all groups share one rate: Pearson's chi-square.

    Where expected counts are too small for it (Cochran 1954: one below 1, or more than
    one in five below 5) hits are dealt out anew to the rows, which is exact up to the
    number of permutations (Phipson and Smyth 2010 for the p-value).
    """
    good, because = usable(estimates, leave_out=leave_out)
    if because:
        return Test(None, because=because)
    hits = np.array([one.hits for one in good])
    trials = np.array([one.n for one in good])
    total = int(trials.sum())
    share = hits.sum() / total
    if share in (0, 1):
        return Test(1.0, "all or nobody in every group")
    expected = np.concatenate([trials * share, trials * (1 - share)])
    if expected.min() >= 1 and (expected < 5).mean() <= 0.2:
        statistic = _pearson(hits[None], trials)[0]
        return Test(float(chdtrc(len(good) - 1, statistic)), "chi-square test")
    if total >= MOST_TRIALS:
        return Test(
            None, because="insufficient data: expected counts too small for the test"
        )
    rounds = min(PERMUTATIONS, max(199, MOST_DRAWS // len(good)))
    p = _permuted(hits, trials, rounds=rounds, seed=seed)
    return Test(p, f"permutation test, {rounds} rounds, seed {seed}")


def _pearson(hits: NDArray[np.int64], trials: NDArray[np.int64]) -> Floats:
    """Pearson's statistic of each row of `hits`."""
    share = hits[0].sum() / trials.sum()
    gaps: Floats = (hits - trials * share) ** 2 / trials
    found: Floats = gaps.sum(axis=1) / (share * (1 - share))
    return found


def _permuted(
    hits: NDArray[np.int64], trials: NDArray[np.int64], *, rounds: int, seed: int
) -> float:
    random = np.random.default_rng(seed)
    observed = _pearson(hits[None], trials)[0] * NEARLY
    reached, step = 0, max(1, BLOCK // len(hits))
    for start in range(0, rounds, step):
        size = min(step, rounds - start)
        drawn = random.multivariate_hypergeometric(
            trials, int(hits.sum()), size=size, method="marginals"
        )
        reached += int((_pearson(drawn, trials) >= observed).sum())
    return (1 + reached) / (1 + rounds)


def same_mean(
    estimates: Sequence[Estimate],
    deviations: Sequence[float | None],
    *,
    leave_out: bool,
) -> Test:
    """Test that all groups share one mean, whatever their variances.

    Brown and Forsythe 1974 with Mehrotra's (1997) degrees of freedom; of two groups it
    is Welch's t test. Measured on groups alike: it rejects 3 to 6 % also with a
    thousand groups, or with five rows in each, where Welch's analysis of variance
    rejects 17 % (and nearly always with 10,000 groups of four).
    `deviations` are the standard deviations of the groups' values.
    """
    _, because = usable(estimates, leave_out=leave_out)
    if because:
        return Test(None, because=because)
    used = [
        (one.value, deviation, one.n)
        for one, deviation in zip(estimates, deviations, strict=True)
        if not one.because
    ]
    mean, spread, n = (np.array(part, dtype=float) for part in zip(*used, strict=True))
    return _brown_forsythe(mean, spread, n)


def _brown_forsythe(mean: Floats, spread: Floats, n: Floats) -> Test:
    if not np.isfinite(spread).all() or (n < 2).any():
        return Test(None, because="insufficient data: a group of one has no variance")
    if not spread.any():
        return Test(float(np.ptp(mean) == 0), "all values of a group are the same")
    scale = spread.max()  # so that fourth powers stay within range
    total, variance = n.sum(), (spread / scale) ** 2
    middle = (n * mean).sum() / total
    between = (n * ((mean - middle) / scale) ** 2).sum()
    parts = (1 - n / total) * variance
    within = parts.sum()
    above = within**2 / (
        (variance**2).sum()
        + ((n * variance).sum() / total) ** 2
        - 2 * (n * variance**2).sum() / total
    )
    below = within**2 / (parts**2 / (n - 1)).sum()
    return Test(float(fdtrc(above, below, between / within)), "Brown-Forsythe test")


def two_means(
    one: tuple[float, float, int], other: tuple[float, float, int]
) -> float | None:
    """The p-value that two means are one: Welch's t test.

    Each is mean, standard deviation and rows. None where a group of one has no
    variance; certain where neither group has any.
    """
    errors = [deviation**2 / n for _, deviation, n in (one, other)]
    together = sum(errors)
    if not np.isfinite(together):
        return None
    if together == 0:
        return float(one[0] == other[0])
    freedom = together**2 / sum(
        error**2 / (n - 1)
        for error, (_, _, n) in zip(errors, (one, other), strict=True)
    )
    return float(2 * stdtr(freedom, -abs(one[0] - other[0]) / together**0.5))


def two_rates(a: int, a_trials: int, b: int, b_trials: int) -> float:
    """The p-value that two rates are one: chi-square, or Fisher's exact test."""
    rows, share = a_trials + b_trials, (a + b) / (a_trials + b_trials)
    if share in (0, 1):
        return 1.0
    if min(a_trials, b_trials) * min(share, 1 - share) >= 5:
        table = np.array([[a, b]]), np.array([a_trials, b_trials])
        return float(chdtrc(1, _pearson(*table)[0]))
    return fisher(a, a_trials, a + b, rows)


def fisher(a: int, a_trials: int, hits: int, rows: int) -> float:
    """Fisher's exact test, two-sided: all tables no likelier than the one observed."""
    possible = np.arange(max(0, hits + a_trials - rows), min(hits, a_trials) + 1)
    log = (
        _choose(a_trials, possible)
        + _choose(rows - a_trials, hits - possible)
        - _choose(rows, hits)
    )
    observed = log[a - possible[0]]
    return min(1.0, float(np.exp(log[log <= observed + 1e-7]).sum()))


def _choose(n: int, k: NDArray[np.int64] | int) -> Floats:
    found: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return found
