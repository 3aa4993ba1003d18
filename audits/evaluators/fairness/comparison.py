"""One grouping measured: every rate of every group, how far apart, and the tests."""

from collections.abc import Mapping, Sequence

from audits.evaluators.base import Measurement
from audits.evaluators.fairness import composites, homogeneity
from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.estimates import (
    Estimate,
    difference,
    smallest_ratio,
)
from audits.evaluators.fairness.found import By, Found, by_group, table
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.rates import Rate, estimates
from audits.evaluators.intervals import newcombe

TESTED = (
    "selection_rate",
    "scoring_rate",
    "false_negative_rate",
    "false_positive_rate",
)


def compare(
    grouping: Grouping, counts: Counts, rates: Mapping[str, Rate], options: Options
) -> Found:
    """Measure all rates of a grouping from its counts by outcome."""
    numbers = {
        name: estimates(rate, counts, grouping.words, smallest=options.smallest)
        for name, rate in rates.items()
    }
    found = Found(
        measurements=[
            *by_group(grouping, numbers),
            *_apart(grouping, numbers, rates, options),
            *composites.compared(grouping, counts, rates, numbers, options),
        ],
        tables=[table(grouping, numbers)],
    )
    for name in (name for name in TESTED if name in rates):
        groups = numbers[name]
        found.tests[grouping.name, f"{name}_homogeneity_p"] = homogeneity.same_rate(
            groups, leave_out=options.leave_out, seed=options.seed
        )
        found.measurements += _to_reference(grouping, groups, name)
    return found


def _apart(
    grouping: Grouping, numbers: By, rates: Mapping[str, Rate], options: Options
) -> list[Measurement]:
    """The worst pair of each rate."""
    feature, leave_out = grouping.name, options.leave_out
    return [
        measure(name, numbers[rate], feature=feature, leave_out=leave_out)
        for measure, names in (
            (difference, composites.differences(rates)),
            (smallest_ratio, composites.ratios(rates)),
        )
        for name, rate in names.items()
    ]


def _to_reference(
    grouping: Grouping, groups: Sequence[Estimate], rate: str
) -> list[Measurement]:
    """Which group differs: each against the largest, Holm-adjusted over the groups."""
    good = [place for place, one in enumerate(groups) if not one.because]
    if len(good) < 2:
        return []
    base = max(good, key=lambda place: (int(grouping.rows[place]), -place))
    p_values = homogeneity.holm(
        {
            place: homogeneity.two_rates(
                groups[place].hits, groups[place].n, groups[base].hits, groups[base].n
            )
            for place in good
            if place != base
        }
    )
    listed = set(grouping.listed)
    return [
        measurement
        for place, p in sorted(p_values.items())
        if place in listed
        for measurement in _pair(
            rate, grouping.labels[place], groups[place], groups[base], p, len(p_values)
        )
    ]


def _pair(
    rate: str, label: str, one: Estimate, base: Estimate, p: float, tests: int
) -> list[Measurement]:
    n = one.n + base.n
    lower, upper = newcombe(one.hits, one.n, base.hits, base.n)
    gap = one.hits / one.n - base.hits / base.n
    return [
        Measurement(
            f"{rate}_to_reference",
            gap,
            lower,
            upper,
            n=n,
            group=label,
            method=f"minus the largest group ({base.group}); Newcombe interval",
        ),
        Measurement(
            f"{rate}_to_reference_p",
            p,
            n=n,
            group=label,
            method=f"chi-square or Fisher's exact test, Holm-adjusted over {tests} "
            f"groups, against the largest group ({base.group})",
        ),
    ]
