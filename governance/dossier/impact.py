"""The tables of New York City's Local Law 144 in a fairness report, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEASURES = ("selection", "scoring")


@dataclass(frozen=True)
class Category:
    """One category: how many people, how many of them selected, rate, impact ratios.

    For scores `selected` counts who is beyond the sample's median. The ratio without
    small ones leaves out the categories below 2 % of the sample, 6 RCNY 5-301(d).
    """

    category: str
    n: int
    selected: int
    rate: float
    share_of_sample: float
    below_2_percent: bool
    impact_ratio: float | None
    impact_ratio_without_small: float | None


@dataclass(frozen=True)
class ImpactTable:
    """Rates and impact ratios of one feature, or of two together."""

    measure: str
    features: tuple[str, ...]
    categories: tuple[Category, ...]
    categories_in_all: int
    applicants: int
    unknown: int
    because: str
    sample_median: float | None


def tables_of(document: Mapping[str, Any]) -> tuple[ImpactTable, ...]:
    """The tables of a report's document; of most reports, none."""
    law = (document.get("summary") or {}).get("local_law_144") or {}
    return tuple(
        ImpactTable(
            measure=measure,
            features=tuple(str(name) for name in table["features"]),
            categories=tuple(_category(row) for row in table["categories"]),
            categories_in_all=table["categories_in_all"],
            applicants=table["applicants"],
            unknown=table["unknown"],
            because=table["because"],
            sample_median=law.get("sample_median") if measure == "scoring" else None,
        )
        for measure in MEASURES
        for table in law.get(measure, ())
    )


def _category(row: Mapping[str, Any]) -> Category:
    return Category(
        category=str(row["category"]),
        n=row["n"],
        selected=row["selected"],
        rate=row["rate"],
        share_of_sample=row["share_of_sample"],
        below_2_percent=row["below_2_percent"],
        impact_ratio=row["impact_ratio"],
        impact_ratio_without_small=row["impact_ratio_without_small"],
    )
