"""What Local Law 144 asks to publish about a tool, from the content of a dossier.

6 RCNY 5-303: date and summary of the most recent bias audit with the source of the
data, the number of unknowns and of applicants, rates and impact ratios of all
categories, and the date of distribution. The law knows no pass mark.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.dossier.content import Content, Evidence
from governance.dossier.impact import Category, ImpactTable
from governance.dossier.reading import (
    answers,
    declared,
    in_words,
    record,
    words,
)

# Names and labels of columns, as `_plain` writes them.
SEX = frozenset({"sex", "gender", "geschlecht"})
RACE = frozenset(
    {
        "race",
        "ethnicity",
        "raceethnicity",
        "raceandethnicity",
        "raceorethnicity",
        "ethnicgroup",
        "ethnicorigin",
        "ethnie",
        "raceethnie",
        "ethnischeherkunft",
        "ethnischezugehorigkeit",
        "ethnischezugehoerigkeit",
    }
)


@dataclass(frozen=True)
class Line:
    """A category as published; `impact_ratio` is None where there is none to state."""

    category: Category
    excluded: bool
    impact_ratio: float | None


@dataclass(frozen=True)
class PublicTable:
    """A table; `axis` is sex, race_ethnicity, intersectional, or other."""

    axis: str
    title: str
    table: ImpactTable
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Gap:
    """What the law asks for and nobody has recorded, and who can."""

    text: str
    who: str


@dataclass(frozen=True)
class Summary:
    """The public summary; `gaps` says what is missing for it to be complete."""

    tool: str
    version: str
    version_sha256: str
    purpose: str
    audited_on: str
    auditor: str
    distributed_on: str
    source: str
    test_data_explanation: str
    data: str
    data_sha256: str
    people: int | None
    exclusions_made: bool
    exclusions_justification: str
    sample_median: float | None
    tables: tuple[PublicTable, ...]
    gaps: tuple[Gap, ...]


def summary_of(said: Content) -> Summary | None:
    """The summary; None where the record does not say that it is such a tool."""
    if record(said)["aedt"].code != "yes":
        return None
    audit = declared(said, "bias_audit")
    stated = answers(audit)
    report = next((item for item in said.evidence if item.impact), None)
    excluding = stated.get("exclusions_made") == "true"
    tables = _tables(said, report, excluding=excluding)
    medians = [item.table.sample_median for item in tables]
    return Summary(
        tool=said.inventory.name,
        version=said.version.version,
        version_sha256=said.version.sha256,
        purpose="\n".join(words(said, "purpose")),
        audited_on=stated.get("audited_on", ""),
        auditor=stated.get("auditor", ""),
        distributed_on=_distributed(said),
        source=in_words(audit).get("data_source", ""),
        test_data_explanation=stated.get("test_data_explanation", ""),
        data=report.dataset if report else "",
        data_sha256=report.dataset_sha256 if report else "",
        people=max(
            (t.table.applicants + t.table.unknown for t in tables), default=None
        ),
        exclusions_made=excluding,
        exclusions_justification=stated.get("exclusions_justification", ""),
        sample_median=next((m for m in medians if m is not None), None),
        tables=tables,
        gaps=_gaps(said, stated, tables),
    )


def axis_of(
    features: tuple[str, ...], labels: Mapping[str, tuple[str, ...]] | None = None
) -> str:
    """Which of the law's tables the features make; "other" for none of them.

    A feature is known by its name, or by a label that the data set declares for it.
    """
    told = [
        {_plain(word) for word in (name, *(labels or {}).get(name, ()))}
        for name in features
    ]
    by_sex = sum(bool(words & SEX) for words in told)
    by_race = sum(bool(words & RACE) for words in told)
    if len(told) == by_sex + by_race:
        if by_sex and by_race:
            return "intersectional"
        if by_sex == 1:
            return "sex"
        if by_race:
            return "race_ethnicity"
    return "other"


def _plain(name: str) -> str:
    """Its letters alone, without marks: "Ethnische Zugehörigkeit" has an o."""
    apart = unicodedata.normalize("NFKD", name.lower())
    return re.sub(r"[^a-z]", "", apart)


def _labels(said: Content, report: Evidence | None) -> dict[str, tuple[str, ...]]:
    """What the data that were measured declare their columns to be called."""
    return {
        name: (english, german)
        for data in said.data
        if report and data.sha256 == report.dataset_sha256
        for name, english, german in data.labels
    }


def _tables(
    said: Content, report: Evidence | None, *, excluding: bool
) -> tuple[PublicTable, ...]:
    gives = {"selection": "selection", "score": "scoring"}.get(
        record(said)["aedt_output"].code
    )
    titles = {
        "sex": _("Sex"),
        "race_ethnicity": _("Race and ethnicity"),
        "intersectional": _("Sex with race and ethnicity"),
    }
    labels = _labels(said, report)
    found = [
        PublicTable(
            axis,
            titles.get(axis) or ", ".join(table.features),
            table,
            tuple(_line(row, excluding=excluding) for row in table.categories),
        )
        for table in (report.impact if report else ())
        if gives in (None, table.measure)
        for axis in (axis_of(table.features, labels),)
    ]
    order = ("sex", "race_ethnicity", "intersectional", "other")
    return tuple(sorted(found, key=lambda item: order.index(item.axis)))


def _line(row: Category, *, excluding: bool) -> Line:
    if excluding and row.below_2_percent:
        return Line(row, True, None)
    ratio = row.impact_ratio_without_small if excluding else row.impact_ratio
    return Line(row, False, ratio)


def _distributed(said: Content) -> str:
    published = answers(declared(said, "publication"))
    noticed = answers(declared(said, "notice"))
    return published.get("distribution_date") or noticed.get("first_use_on", "")


def _gaps(
    said: Content, stated: dict[str, str], tables: tuple[PublicTable, ...]
) -> tuple[Gap, ...]:
    known = {item.axis for item in tables}
    runs = _("a developer or validator, with a fairness run on data with these columns")
    signs = _("compliance, a validator or a risk manager, who declares the bias audit")
    uses = _("compliance, the owner or an operator, who declares the publication")
    asked = (
        ("sex" in known, _("rates and impact ratios by sex"), runs),
        (
            "race_ethnicity" in known,
            _("rates and impact ratios by race and ethnicity"),
            runs,
        ),
        (
            "intersectional" in known,
            _("rates and impact ratios of sex with race and ethnicity"),
            runs,
        ),
        ("audited_on" in stated, _("the date of the bias audit"), signs),
        ("data_source" in stated, _("the source of the data"), signs),
        (
            stated.get("data_source") != "test" or "test_data_explanation" in stated,
            _("why test data were used, and how they were made"),
            signs,
        ),
        (
            stated.get("exclusions_made") != "true"
            or "exclusions_justification" in stated,
            _("why categories below 2 % were left out"),
            signs,
        ),
        (bool(_distributed(said)), _("the date of distribution"), uses),
    )
    return tuple(Gap(text, who) for there, text, who in asked if not there)
