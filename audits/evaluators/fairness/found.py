"""What has been measured so far, as measurements and as tables for pages and charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audits.evaluators.base import Measurement
from audits.evaluators.estimates import Estimate
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.homogeneity import Test
from audits.evaluators.multiplicity import holm

By = Mapping[str, Sequence[Estimate]]  # the estimates of all groups by name


@dataclass
class Found:
    """Collected while measuring; `tests` by feature and name of the p-value."""

    groupings: list[Grouping] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    tests: dict[tuple[str, str], Test] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        """Take over all that another measured."""
        self.measurements += other.measurements
        self.tables += other.tables
        self.tests |= other.tests

    def decided(self) -> list[Measurement]:
        """The p-values that decide, Holm-adjusted over all tests of the run."""
        adjusted = holm({key: test.p for key, test in self.tests.items()})
        return [
            Measurement(
                name,
                adjusted.get((feature, name)),
                group=feature,
                method=test.method
                and f"{test.method}, Holm-adjusted over {len(adjusted)} tests",
                because=test.because,
            )
            for (feature, name), test in self.tests.items()
        ]

    def p_values(self) -> dict[str, Any]:
        """The same before adjustment, as plain JSON."""
        return {
            f"{feature}: {name.removesuffix('_homogeneity_p')}": {
                "p": test.p,
                "method": test.method,
                "because": test.because,
            }
            for (feature, name), test in self.tests.items()
        }


def by_group(grouping: Grouping, numbers: By) -> list[Measurement]:
    """Every number of every group that is told one by one."""
    return [
        groups[place].measured(name, grouping.labels[place])
        for place in grouping.listed
        for name, groups in numbers.items()
    ]


def sizes(grouping: Grouping) -> list[Measurement]:
    """The rows of every group that is told one by one, and those without a group."""
    found = []
    for place in grouping.listed:
        rows = int(grouping.rows[place])
        found.append(Measurement("count", rows, n=rows, group=grouping.labels[place]))
    unknown = Measurement(
        "unknown_rows",
        float(grouping.unknown),
        n=int(grouping.rows.sum()) + grouping.unknown,
        group=grouping.name,
        method="rows without a group; left out of the comparison",
        unit="rows",
    )
    return [*found, unknown]


def table(grouping: Grouping, numbers: By) -> dict[str, Any]:
    """The numbers of a grouping as plain JSON."""
    rows = [
        {
            "group": grouping.words[place],
            "rows": int(grouping.rows[place]),
            "rates": {name: _plain(groups[place]) for name, groups in numbers.items()},
        }
        for place in grouping.listed
    ]
    return {
        "feature": grouping.name,
        "groups": rows,
        "unknown": grouping.unknown,
        "groups_in_all": len(grouping.keys),
    }


def _plain(one: Estimate) -> dict[str, Any]:
    pulled = {} if one.shrunken is None else {"shrunken": one.shrunken}
    return {
        **pulled,
        "value": one.value,
        "lower": one.lower,
        "upper": one.upper,
        "n": one.n,
        "because": one.because,
    }
