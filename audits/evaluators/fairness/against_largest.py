"""Which group differs: each beside the largest one, corrected for their number."""

from collections.abc import Callable, Sequence

from audits.evaluators import intervals
from audits.evaluators.base import Measurement
from audits.evaluators.estimates import Estimate
from audits.evaluators.fairness.groups import MANY, Grouping
from audits.evaluators.multiplicity import holm

PValue = Callable[[int, int], float | None]  # of two groups, by their places


def to_reference(
    name: str,
    grouping: Grouping,
    groups: Sequence[Estimate],
    p_value: PValue,
    *,
    test: str,
) -> list[Measurement]:
    """Each group's number minus the largest group's, and the Holm-adjusted p-value.

    Groups without a number are left out; nothing is said where only one has one, or
    very many do.
    """
    good = [place for place, one in enumerate(groups) if not one.because]
    if not 2 <= len(good) <= MANY:
        return []
    base = max(good, key=lambda place: (int(grouping.rows[place]), -place))
    raw = {place: p_value(place, base) for place in good if place != base}
    adjusted = holm(raw)
    listed = set(grouping.listed)
    method = f"{test}, Holm-adjusted over {len(adjusted)} groups"
    return [
        measurement
        for place in sorted(listed & raw.keys())
        for measurement in _pair(
            name,
            grouping.labels[place],
            groups[place],
            groups[base],
            adjusted.get(place),
            method,
        )
    ]


def _pair(
    name: str, label: str, one: Estimate, base: Estimate, p: float | None, method: str
) -> list[Measurement]:
    if one.value is None or base.value is None:
        raise ValueError(one.because or base.because)
    lower = upper = None
    if one.limits and base.limits:
        lower, upper = intervals.difference(
            one.value, one.limits, base.value, base.limits
        )
    n, of = one.n + base.n, f"the largest group ({base.group})"
    return [
        Measurement(
            f"{name}_to_reference",
            one.value - base.value,
            lower,
            upper,
            n=n,
            group=label,
            method=f"minus {of}; square-and-add of both intervals",
        ),
        Measurement(
            f"{name}_to_reference_p",
            p,
            n=n,
            group=label,
            method=f"{method}, against {of}",
            because="" if p is not None else "insufficient data: a group of one",
        ),
    ]
