"""Numbers of groups, and how far apart they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from audits.evaluators import intervals
from audits.evaluators.base import Measurement, not_estimable

WORST_PAIR = "largest minus smallest group; interval of that pair"
WORST_RATIO = "smallest by largest group; interval of that pair"


@dataclass(frozen=True)
class Estimate:
    """One number of one group with its interval, or why there is none."""

    group: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    because: str = ""
    method: str = ""
    hits: int = 0  # of `n`, where the number is a rate
    shrunken: float | None = None  # pulled to the rate of all, see `rates.shrunken`

    def measured(self, name: str, label: str) -> Measurement:
        """The same as a measurement."""
        if self.because:
            return not_estimable(name, group=label, n=self.n, why=self.because)
        return Measurement(
            name,
            self.value,
            self.lower,
            self.upper,
            n=self.n,
            group=label,
            method=self.method,
        )

    @property
    def limits(self) -> intervals.Interval | None:
        """Both ends of the interval, if there is one."""
        if self.lower is None or self.upper is None:
            return None
        return self.lower, self.upper


def usable(
    estimates: Sequence[Estimate], *, leave_out: bool
) -> tuple[list[Estimate], str]:
    """Answer the groups to compare, and why they cannot be compared.

    Fails closed: one group without a number and there is no comparison, unless small
    groups are to be left out.
    """
    good = [one for one in estimates if not one.because]
    if len(good) < len(estimates) and not leave_out:
        return good, next(one.because for one in estimates if one.because)
    if len(good) < 2:
        return good, "not estimable: fewer than two groups can be compared"
    return good, ""


def difference(
    name: str,
    estimates: Sequence[Estimate],
    *,
    feature: str,
    leave_out: bool,
    most: float | None = 1.0,
) -> Measurement:
    """Largest minus smallest (fairlearn's `between_groups`); `most` bounds it."""
    good, because = usable(estimates, leave_out=leave_out)
    n = sum(one.n for one in estimates)
    if because:
        return not_estimable(name, group=feature, n=n, why=because)
    high, low = _extremes(good)
    lower = upper = None
    if high.limits and low.limits:
        lower, upper = intervals.difference(
            _value(high), high.limits, _value(low), low.limits
        )
        lower, upper = max(0.0, lower), upper if most is None else min(most, upper)
    return Measurement(
        name,
        _value(high) - _value(low),
        lower,
        upper,
        n=n,
        group=feature,
        method=f"{WORST_PAIR} ({high.group} and {low.group})",
    )


def smallest_ratio(
    name: str, estimates: Sequence[Estimate], *, feature: str, leave_out: bool
) -> Measurement:
    """Smallest by largest (fairlearn's `between_groups`): 1 is equal."""
    good, because = usable(estimates, leave_out=leave_out)
    n = sum(one.n for one in estimates)
    if not because:
        high, low = _extremes(good)
        if _value(low) < 0:
            because = "not estimable: a ratio of negative numbers says nothing"
        elif _value(high) == 0:
            because = "not estimable: the rate is 0 in every group"
    if because:
        return not_estimable(name, group=feature, n=n, why=because)
    lower = upper = None
    if low.limits and high.limits and low.limits[0] >= 0 and high.limits[0] > 0:
        lower, upper = intervals.quotient(
            _value(low), low.limits, _value(high), high.limits
        )
        upper = min(1.0, upper)
    return Measurement(
        name,
        _value(low) / _value(high),
        lower,
        upper,
        n=n,
        group=feature,
        method=f"{WORST_RATIO} ({low.group} and {high.group})",
    )


def _extremes(good: Sequence[Estimate]) -> tuple[Estimate, Estimate]:
    ordered = sorted(good, key=_value)
    return ordered[-1], ordered[0]


def _value(one: Estimate) -> float:
    if one.value is None:
        raise ValueError(one.because)
    return one.value


def gap(
    name: str,
    estimates: Sequence[Estimate],
    found: Estimate,
    *,
    feature: str,
    leave_out: bool,
) -> Measurement:
    """A gap that was resampled with its groups, unless they cannot be compared."""
    _, because = usable(estimates, leave_out=leave_out)
    if because:
        return not_estimable(name, group=feature, n=found.n, why=because)
    return found.measured(name, feature)
