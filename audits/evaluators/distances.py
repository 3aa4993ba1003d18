"""How far two distributions are apart, with what chance alone would do."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, kstwobign

from audits.evaluators.profiles import NumberProfile

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
HALF = 0.5


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index over the same bins (Siddiqi 2006).

    One half is added to every count, so that an empty bin stays finite. The bands that
    are in use (below 0.1 stable, above 0.25 changed) are a rule of thumb of credit
    scoring: they know nothing of the number of rows.
    """
    return float(psis(reference[None], current[None])[0])


def psis(reference: Counts, current: Counts) -> Floats:
    """The index of many pairs at once: pairs x bins."""
    a, b = reference + HALF, current + HALF
    a = a / a.sum(axis=1, keepdims=True)
    b = b / b.sum(axis=1, keepdims=True)
    found: Floats = ((b - a) * np.log(b / a)).sum(axis=1)
    return found


def psi_critical(reference: Counts, current: Counts) -> float | None:
    """What the index exceeds in 5 % of samples when nothing changed (Yurdakul 2018).

    It is then about (1/n + 1/m) times a chi-square of bins - 1 degrees of freedom.
    None with fewer than two bins, or without rows.
    """
    n, m = int(reference.sum()), int(current.sum())
    if not n or not m or len(reference) < 2:
        return None
    return float(chi2.ppf(0.95, len(reference) - 1) * (1 / n + 1 / m))


def js_distance(reference: Counts, current: Counts) -> float:
    """Jensen-Shannon distance: 0 for equal, 1 for disjoint (Lin 1991; base 2)."""
    a, b = reference / reference.sum(), current / current.sum()
    middle = (a + b) / 2
    total = 0.0
    for part in (a, b):
        there = part > 0
        total += float((part[there] * np.log2(part[there] / middle[there])).sum())
    return math.sqrt(min(1.0, max(0.0, total / 2)))


def ks(reference: NumberProfile, current: NumberProfile) -> tuple[float, float] | None:
    """The statistic of Kolmogorov and Smirnov over the cells, and its p value.

    Up to 1/1024 below that of the rows when values within a cell differ, so that p is
    rather too large. Missing values are left out; None without values.
    """
    n, m = sum(reference.counts), sum(current.counts)
    if not n or not m:
        return None
    steps = np.cumsum(reference.counts) / n - np.cumsum(current.counts) / m
    distance = float(np.abs(steps).max())
    return distance, float(kstwobign.sf(math.sqrt(n * m / (n + m)) * distance))


def chi_square(reference: Counts, current: Counts) -> float | None:
    """p value of the chi-square test that two samples share one distribution.

    Bins that expect fewer than five in either sample are joined (Cochran 1954). 1 when
    all rows of both are in one bin; None when too few rows are left to compare.
    """
    total = reference + current
    n, m = int(reference.sum()), int(current.sum())
    if not n or not m:
        return None
    if (total > 0).sum() == 1:
        return 1.0
    small = total * (min(n, m) / (n + m)) < 5
    a = np.append(reference[~small], reference[small].sum())
    b = np.append(current[~small], current[small].sum())
    there = (a + b) > 0
    a, b = a[there], b[there]
    if len(a) < 2 or (a + b).min() * min(n, m) / (n + m) < 1:
        return None
    share = (a + b) / (n + m)
    statistic = float((((a - n * share) ** 2) / (n * share)).sum())
    statistic += float((((b - m * share) ** 2) / (m * share)).sum())
    return float(chi2.sf(statistic, len(a) - 1))
