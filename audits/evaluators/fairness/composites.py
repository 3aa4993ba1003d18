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
from audits.evaluators.estimates import Estimate, usable
from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.found import By
from audits.evaluators.fairness.groups import MANY, Grouping
from audits.evaluators.fairness.options import Options
from audits.evaluators.intervals import Interval
from audits.evaluators.rates import Floats, Rate, differences, ratios

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

    def estimate(
        self, value: float, interval: Interval | None, n: int, method: str
    ) -> Estimate:
        """The comparison with its interval."""
        words = f"{self.method}; {method}"
        return bootstrap.stretched(self.name, value, interval, n, words)


def spreads(rates: Mapping[str, Rate]) -> list[Spread]:
    """All comparisons to overall, and equalized odds where both rates are known."""
    found = [
        Spread(f"{name}_to_overall", (rate,), ratio, overall=True)
        for names, ratio in ((differences(rates), False), (ratios(rates), True))
        for name, rate in names.items()
    ]
    if set(ODDS) <= rates.keys():
        found += [
            Spread(f"equalized_odds_{kind}{suffix}", ODDS, kind == "ratio", overall)
            for suffix, overall in (("", False), ("_to_overall", True))
            for kind in ("difference", "ratio")
        ]
    return found


def compared(
    grouping: Grouping,
    counts: Counts,
    rates: Mapping[str, Rate],
    numbers: By,
    options: Options,
) -> list[Measurement]:
    """Measure comparisons; `numbers` say which groups of a rate may be compared."""
    asked = spreads(rates)
    kept = {
        rate: np.array([not one.because for one in groups], dtype=bool)
        for rate, groups in numbers.items()
    }
    statistics = partial(_statistics, asked=asked, rates=rates, kept=kept)
    values = statistics(counts[None])[0].tolist()
    reasons = [
        _because(spread, numbers, value, leave_out=options.leave_out)
        for spread, value in zip(asked, values, strict=True)
    ]
    intervals: list[Interval | None] = [None] * len(asked)
    rounds, method = bootstrap.rounds_for(counts.size, options.rounds), "not resampled"
    if not all(reasons) and len(counts) <= MANY:
        drawn = bootstrap.replicates(
            counts, statistics, rounds=rounds, seed=options.seed
        )
        intervals = bootstrap.limits(drawn)
        method = bootstrap.named(rounds, options.seed)
    n, feature = int(counts.sum()), grouping.name
    return [
        not_estimable(spread.name, group=feature, n=n, why=because)
        if because
        else spread.estimate(value, interval, n, method).measured(spread.name, feature)
        for spread, value, interval, because in zip(
            asked, values, intervals, reasons, strict=True
        )
    ]


def _because(
    spread: Spread,
    numbers: By,
    value: float,
    *,
    leave_out: bool,
) -> str:
    for rate in spread.rates:
        _, because = usable(numbers[rate], leave_out=leave_out)
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
