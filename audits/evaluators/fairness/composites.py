"""Comparisons that no formula gives an interval for: to the overall rate, and odds.

The values are fairlearn's (`method="to_overall"`, `equalized_odds_difference`), the
intervals percentile intervals of resampled cells, as fairlearn's are of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import Measurement, not_estimable
from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.estimates import Estimate, usable
from audits.evaluators.fairness.rates import Floats, Rate
from audits.evaluators.intervals import Interval

ODDS = ("true_positive_rate", "false_positive_rate")


@dataclass(frozen=True)
class Spread:
    """One comparison of one rate, or of several of which the worst counts."""

    name: str
    rates: tuple[str, ...]
    ratio: bool
    overall: bool  # to the overall rate, or between groups

    @property
    def method(self) -> str:
        """What is compared, in words."""
        what = "ratio" if self.ratio else "difference"
        to = "to the overall rate" if self.overall else "between two groups"
        worst = "smallest" if self.ratio else "largest"
        of = f" of {' and '.join(self.rates)}" if len(self.rates) > 1 else ""
        return f"{worst} {what} {to}{of}"


def spreads(differences: Mapping[str, str], ratios: Mapping[str, str]) -> list[Spread]:
    """All comparisons to overall, and equalized odds where both rates are known."""
    found = [
        Spread(f"{name}_to_overall", (rate,), ratio, overall=True)
        for names, ratio in ((differences, False), (ratios, True))
        for name, rate in names.items()
    ]
    if set(ODDS) <= set(differences.values()):
        found += [
            Spread("equalized_odds_difference", ODDS, ratio=False, overall=False),
            Spread("equalized_odds_ratio", ODDS, ratio=True, overall=False),
            Spread(
                "equalized_odds_difference_to_overall", ODDS, ratio=False, overall=True
            ),
            Spread("equalized_odds_ratio_to_overall", ODDS, ratio=True, overall=True),
        ]
    return found


def compared(
    asked: Sequence[Spread],
    rates: Mapping[str, Rate],
    counts: Counts,
    estimates: Mapping[str, list[Estimate]],
    *,
    feature: str,
    leave_out: bool,
    rounds: int,
    seed: int,
) -> list[Measurement]:
    """Measure comparisons; `estimates` say which groups of a rate may be compared."""
    kept = {
        rate: np.array([not one.because for one in groups], dtype=bool)
        for rate, groups in estimates.items()
    }
    statistics = partial(_statistics, asked=asked, rates=rates, kept=kept)
    values = statistics(counts[None])[0].tolist()
    reasons = [
        _because(spread, estimates, value, leave_out=leave_out)
        for spread, value in zip(asked, values, strict=True)
    ]
    rounds = bootstrap.rounds_for(counts.size, rounds)
    intervals: list[Interval | None] = [None] * len(asked)
    if not all(reasons):
        drawn = bootstrap.replicates(counts, statistics, rounds=rounds, seed=seed)
        intervals = bootstrap.limits(drawn)
    method = f"multinomial bootstrap of cells, {rounds} rounds, seed {seed}"
    n = int(counts.sum())
    found = []
    for spread, value, interval, because in zip(
        asked, values, intervals, reasons, strict=True
    ):
        if because:
            found.append(not_estimable(spread.name, group=feature, n=n, why=because))
            continue
        one = bootstrap.stretched(
            feature, value, interval, n, f"{spread.method}; {method}"
        )
        found.append(one.measured(spread.name, feature))
    return found


def _because(
    spread: Spread,
    estimates: Mapping[str, list[Estimate]],
    value: float,
    *,
    leave_out: bool,
) -> str:
    for rate in spread.rates:
        _, because = usable(estimates[rate], leave_out=leave_out)
        if because:
            return because
    return "" if np.isfinite(value) else "not estimable: the rate is 0 in every group"


def _statistics(
    counts: Counts,
    *,
    asked: Sequence[Spread],
    rates: Mapping[str, Rate],
    kept: Mapping[str, NDArray[np.bool_]],
) -> Floats:
    """Every comparison for every resample; NaN where a group has no rate."""
    needed = {rate for spread in asked for rate in spread.rates}
    groups = {rate: rates[rate].values(counts[:, kept[rate]]) for rate in needed}
    whole = counts.sum(axis=1)
    overall = {rate: rates[rate].values(whole)[:, None] for rate in needed}
    columns = []
    for spread in asked:
        each = [
            _spread(groups[rate], overall[rate] if spread.overall else None, spread)
            for rate in spread.rates
        ]
        worst = np.min if spread.ratio else np.max
        columns.append(worst(each, axis=0))
    return np.stack(columns, axis=1)


def _spread(values: Floats, overall: Floats | None, spread: Spread) -> Floats:
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        if overall is None:
            low, high = values.min(axis=1), values.max(axis=1)
            return low / high if spread.ratio else high - low
        if not spread.ratio:
            return np.abs(values - overall).max(axis=1)
        by = values / overall
        return np.where(by > 1, 1 / by, by).min(axis=1)
