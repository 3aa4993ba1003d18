"""Data that break statistics: no crash, no false pass."""

import json

import numpy as np
import pytest

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.fairness.groups import fitted
from tests.audits.fair import evaluate, value, words

COMPARISONS = ("_difference", "_ratio", "_homogeneity_p", "_to_overall")


def compared(found, feature):
    return [
        m
        for m in found.measurements
        if m.group == feature and m.name.endswith(COMPARISONS)
    ]


def sane(found):
    """Every number is one, within its interval, and every gap has a reason."""
    json.dumps(found.as_json(), allow_nan=False)
    keys = [m.key for m in found.measurements]
    assert len(set(keys)) == len(keys)
    for m in found.measurements:
        assert (m.value is None) == bool(m.because), m
        assert len(m.name) <= 100
        assert len(m.group) <= 200
        if m.lower is not None and m.upper is not None:
            assert m.lower - 1e-12 <= m.value <= m.upper + 1e-12, m
    return found


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_rates_of_the_other(only):
    found = sane(evaluate([only] * 60, [0.2, 0.8] * 30, {"g": words(*"aab" * 20)}))
    lost = "false_positive_rate" if only else "true_positive_rate"
    assert found.get(f"{lost}[g=a]").value is None
    assert found.get("equalized_odds_difference[g]").value is None
    assert found.get("roc_auc[g=a]").value is None
    assert found.get("selection_rate[g=a]").value is not None


def test_a_group_of_one_never_passes():
    groups = words(*"a" * 60, *"b" * 60, "c")
    found = sane(
        evaluate(
            [0, 1] * 60 + [1], [0, 1] * 60 + [1], {"g": groups}, minimum_group_size=30
        )  # fmt: skip
    )
    assert compared(found, "g")
    assert {m.value for m in compared(found, "g")} == {None}
    assert all("group c" in m.because for m in compared(found, "g"))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_group_of_one_does_not_crash_where_one_row_is_enough(task):
    groups = words("a", "b", "b")
    sane(evaluate([0, 1, 0], [0.2, 0.9, 0.3], {"g": groups}, task=task))
    sane(evaluate(None, [0.2, 0.9, 0.3], {"g": groups}, task=task))


def test_an_empty_intersection_is_not_estimable():
    one, two = words("a", "b", None, None), words(None, None, "x", "y")
    found = sane(evaluate([0, 1, 0, 1], [0.1, 0.9, 0.8, 0.2], {"g": one, "h": two}))
    assert {m.value for m in compared(found, "g,h")} == {None}
    assert "g,h: no row has a known group in every feature." in found.warnings
    for task in ("regression", "multiclass"):
        scores = np.eye(2) if task == "multiclass" else np.arange(2.0)
        more = {"classes": ("x", "y")} if task == "multiclass" else {}
        sane(
            evaluate(
                [0, 1, 0, 1],
                np.concatenate([scores, scores]),
                {"g": one, "h": two},
                task=task,
                **more,
            )  # fmt: skip
        )


def test_ten_thousand_groups_end_with_a_clear_answer():
    random = np.random.default_rng(0)
    groups = np.arange(30_000).astype(str).astype(object) + "-group"
    groups[10_000:20_000], groups[20_000:] = groups[:10_000], groups[:10_000]
    groups[-40:] = "the largest"
    target = random.integers(0, 2, 30_000)
    found = sane(
        evaluate(target, random.random(30_000), {"g": groups}, minimum_group_size=30)
    )
    assert {m.value for m in compared(found, "g")} == {None}
    assert "too few rows in 10000 of 10001 groups" in found.warnings[0]
    assert "only the largest 500 of 10001" in found.warnings[1]
    assert value(found, "count[g=the largest]") == 40
    assert len(found.measurements) < 6000
    assert len(found.summary["features"][0]["groups"]) == 500


def test_three_thousand_groups_of_enough_rows_are_compared():
    random = np.random.default_rng(0)
    groups = (np.arange(15_000) % 3000).astype(str).astype(object)
    found = sane(
        evaluate(
            random.integers(0, 2, 15_000),
            random.random(15_000),
            {"g": groups},
            minimum_group_size=1,
            small_groups="leave out",
        )  # fmt: skip
    )
    assert value(found, "selection_rate_homogeneity_p[g]") > 0.01
    assert value(found, "demographic_parity_difference[g]") == 1.0
    one = found.get("demographic_parity_difference_to_overall[g]")
    assert (one.value > 0.4, one.lower, "not resampled" in one.method) == (
        True,
        None,
        True,
    )
    assert not [m for m in found.measurements if m.name == "roc_auc"]
    assert "rates, worst pairs and tests only" in found.warnings[-1]


@pytest.mark.parametrize(
    "word", ["ü" * 5000, "女性", "a\nb", "‮evil", "\ud800", "", " "]
)
def test_names_of_any_kind_are_kept_apart(word):
    groups = words(*[word + "1", word + "2"] * 50)
    found = sane(evaluate([0, 1, 1, 0] * 25, [0, 1] * 50, {word or "g": groups}))
    assert len([m for m in found.measurements if m.name == "count"]) == 2


def test_many_features_together_stay_within_memory():
    """Ten features of fifty groups: 10^17 combinations, of which few occur."""
    random = np.random.default_rng(0)
    features = {
        f"f{i}": random.integers(0, 50, 300).astype(str).astype(object)
        for i in range(10)
    }
    target = random.integers(0, 2, 300)
    with pytest.raises(UnusableEvidence, match="too many combinations"):
        evaluate(target, random.random(300), features)
    some = {name: features[name] for name in list(features)[:6]}
    found = sane(evaluate(target, random.random(300), some, minimum_group_size=30))
    assert {m.value for m in compared(found, ",".join(some))} == {None}


