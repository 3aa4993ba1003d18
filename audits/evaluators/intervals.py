"""Confidence intervals for rates, means, differences and ratios; all at 95 %."""

import math

Z = 1.959963984540054  # the 97.5 % point of the standard normal distribution
TINY = 1e-12
Interval = tuple[float, float]


def wilson(successes: float, trials: float) -> Interval:
    """Interval of a rate (Wilson 1927): right also for small groups and rates near 0.

    Measured coverage at n=10, rate 0.1: 0.93, against 0.65 of the percentile bootstrap
    (evidence.md 2.4). `trials` must be positive.
    """
    rate = successes / trials
    spread = Z * Z / trials
    centre = (rate + spread / 2) / (1 + spread)
    half = Z * math.sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    half /= 1 + spread
    # At 0 and n the bound is exact in theory and off by rounding in practice.
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == trials else min(1.0, centre + half)
    return lower, upper


def difference(a: float, a_limits: Interval, b: float, b_limits: Interval) -> Interval:
    """Interval of a - b from the limits of two independent numbers.

    Square-and-add (MOVER, Zou and Donner 2008). On Wilson limits this is Newcombe's
    method 10 (1998), on normal limits Welch's interval.
    """
    return (
        a - b - math.hypot(a - a_limits[0], b_limits[1] - b),
        a - b + math.hypot(a_limits[1] - a, b - b_limits[0]),
    )


def quotient(a: float, a_limits: Interval, b: float, b_limits: Interval) -> Interval:
    """Interval of a / b from the limits of two independent numbers, none negative.

    Donner and Zou 2012 (MOVER-R): unlike the log-ratio interval of Katz it exists
    when `a` is 0. `b` and its lower limit must be positive.
    """
    low_a, high_a = a_limits
    low_b, high_b = b_limits
    product = a * b
    divisor = high_b * (2 * b - high_b)
    falling = low_a * (2 * a - low_a)
    if abs(divisor) < TINY * b * b:  # the limit of the formula, 0 divided by 0
        lower = falling / (2 * product) if product else 0.0
    else:
        lower = product - math.sqrt(max(0.0, product**2 - falling * divisor))
        lower /= divisor
    divisor = low_b * (2 * b - low_b)
    rising = high_a * (2 * a - high_a)
    upper = product + math.sqrt(max(0.0, product**2 - rising * divisor))
    return max(0.0, lower), upper / divisor


def newcombe(a: float, a_trials: float, b: float, b_trials: float) -> Interval:
    """Interval of the difference a - b of two independent rates.

    Newcombe 1998, method 10: square-and-add of the Wilson limits.
    """
    return difference(
        a / a_trials, wilson(a, a_trials), b / b_trials, wilson(b, b_trials)
    )


def ratio(a: float, a_trials: float, b: float, b_trials: float) -> Interval:
    """Interval of the ratio a / b of two independent rates; `b` must be positive.

    Donner and Zou 2012 (MOVER-R) on the Wilson limits.
    """
    return quotient(
        a / a_trials, wilson(a, a_trials), b / b_trials, wilson(b, b_trials)
    )


def mean_interval(mean: float, deviation: float, count: int) -> Interval:
    """Interval of a mean by the central limit theorem; `count` must be positive."""
    half = Z * deviation / math.sqrt(count)
    return mean - half, mean + half
