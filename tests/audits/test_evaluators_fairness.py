"""Fairness seen from the favourable outcome, and it fails closed."""

import json
from typing import Any

import numpy as np
import pytest

from audits.evaluators.base import UnusableEvidence
from tests.audits.fair import evaluate, value

LETTERS = np.array(["a", "b", "c"], dtype=object)


def test_unfavourable_view_turns_the_rates_round() -> None:
    truth, predicted = [1, 1, 0, 0] * 2, [1, 0, 1, 0, 1, 1, 0, 0]
    groups = ["a"] * 4 + ["b"] * 4
    one = evaluate(truth, predicted, {"g": groups}, favourable=1)
    other = evaluate(truth, predicted, {"g": groups}, favourable=0)
    for group in "ab":
        assert value(one, f"true_positive_rate[g={group}]") == value(
            other, f"true_negative_rate[g={group}]"
        )
        assert value(one, f"selection_rate[g={group}]") == pytest.approx(
            1 - value(other, f"selection_rate[g={group}]")
        )


def test_zero_by_zero_is_not_estimable() -> None:
    """fairlearn says 0.0 for the group without positives, and a difference of 1.0."""
    truth, predicted = [1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 1, 0]
    groups = ["a", "a", "a", "b", "b", "b"]
    found = evaluate(truth, predicted, {"g": groups})
    rate = found.get("true_positive_rate[g=b]")
    assert rate.value is None
    assert "not estimable: group b has no rows" in rate.because
    assert found.get("equal_opportunity_difference[g]").value is None
    assert found.get("equalized_odds_difference[g]").value is None
    nobody = evaluate([0, 1] * 4, [0] * 8, {"g": ["a", "b"] * 4})
    assert nobody.get("demographic_parity_ratio[g]").value is None


def test_small_group_never_passes() -> None:
    truth = [0, 1] * 50
    groups = ["big"] * 88 + ["small"] * 12
    found = evaluate(truth, truth, {"g": groups}, minimum_group_size=30)
    rate = found.get("selection_rate[g=small]")
    assert rate.value is None
    assert rate.because == (
        "insufficient data: 12 rows in group small, at least 30 needed"
    )
    difference = found.get("demographic_parity_difference[g]")
    assert difference.value is None
    assert difference.because == rate.because
    assert found.get("selection_rate_homogeneity_p[g]").value is None
    assert "too few rows in 1 of 2 groups (small)" in found.warnings[0]


def test_small_group_can_be_left_out_on_purpose() -> None:
    truth = [0, 1] * 100
    groups = ["a"] * 94 + ["b"] * 94 + ["small"] * 12
    settings = {"minimum_group_size": 30, "small_groups": "leave out"}
    found = evaluate(truth, truth, {"g": groups}, **settings)
    assert value(found, "demographic_parity_difference[g]") == 0
    assert found.get("selection_rate[g=small]").value is None
    assert found.warnings


def test_rate_that_rests_on_few_rows_is_insufficient() -> None:
    truth = [1] * 5 + [0] * 95
    found = evaluate(truth * 2, truth * 2, {"g": ["a"] * 100 + ["b"] * 100},
                     minimum_group_size=30)  # fmt: skip
    assert found.get("false_negative_rate[g=a]").value is None
    assert "5 rows with the favourable outcome" in (
        found.get("false_negative_rate_difference[g]").because
    )
    assert value(found, "demographic_parity_difference[g]") == 0


def test_unknown_groups_are_counted_and_left_out() -> None:
    found = evaluate([0, 1] * 4, [0, 1] * 4, {"g": ["a", "a", "b", "b", None, None] + ["a", "b"]})  # fmt: skip  # noqa: E501
    assert value(found, "unknown_rows[g]") == 2
    assert value(found, "count[g=a]") == 3
    assert found.warnings == ("g: 2 rows have no group and are left out.",)


def test_features_are_also_compared_together() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 2, (2, 400))
    sex = np.array(["f", "m"], dtype=object)[random.integers(0, 2, 400)]
    race = LETTERS[random.integers(0, 3, 400)]
    found = evaluate(truth, predicted, {"sex": sex, "race": race})
    both = (sex == "f") & (race == "b")
    assert value(found, "count[sex=f, race=b]") == both.sum()
    assert value(found, "selection_rate[sex=f, race=b]") == pytest.approx(
        predicted[both].mean()
    )
    assert found.get("demographic_parity_difference[sex,race]").value is not None
    json.dumps(found.as_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"favourable": 2}, "'favourable' must lie between"),
        ({"favourable": 0.5}, "'favourable' must be 0 or 1"),
        ({"small_groups": "ignore"}, "'small_groups' must be"),
        ({"minimum_group_size": 0}, "'minimum_group_size' must lie"),
        ({"colour": 1}, "Unknown setting 'colour'"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnusableEvidence, match=words):
        evaluate([0, 1], [0, 1], {"g": ["a", "b"]}, **changes)


def test_wrong_data_are_named() -> None:
    with pytest.raises(UnusableEvidence, match="no sensitive feature"):
        evaluate([0, 1], [0, 1], {})
    with pytest.raises(UnusableEvidence, match="'g' is empty"):
        evaluate([0, 1], [0, 1], {"g": [None, None]})
    with pytest.raises(UnusableEvidence, match="differ in length"):
        evaluate([0, 1], [0, 1], {"g": ["a"]})


def test_exactly_the_minimum_is_enough_and_one_fewer_is_not():
    groups = ["a"] * 100 + ["b"] * 30
    target = [0, 1] * 50 + [1] * 30
    found = evaluate(target, target, {"g": groups}, minimum_group_size=30)
    assert value(found, "selection_rate[g=b]") == 1.0
    assert value(found, "true_positive_rate[g=b]") == 1.0
    fewer = evaluate(target[:-1], target[:-1], {"g": groups[:-1]},
                     minimum_group_size=30)  # fmt: skip
    assert fewer.get("selection_rate[g=b]").value is None
