"""One grouping measured: every rate of every group, how far apart, and the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audits.evaluators.base import Measurement
from audits.evaluators.fairness import composites, homogeneity
from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.estimates import (
    Estimate,
    difference,
    smallest_ratio,
)
from audits.evaluators.fairness.groups import Grouping, fitted
from audits.evaluators.fairness.homogeneity import Test
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.rates import Rate, estimates
from audits.evaluators.intervals import newcombe

# What a rate's comparisons have always been called; the others take the rate's name.
_KNOWN_AS = {
    "selection_rate": "demographic_parity",
    "true_positive_rate": "equal_opportunity",
}
TESTED = (
    "selection_rate",
    "scoring_rate",
    "false_negative_rate",
    "false_positive_rate",
)


@dataclass
class Found:
    """What has been measured so far; `tests` by feature and name of the p-value."""

    measurements: list[Measurement] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    tests: dict[tuple[str, str], Test] = field(default_factory=dict)

    def add(self, other: "Found") -> None:
        """Take over all of another."""
        self.measurements += other.measurements
        self.tables += other.tables
        self.tests |= other.tests


def differences(rates: Mapping[str, Rate]) -> dict[str, str]:
    """The difference of each rate by its name; a complement's would be the same."""
    names = (name for name in rates if name != "true_negative_rate")
    return {f"{_KNOWN_AS.get(name, name)}_difference": name for name in names}


def ratios(rates: Mapping[str, Rate]) -> dict[str, str]:
    """The ratio of each rate by its name."""
    return {f"{_KNOWN_AS.get(name, name)}_ratio": name for name in rates}


def compare(
    grouping: Grouping,
    counts: Counts,
    rates: Mapping[str, Rate],
    options: Options,
    *,
    of: str = "",
) -> Found:
    """Measure all rates of a grouping from its counts by outcome.

    `of` is added to the names of groups, for example the class of one against rest.
    """
    feature = fitted(grouping.name + of)
    by_rate = {
        name: estimates(rate, counts, grouping.words, smallest=options.smallest)
        for name, rate in rates.items()
    }
    leave_out = options.leave_out
    found = Found(by_group(grouping, by_rate, of=of))
    found.measurements += [
        difference(name, by_rate[rate], feature=feature, leave_out=leave_out)
        for name, rate in differences(rates).items()
    ]
    found.measurements += [
        smallest_ratio(name, by_rate[rate], feature=feature, leave_out=leave_out)
        for name, rate in ratios(rates).items()
    ]
    found.measurements += composites.compared(
        composites.spreads(differences(rates), ratios(rates)),
        rates,
        counts,
        by_rate,
        feature=feature,
        leave_out=leave_out,
        rounds=options.rounds,
        seed=options.seed,
    )
    for name in TESTED:
        if name in rates:
            found.tests[feature, f"{name}_homogeneity_p"] = homogeneity.same_rate(
                by_rate[name], leave_out=leave_out, seed=options.seed
            )
            found.measurements += _to_reference(grouping, by_rate[name], name, of=of)
    found.tables.append(table(grouping, by_rate, feature=feature))
    return found


def by_group(
    grouping: Grouping, by_rate: Mapping[str, Sequence[Estimate]], *, of: str = ""
) -> list[Measurement]:
    """Every number of every group that is told one by one."""
    found = []
    for place in grouping.listed:
        label = fitted(grouping.labels[place] + of)
        rows = int(grouping.rows[place])
        found.append(Measurement("count", rows, n=rows, group=label))
        found += [
            groups[place].measured(name, label) for name, groups in by_rate.items()
        ]
    return found


def unknown(grouping: Grouping) -> Measurement:
    """Rows without a group, which are left out."""
    return Measurement(
        "unknown_rows",
        float(grouping.unknown),
        n=int(grouping.rows.sum()) + grouping.unknown,
        group=grouping.name,
        method="rows without a group; left out of the comparison",
        unit="rows",
    )


def table(
    grouping: Grouping,
    by_rate: Mapping[str, Sequence[Estimate]],
    *,
    feature: str,
) -> dict[str, Any]:
    """The same numbers as plain JSON for pages and charts."""
    rows = [
        {
            "group": grouping.words[place],
            "rows": int(grouping.rows[place]),
            "rates": {
                name: {
                    "value": groups[place].value,
                    "lower": groups[place].lower,
                    "upper": groups[place].upper,
                    "n": groups[place].n,
                    "because": groups[place].because,
                }
                for name, groups in by_rate.items()
            },
        }
        for place in grouping.listed
    ]
    return {
        "feature": feature,
        "groups": rows,
        "unknown": grouping.unknown,
        "groups_in_all": len(grouping.keys),
    }


def _to_reference(
    grouping: Grouping, groups: Sequence[Estimate], rate: str, *, of: str
) -> list[Measurement]:
    """Which group differs: each against the largest, Holm-adjusted over the groups."""
    good = [place for place, one in enumerate(groups) if not one.because]
    if len(good) < 2:
        return []
    base = max(good, key=lambda place: (int(grouping.rows[place]), -place))
    reference = groups[base]
    others = [place for place in good if place != base]
    raw = {
        place: homogeneity.two_rates(
            groups[place].hits, groups[place].n, reference.hits, reference.n
        )
        for place in others
    }
    adjusted = homogeneity.holm(raw)
    told = set(grouping.listed)
    found = []
    for place in (place for place in others if place in told):
        one, label = groups[place], fitted(grouping.labels[place] + of)
        lower, upper = newcombe(one.hits, one.n, reference.hits, reference.n)
        found.append(
            Measurement(
                f"{rate}_to_reference",
                one.hits / one.n - reference.hits / reference.n,
                lower,
                upper,
                n=one.n + reference.n,
                group=label,
                method=f"minus the largest group ({reference.group}); Newcombe",
            )
        )
        found.append(
            Measurement(
                f"{rate}_to_reference_p",
                adjusted[place],
                n=one.n + reference.n,
                group=label,
                method=f"chi-square or Fisher's exact test against the largest group "
                f"({reference.group}), Holm-adjusted over {len(raw)} groups",
            )
        )
    return found


def rates_equal(found: Mapping[tuple[str, str], Test]) -> list[Measurement]:
    """The tests that decide, Holm-adjusted over all of the run."""
    adjusted = homogeneity.holm(
        {key: test.p for key, test in found.items() if test.p is not None}
    )
    measurements = []
    for (feature, name), test in found.items():
        p = adjusted.get((feature, name))
        measurements.append(
            Measurement(
                name,
                p,
                group=feature,
                method=test.method
                and f"{test.method}, Holm-adjusted over {len(adjusted)} tests",
                because=test.because,
            )
        )
    return measurements
