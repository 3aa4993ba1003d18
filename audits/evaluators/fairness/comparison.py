"""One grouping measured: every rate of every group, how far apart, and the tests."""

from collections.abc import Mapping, Sequence

from audits.evaluators.base import Measurement
from audits.evaluators.estimates import (
    Estimate,
    difference,
    smallest_ratio,
)
from audits.evaluators.fairness import composites, homogeneity
from audits.evaluators.fairness.against_largest import PValue, to_reference
from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.found import By, Found, by_group, table
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.options import Options
from audits.evaluators.rates import Rate, differences, estimates, ratios

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
        found.measurements += to_reference(
            name,
            grouping,
            groups,
            _rates_differ(groups),
            test="chi-square or Fisher's exact test",
        )
    return found


def _apart(
    grouping: Grouping, numbers: By, rates: Mapping[str, Rate], options: Options
) -> list[Measurement]:
    """The worst pair of each rate."""
    feature, leave_out = grouping.name, options.leave_out
    return [
        measure(name, numbers[rate], feature=feature, leave_out=leave_out)
        for measure, names in (
            (difference, differences(rates)),
            (smallest_ratio, ratios(rates)),
        )
        for name, rate in names.items()
    ]


def _rates_differ(groups: Sequence[Estimate]) -> PValue:
    def p_value(one: int, other: int) -> float | None:
        a, b = groups[one], groups[other]
        return homogeneity.two_rates(a.hits, a.n, b.hits, b.n)

    return p_value
