"""Differences and ratios between groups, and the test whether groups differ at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

from audits.evaluators.base import Measurement, not_estimable
from audits.evaluators.group_counts import RATES, Cells
from audits.evaluators.intervals import newcombe, ratio

WORST_PAIR = "largest minus smallest group; Newcombe interval of that pair"
WORST_RATIO = "smallest by largest group; MOVER-R interval of that pair"


@dataclass(frozen=True)
class Share:
    """A rate of one group as counts, or why it cannot be estimated."""

    group: str
    hits: int
    trials: int
    because: str = ""

    @property
    def value(self) -> float:
        """The rate; only where `because` is empty."""
        return self.hits / self.trials


def shares_of(rate: str, cells: Mapping[str, Cells], *, smallest: int) -> list[Share]:
    """Answer a rate of every group. A rate that rests on too few rows has a reason."""
    found = []
    for group, counts in cells.items():
        trials = RATES[rate].trials(counts)
        because = ""
        if counts.rows < smallest:
            because = (
                f"insufficient data: {counts.rows} rows in group {group}, at least "
                f"{smallest} needed"
            )
        elif trials == 0:
            because = f"not estimable: group {group} has no {RATES[rate].of}"
        elif trials < smallest:
            because = (
                f"insufficient data: {trials} {RATES[rate].of} in group {group}, at "
                f"least {smallest} needed"
            )
        found.append(Share(group, RATES[rate].hits(counts), trials, because))
    return found


def usable(shares: Sequence[Share], *, leave_out: bool) -> tuple[list[Share], str]:
    """Answer the shares to compare, and why they cannot be compared.

    Fails closed: one group without a rate and there is no comparison, unless small
    groups are to be left out.
    """
    good = [share for share in shares if not share.because]
    if len(good) < len(shares) and not leave_out:
        return good, next(share.because for share in shares if share.because)
    if len(good) < 2:
        return good, "not estimable: fewer than two groups can be compared"
    return good, ""


def difference(
    name: str, shares: Sequence[Share], *, feature: str, leave_out: bool
) -> Measurement:
    """Largest minus smallest rate (fairlearn's `between_groups`)."""
    good, because = usable(shares, leave_out=leave_out)
    n = sum(share.trials for share in shares)
    if because:
        return not_estimable(name, group=feature, n=n, why=because)
    high, low = _extremes(good)
    lower, upper = newcombe(high.hits, high.trials, low.hits, low.trials)
    return Measurement(
        name,
        high.value - low.value,
        max(0.0, lower),
        min(1.0, upper),
        n=n,
        group=feature,
        method=f"{WORST_PAIR} ({high.group} and {low.group})",
    )


def smallest_ratio(
    name: str, shares: Sequence[Share], *, feature: str, leave_out: bool
) -> Measurement:
    """Smallest by largest rate (fairlearn's `between_groups`): 1 is equal."""
    good, because = usable(shares, leave_out=leave_out)
    n = sum(share.trials for share in shares)
    if not because and all(share.hits == 0 for share in good):
        because = "not estimable: the rate is 0 in every group"
    if because:
        return not_estimable(name, group=feature, n=n, why=because)
    high, low = _extremes(good)
    lower, upper = ratio(low.hits, low.trials, high.hits, high.trials)
    return Measurement(
        name,
        low.value / high.value,
        lower,
        min(1.0, upper),
        n=n,
        group=feature,
        method=f"{WORST_RATIO} ({low.group} and {high.group})",
    )


def larger(name: str, one: Measurement, other: Measurement) -> Measurement:
    """Answer the larger of two differences; none if one cannot be estimated."""
    for part in (one, other):
        if part.value is None:
            return not_estimable(name, group=part.group, n=part.n, why=part.because)
    worst = max(one, other, key=lambda part: part.value or 0.0)
    return Measurement(
        name,
        worst.value,
        worst.lower,
        worst.upper,
        n=one.n + other.n,
        group=one.group,
        method=f"the larger of two, here {worst.name}: {worst.method}",
    )


def homogeneity(
    shares: Sequence[Share], *, leave_out: bool
) -> tuple[float | None, str]:
    """Answer the p-value of Pearson's chi-square test that all groups share a rate.

    Cochran's rule decides whether the test holds: no expected count below 1, at most
    one in five below 5. Answers (None, reason) where it does not.
    """
    good, because = usable(shares, leave_out=leave_out)
    if because:
        return None, because
    table = np.array([[share.hits, share.trials - share.hits] for share in good])
    if (table.sum(axis=0) == 0).any():
        return 1.0, ""  # all or nobody everywhere: no difference at all
    found = chi2_contingency(table, correction=False)
    expected = np.asarray(found.expected_freq)
    if expected.min() < 1 or (expected < 5).mean() > 0.2:
        return None, "insufficient data: expected counts too small for the test"
    return float(found.pvalue), ""


def holm(values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values for having looked several times (Holm 1979)."""
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, (name, value) in enumerate(sorted(values.items(), key=lambda i: i[1])):
        running = max(running, min(1.0, (len(values) - rank) * value))
        adjusted[name] = running
    return adjusted


def _extremes(shares: Sequence[Share]) -> tuple[Share, Share]:
    ordered = sorted(shares, key=lambda share: share.value)
    return ordered[-1], ordered[0]
