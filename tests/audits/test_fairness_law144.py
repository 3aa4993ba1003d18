"""Local Law 144: the tables of a bias audit, exactly."""

import json

import numpy as np
import pytest

from tests.audits import zoo
from tests.audits.fair import evaluate, words


@pytest.fixture(scope="module")
def vectors():
    path = zoo.SHARED / "schemas" / "fixtures" / "ll144_vectors.json"
    if not path.exists():
        pytest.skip("../shared is absent")
    return json.loads(path.read_text("utf-8"))


def selection(found, *features):
    tables = found.summary["local_law_144"]["selection"]
    return next(t for t in tables if t["features"] == list(features))


def scoring(found, *features):
    tables = found.summary["local_law_144"]["scoring"]
    return next(t for t in tables if t["features"] == list(features))


def by_category(table):
    return {one["category"]: one for one in table["categories"]}


def applicants(table):
    """Rows from counts of applicants and selected."""
    groups, chosen = [], []
    for name, row in table.items():
        groups += [name] * row["applicants"]
        chosen += [1] * row["selected"]
        chosen += [0] * (row["applicants"] - row["selected"])
    return chosen, words(*groups)


@pytest.mark.parametrize("feature", ["sex", "race_ethnicity"])
def test_selection_rates_are_those_of_the_rule(vectors, feature):
    expected = vectors["selection"][feature]
    chosen, groups = applicants(expected)
    found = evaluate(None, chosen, {feature: groups})
    table = by_category(selection(found, feature))
    assert table.keys() == expected.keys()
    for name, row in expected.items():
        ours = table[name]
        assert ours["n"] == row["applicants"]
        assert ours["selected"] == row["selected"]
        assert round(ours["rate"], 6) == row["selection_rate"]
        assert round(ours["impact_ratio"], 6) == row["impact_ratio"]
        assert round(ours["share_of_sample"], 6) == row["share_of_sample"]
        assert ours["below_2_percent"] == row["may_exclude_lt_2pct"]


def test_scoring_rates_are_shares_above_the_median_of_all(vectors):
    expected = vectors["scoring"]
    sexes, scores = zip(*expected["scores"], strict=True)
    known = words(*(None if sex == "U" else sex for sex in sexes))
    found = evaluate(None, scores, {"sex": known}, task="regression")
    law = found.summary["local_law_144"]
    assert law["sample_median"] == expected["sample_median"]
    table = scoring(found, "sex")
    assert table["unknown"] == expected["unknown_count"]
    for name, row in by_category(table).items():
        assert row["rate"] == expected["rates"][name]
        assert row["impact_ratio"] == expected["impact_ratio"][name]


def test_a_category_below_two_percent_is_shown_and_left_out_of_the_ratio():
    """99 of 100 selected in a tiny category: without it the others are equal."""
    groups = words(*["a"] * 4950, *["b"] * 4950, *["tiny"] * 100)
    chosen = [1, 0] * 2475 + [1, 0] * 2475 + [1] * 99 + [0]
    table = by_category(selection(evaluate(None, chosen, {"g": groups}), "g"))
    assert table["tiny"]["below_2_percent"]
    assert (table["tiny"]["n"], table["tiny"]["rate"]) == (100, 0.99)
    assert table["tiny"]["impact_ratio"] == 1.0
    assert table["tiny"]["impact_ratio_without_small"] is None
    assert table["a"]["impact_ratio"] == pytest.approx(0.5 / 0.99)
    assert table["a"]["impact_ratio_without_small"] == 1.0
    assert table["a"]["below_four_fifths"]
    # Two percent exactly is not below two percent.
    exact = by_category(
        selection(evaluate(None, [1, 0] * 50, {"g": words(*["a"] * 98, "b", "b")}), "g")
    )
    assert not exact["b"]["below_2_percent"]


def test_nobody_selected_has_no_impact_ratio():
    table = selection(evaluate(None, [0] * 4, {"g": words("a", "a", "b", "b")}), "g")
    assert {row["impact_ratio"] for row in table["categories"]} == {None}
    assert {row["below_four_fifths"] for row in table["categories"]} == {None}
    assert "highest rate is 0" in table["because"]


def test_four_fifths_is_judged_before_rounding():
    """0.79995 reads as 0.80 and is below."""
    chosen = [1] * 15999 + [0] * 4001 + [1] * 20000
    groups = words(*["a"] * 20000, *["b"] * 20000)
    table = by_category(selection(evaluate(None, chosen, {"g": groups}), "g"))
    assert f"{table['a']['impact_ratio']:.2f}" == "0.80"
    assert table["a"]["below_four_fifths"]
    assert not table["b"]["below_four_fifths"]


def test_two_features_are_also_tabled_together_and_unknowns_are_in_no_category():
    sex = words("f", "f", "m", "m", None, "m")
    race = words("x", "y", "x", "y", "x", None)
    age = words("1", "1", "2", "2", "1", "2")
    chosen = [1, 0, 1, 1, 1, 0]
    found = evaluate(None, chosen, {"sex": sex, "race": race, "age": age})
    tables = found.summary["local_law_144"]["selection"]
    assert [table["features"] for table in tables] == [
        ["sex"],
        ["race"],
        ["age"],
        ["sex", "race"],
        ["sex", "age"],
        ["race", "age"],
    ]
    both = selection(found, "sex", "race")
    assert (both["applicants"], both["unknown"]) == (4, 2)
    assert by_category(both)["sex=m, race=y"]["rate"] == 1.0


def test_a_denial_is_seen_from_the_applicant():
    """Scores of denial: below the median is the better half."""
    scores = [0.1, 0.2, 0.8, 0.9]
    groups = {"g": words("a", "b", "a", "b")}
    good = evaluate([0, 0, 1, 1], scores, groups, favourable=0)
    assert by_category(selection(good, "g"))["a"]["rate"] == 0.5
    table = by_category(scoring(good, "g"))
    assert [table[name]["rate"] for name in "ab"] == [0.5, 0.5]
    lopsided = evaluate([0, 0, 1, 1], np.sort(scores), {"g": words(*"aabb")},
                        favourable=0)  # fmt: skip
    assert by_category(scoring(lopsided, "g"))["a"]["rate"] == 1.0
