"""Local Law 144's public summary: the rule's numbers, in CSV, on the page."""

import csv
import io
import re
from dataclasses import replace

import pytest

from governance.dossier.exports import ll144
from governance.dossier.hiring import axis_of, summary_of
from governance.dossier.impact import tables_of
from tests.audits.fair import evaluate, words
from tests.governance.doors import schema
from tests.governance.dossier_content import content_of
from tests.governance.dossier_stage import HOSTILE

AUDIT = {
    "auditor": "Audit LLC",
    "audited_on": "2026-10-01",
    "data_source": "own",
    "exclusions_made": "false",
}
PUBLISHED = {"distribution_date": "2026-11-15"}


def applicants(rows):
    groups, chosen = [], []
    for name, row in rows.items():
        groups += [name] * row["applicants"]
        chosen += [1] * row["selected"] + [0] * (row["applicants"] - row["selected"])
    return chosen, words(*groups)


def tool(documents, audit=AUDIT, published=PUBLISHED, text="Hiring", **codes):
    """The content of a hiring tool with the tables of these reports."""
    found = content_of(text, **{"aedt": "yes", "aedt_output": "selection", **codes})
    impact = tuple(table for document in documents for table in tables_of(document))
    one = found.declarations[0]
    rows = (("bias_audit", audit), ("publication", published))
    return replace(
        found,
        evidence=(replace(found.evidence[0], impact=impact),),
        declarations=tuple(
            replace(one, kind=kind, values=tuple((n, t, t) for n, t in values.items()))
            for kind, values in rows
        ),
    )


def measured(feature, chosen, groups, **config):
    found = evaluate(None, chosen, {feature: groups}, **config)
    return {"summary": found.summary}


@pytest.fixture(scope="module")
def vectors():
    return schema("fixtures/ll144_vectors.json")


@pytest.fixture(scope="module")
def published(vectors):
    return tool(
        measured(feature, *applicants(vectors["selection"][feature]))
        for feature in ("sex", "race_ethnicity")
    )


def rows_of(said):
    return list(csv.DictReader(io.StringIO(ll144.table(said).decode(), newline="")))


def test_the_csv_has_the_numbers_of_the_rule(vectors, published):
    rows = {(row["table"], row["category"]): row for row in rows_of(published)}
    assert len(rows) == 9
    for axis, expected in vectors["selection"].items():
        for name, numbers in expected.items():
            row = rows[axis, name]
            assert int(row["applicants"]) == numbers["applicants"]
            assert int(row["selected_or_above_median"]) == numbers["selected"]
            assert round(float(row["rate"]), 6) == numbers["selection_rate"]
            assert round(float(row["impact_ratio"]), 6) == numbers["impact_ratio"]
            small = "yes" if numbers["may_exclude_lt_2pct"] else "no"
            assert row["below_2_percent"] == small


def test_the_page_prints_them_and_says_what_is_missing(vectors, published):
    page = ll144.page(published).decode()
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page)
    for expected in vectors["selection"].values():
        for numbers in expected.values():
            assert f"{numbers['selection_rate']:.3f}" in cells
            assert f"{numbers['impact_ratio']:.3f}" in cells
    for text in ("2026-10-01", "2026-11-15", "Audit LLC", "Sex", "Race and ethnicity"):
        assert text in page
    gaps = summary_of(published).gaps
    assert [gap.text for gap in gaps] == [
        "rates and impact ratios of sex with race and ethnicity"
    ]
    assert gaps[0].text in page


def test_the_page_loads_and_runs_nothing(published):
    page = ll144.page(published).decode()
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=", page)
    assert "default-src 'none'" in page


def test_excluded_categories_keep_number_and_rate_and_have_no_ratio(vectors):
    said = tool(
        [measured("race", *applicants(vectors["selection"]["race_ethnicity"]))],
        audit={**AUDIT, "exclusions_made": "true"},
    )
    rows = {row["category"]: row for row in rows_of(said)}
    small = rows.pop("Native American or Alaska Native")
    assert (small["applicants"], small["excluded"]) == ("41", "yes")
    assert small["impact_ratio"] == "n/a"
    assert round(float(small["rate"]), 6) == 0.439024
    assert all(row["impact_ratio"] != "n/a" for row in rows.values())
    texts = [gap.text for gap in summary_of(said).gaps]
    assert "why categories below 2 % were left out" in texts