@pytest.mark.parametrize("scores", [[0.7] * 60, [0.0] * 60, [1.0] * 60])
def test_constant_scores_make_no_difference_and_no_crash(scores):
    found = sane(evaluate([0, 1] * 30, scores, {"g": words(*"aab" * 20)}))
    assert value(found, "demographic_parity_difference[g]") == 0
    assert value(found, "selection_rate_homogeneity_p[g]") == 1
    ratio = found.get("demographic_parity_ratio[g]")
    assert ratio.value == (None if scores[0] == 0 else 1)


def test_a_constant_group_among_others_is_compared_without_a_false_pass():
    groups = words(*["a"] * 40, *["b"] * 40)
    scores = [5.0] * 40 + list(range(40))
    found = sane(evaluate(None, scores, {"g": groups}, task="regression"))
    assert value(found, "mean_prediction_homogeneity_p[g]") < 1e-6
    flat = sane(evaluate([3.0] * 80, scores, {"g": groups}, task="regression"))
    assert "constant in group a" in flat.get("r2[g=a]").because


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.1])
def test_scores_that_are_no_probabilities_are_refused(bad):
    with pytest.raises(UnusableEvidence, match="not finite|not probabilities"):
        evaluate([0, 1], [0.5, bad], {"g": words("a", "b")})


def test_all_missing_is_refused_and_nearly_all_is_not_passed():
    with pytest.raises(UnusableEvidence, match="'g' is empty"):
        evaluate([0, 1], [0.5, 0.5], {"g": words(None, None)})
    found = sane(evaluate([0, 1, 1], [0.5, 0.5, 0.1], {"g": words("a", None, None)}))
    assert {m.value for m in compared(found, "g")} == {None}
    assert value(found, "unknown_rows[g]") == 2


def test_targets_that_do_not_fit_are_refused():
    groups = {"g": words("a", "b")}
    with pytest.raises(UnusableEvidence, match="other than 0 and 1"):
        evaluate([0, 2], [0.5, 0.5], groups)
    with pytest.raises(UnusableEvidence, match="not finite"):
        evaluate([0, np.nan], [0.5, 0.5], groups, task="regression")
    with pytest.raises(UnusableEvidence, match="no class"):
        evaluate([0, 2], np.eye(2), groups, task="multiclass", classes=("a", "b"))
    with pytest.raises(UnusableEvidence, match="differ in length"):
        evaluate([], [], {"g": words()})


def test_columns_named_like_our_own_do_not_collide():
    names = ("label", "prediction", "bin", "above")
    found = evaluate([0, 1, 1, 0] * 9, [0.1, 0.9, 0.4, 0.6] * 9,
                     {name: words(*"abcd" * 9) for name in names})  # fmt: skip
    assert value(sane(found), "count[label=a, prediction=a, bin=a, above=a]") == 9
    with pytest.raises(UnusableEvidence, match="zero byte"):
        evaluate([0, 1], [0, 1], {"\0label": words("a", "b")})


def test_the_same_question_has_the_same_answer_to_the_last_byte():
    random = np.random.default_rng(0)
    target, scores = random.integers(0, 2, 500), random.random(500)
    groups = {"g": words(*"abcde" * 100), "h": words(*"xy" * 250)}
    one, other = (evaluate(target, scores, groups).as_json() for _ in range(2))
    assert json.dumps(one) == json.dumps(other)
    assert json.dumps(one) != json.dumps(
        evaluate(target, scores, groups, seed=1).as_json()
    )


def test_a_hundred_classes_are_measured_and_the_most_frequent_told():
    random = np.random.default_rng(0)
    target = np.minimum(random.geometric(0.05, 6000), 100) - 1
    scores = np.eye(100)[random.permutation(target)]
    found = sane(
        evaluate(
            target,
            scores,
            {"g": words(*"ab" * 3000)},
            task="multiclass",
            classes=[f"{'class ' * 30}{i}" for i in range(100)],
        )  # fmt: skip
    )
    told = {m.group for m in found.measurements if m.name == "f1"}
    assert len(told) == 2 * 20
    first, last = (fitted(f"{'class ' * 30}{i}", 60) for i in (0, 90))
    assert f"g=a | class {first}" in told
    assert f"g=a | class {last}" not in told
    assert "20 most frequent of 100 classes" in found.warnings[-1]
    assert value(found, "accuracy[g=a]") == pytest.approx(0.05, abs=0.03)
    with pytest.raises(UnusableEvidence, match="2 to 100 classes"):
        evaluate([0], np.ones((1, 101)), {"g": words("a")}, task="multiclass",
                 classes=tuple(map(str, range(101))))  # fmt: skip


def test_ten_thousand_groups_of_values_take_no_pairs():
    random = np.random.default_rng(0)
    groups = (np.arange(40_000) % 10_000).astype(str).astype(object)
    found = sane(
        evaluate(
            random.random(40_000),
            random.random(40_000),
            {"g": groups},
            task="regression",
            small_groups="leave out",
        )  # fmt: skip
    )
    assert value(found, "mean_error_homogeneity_p[g]") > 0.001
    assert value(found, "mean_error_difference_to_overall[g]") > 0.5