def test_scores_count_who_is_above_the_median_and_unknowns_are_in_no_row(vectors):
    expected = vectors["scoring"]
    sexes, scores = zip(*expected["scores"], strict=True)
    known = words(*(None if sex == "U" else sex for sex in sexes))
    said = tool(
        [measured("Gender", scores, known, task="regression")], aedt_output="score"
    )
    summary = summary_of(said)
    assert summary.sample_median == expected["sample_median"]
    assert summary.people == len(scores)
    rows = {row["category"]: row for row in rows_of(said)}
    assert rows.keys() == expected["rates"].keys()
    for name, row in rows.items():
        assert float(row["rate"]) == expected["rates"][name]
        assert float(row["impact_ratio"]) == expected["impact_ratio"][name]
        assert row["unknown_in_table"] == "1"


def test_nobody_selected_gives_no_ratio_and_never_zero_or_one():
    said = tool([measured("sex", [0, 0, 0, 0], words("f", "f", "m", "m"))])
    assert [row["impact_ratio"] for row in rows_of(said)] == ["n/a", "n/a"]
    assert "Nobody was selected" in ll144.page(said).decode()


def test_hostile_categories_are_text_in_both():
    names = ("=1+1", HOSTILE, "<script>alert(1)</script>", "\u202eabc")
    said = tool([measured("sex", [1, 0, 1, 0], words(*names))], text=HOSTILE * 40)
    page = ll144.page(said).decode()
    assert "<script" not in page
    assert "<b>" not in page
    assert "\u202e" not in page
    categories = [row["category"] for row in rows_of(said)]
    assert len(categories) == 4
    assert not [name for name in categories if name[0] in "=+-@"]


def test_a_model_that_is_no_hiring_tool_has_no_summary():
    said = tool([], aedt="no")
    assert summary_of(said) is None
    assert (ll144.table(said), ll144.page(said)) == (None, None)


def test_without_any_report_the_page_says_what_is_missing_and_who_can_supply_it():
    said = tool([], audit={}, published={})
    assert [gap.text for gap in summary_of(said).gaps] == [
        "rates and impact ratios by sex",
        "rates and impact ratios by race and ethnicity",
        "rates and impact ratios of sex with race and ethnicity",
        "the date of the bias audit",
        "the source of the data",
        "the date of distribution",
    ]
    assert "No fairness report has these tables" in ll144.page(said).decode()


@pytest.mark.parametrize(
    ("features", "axis"),
    [
        (("Sex",), "sex"),
        (("gender",), "sex"),
        (("race/ethnicity",), "race_ethnicity"),
        (("race", "ethnicity"), "race_ethnicity"),
        (("sex", "Race_Ethnicity"), "intersectional"),
        (("age",), "other"),
        (("sex", "age"), "other"),
    ],
)
def test_the_tables_of_the_law_are_known_by_their_features(features, axis):
    assert axis_of(features) == axis


@pytest.mark.parametrize(
    ("label", "axis"),
    [
        ("Gender", "sex"),
        ("Geschlecht", "sex"),
        ("Race or ethnicity", "race_ethnicity"),
        ("Ethnische Zugehörigkeit", "race_ethnicity"),
        ("Same-sex household", "other"),
        ("", "other"),
    ],
)
def test_a_label_that_the_data_declare_names_a_column(label, axis):
    assert axis_of(("q12",), {"q12": ("", label)}) == axis
    assert axis_of(("q12",), {"other": ("Sex", "")}) == "other"


def test_a_column_that_is_called_two_things_is_in_no_table_of_the_law():
    assert axis_of(("race",), {"race": ("Sex", "")}) == "other"


def test_labels_count_for_the_data_that_were_measured_alone():
    said = tool([measured("q12", [1, 0, 0, 0, 1, 1, 0, 0], ["f"] * 4 + ["m"] * 4)])
    report, data = said.evidence[0], said.data[0]
    labelled = replace(data, labels=(("q12", "Sex", "Geschlecht"),))
    other = replace(labelled, sha256="f" * 64)
    assert data.sha256 == report.dataset_sha256
    axes = [
        [table.axis for table in summary_of(replace(said, data=(one,))).tables]
        for one in (labelled, other)
    ]
    assert axes == [["sex"], ["other"]]
