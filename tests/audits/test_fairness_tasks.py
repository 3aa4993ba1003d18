"""Every task by group: scores, several classes, numbers, and no target at all."""

import json

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.intervals import difference, mean_interval
from tests.audits.fair import evaluate, value, words

LETTERS = np.array(["a", "b", "c"], dtype=object)


def rows(seed, n=900):
    random = np.random.default_rng(seed)
    scores = random.random(n)
    target = (random.random(n) < scores).astype(int)
    return target, scores, LETTERS[random.integers(0, 3, n)]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_scores_by_group_are_scikit_learns(seed):
    target, scores, groups = rows(seed)
    found = evaluate(target, scores, {"g": groups})
    for letter in LETTERS:
        at = groups == letter
        area = found.get(f"roc_auc[g={letter}]")
        error = float(area.method.split("exact to ")[1].split(";")[0])
        assert area.value == pytest.approx(
            sk.roc_auc_score(target[at], scores[at]), abs=error * 1.1
        )
        assert error < 0.002
        assert area.lower < area.value < area.upper
        mean = found.get(f"mean_score[g={letter}]")
        assert mean.value == pytest.approx(scores[at].mean(), abs=1e-12)
        assert value(found, f"ece[g={letter}]") == pytest.approx(
            calibration_error(target[at], scores[at]), abs=0.002
        )
    areas = [value(found, f"roc_auc[g={letter}]") for letter in LETTERS]
    assert value(found, "roc_auc_difference[g]") == pytest.approx(np.ptp(areas))


def calibration_error(target, scores):
    bins = np.round(np.linspace(0, 1024, 11)) / 1024
    at = np.searchsorted(bins, scores, side="right")
    return sum(
        abs(target[at == b].sum() - scores[at == b].sum()) for b in range(1, 12)
    ) / len(target)


def test_scores_that_are_bins_have_exact_areas():
    random = np.random.default_rng(0)
    scores = random.integers(0, 1024, 400) / 1024
    target = random.integers(0, 2, 400)
    found = evaluate(target, scores, {"g": words(*"ab" * 200)})
    half = np.arange(400) % 2 == 0
    assert value(found, "roc_auc[g=a]") == pytest.approx(
        sk.roc_auc_score(target[half], scores[half]), abs=1e-12
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 1))
def test_the_sweep_is_the_evaluation_at_each_threshold(seed, favourable):
    target, scores, groups = rows(seed, 300)
    scores = np.round(scores * 64) / 64  # ties at the thresholds themselves
    asked = {"favourable": favourable}
    (table,) = evaluate(target, scores, {"g": groups}, **asked).summary[
        "threshold_sweep"
    ]
    for place in (0, 1, 7, 16, 31, 32):
        at = table["thresholds"][place]
        there = evaluate(target, scores, {"g": groups}, threshold=at, **asked)
        for group in table["groups"]:
            for rate in ("selection_rate", "true_positive_rate", "false_positive_rate"):
                expected = there.get(f"{rate}[g={group['group']}]").value
                if expected is not None:
                    assert group[rate][place] == pytest.approx(expected, abs=1e-6)
        for name in ("demographic_parity_difference", "equalized_odds_difference"):
            expected = there.get(f"{name}[g]").value
            if expected is not None:
                assert table[name][place] == pytest.approx(expected, abs=1e-6)


def test_calibration_by_group_counts_every_row():
    target, scores, groups = rows(5)
    (table,) = evaluate(target, scores, {"g": groups}).summary["calibration_by_group"]
    for group in table["groups"]:
        at = groups == group["group"]
        assert sum(one["rows"] for one in group["bins"]) == at.sum()
        hits = sum(one["rows"] * (one["share_positive"] or 0) for one in group["bins"])
        assert hits == pytest.approx(target[at].sum())


def test_several_classes_each_against_the_rest_as_scikit_learn():
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(3), 900)
    target, groups = random.integers(0, 3, 900), LETTERS[random.integers(0, 3, 900)]
    found = evaluate(
        target, scores, {"g": groups}, task="multiclass", classes=("red", "ü", "blue")
    )
    predicted = scores.argmax(axis=1)
    for letter in LETTERS:
        at = groups == letter
        truth, said = target[at], predicted[at]
        assert value(found, f"accuracy[g={letter}]") == (truth == said).mean()
        assert value(found, f"balanced_accuracy[g={letter}]") == pytest.approx(
            sk.balanced_accuracy_score(truth, said)
        )
        assert value(found, f"macro_f1[g={letter}]") == pytest.approx(
            sk.f1_score(truth, said, average="macro")
        )
        for number, name in enumerate(("red", "ü", "blue")):
            group = f"[g={letter} | class {name}]"
            one = {"y_true": truth == number, "y_pred": said == number}
            assert value(found, f"selection_rate{group}") == one["y_pred"].mean()
            assert value(found, f"true_positive_rate{group}") == pytest.approx(
                sk.recall_score(**one)
            )
            assert value(found, f"precision{group}") == pytest.approx(
                sk.precision_score(**one)
            )
            assert value(found, f"f1{group}") == pytest.approx(sk.f1_score(**one))
    assert found.get("balanced_accuracy_difference[g]").lower is not None
    assert found.get("selection_rate_homogeneity_p[g | class red]").value is not None
    json.dumps(found.as_json(), allow_nan=False)


def test_a_class_that_a_group_lacks_has_no_average():
    target = np.array([0, 1, 2, 0, 1, 1])
    scores = np.eye(3)[target]
    found = evaluate(target, scores, {"g": words(*"aaabbb")}, task="multiclass",
                     classes=("x", "y", "z"))  # fmt: skip
    assert value(found, "balanced_accuracy[g=a]") == 1.0
    assert found.get("balanced_accuracy[g=b]").value is None
    assert found.get("balanced_accuracy_difference[g]").value is None


def test_numbers_by_group_are_scikit_learns():
    random = np.random.default_rng(0)
    target = random.normal(50, 9, 600)
    scores, groups = target + random.normal(2, 5, 600), LETTERS[np.arange(600) % 3]
    found = evaluate(target, scores, {"g": groups}, task="regression")
    for letter in LETTERS:
        at = groups == letter
        truth, said = target[at], scores[at]
        expected = {
            "mean_prediction": said.mean(),
            "mean_error": (said - truth).mean(),
            "mean_absolute_error": sk.mean_absolute_error(truth, said),
            "rmse": sk.root_mean_squared_error(truth, said),
            "r2": sk.r2_score(truth, said),
            "scoring_rate": (said > np.median(scores)).mean(),
        }
        for name, number in expected.items():
            one = found.get(f"{name}[g={letter}]")
            assert one.value == pytest.approx(number)
            assert one.lower < one.value < one.upper
    frame = MetricFrame(
        metrics={"mean_prediction": mean_prediction, "mae": sk.mean_absolute_error},
        y_true=target,
        y_pred=scores,
        sensitive_features=groups.astype(str),
    )
    theirs = frame.difference(method="to_overall")
    for name, expected in zip(
        ("mean_prediction", "mean_absolute_error"), theirs, strict=True
    ):
        one = found.get(f"{name}_difference_to_overall[g]")
        assert one.value == pytest.approx(expected, abs=1e-12)
        assert 0 <= one.lower < one.value < one.upper
    means = [scores[groups == letter].mean() for letter in LETTERS]
    assert value(found, "mean_prediction_difference[g]") == pytest.approx(np.ptp(means))
    assert value(found, "mean_prediction_ratio[g]") == pytest.approx(
        min(means) / max(means)
    )
    names = [m.key for m in found.measurements]
    assert len(set(names)) == len(names)
    (table,) = found.summary["features"]
    assert {"rmse", "scoring_rate"} <= table["groups"][0]["rates"].keys()


def test_intervals_of_r2_and_rmse_are_those_of_resampled_rows():
    random = np.random.default_rng(0)
    target = random.gamma(2, 2, 400)
    scores = target + random.normal(0, 1 + target / 4)
    groups = words(*["a", "b"] * 200)
    found = evaluate(target, scores, {"g": groups}, task="regression")
    at = np.flatnonzero(groups == "a")
    drawn = [random.choice(at, len(at)) for _ in range(600)]
    for name, metric in (("r2", sk.r2_score), ("rmse", sk.root_mean_squared_error)):
        one = found.get(f"{name}[g=a]")
        values = [metric(target[rows], scores[rows]) for rows in drawn]
        assert np.std(values) * 1.96 == pytest.approx(
            (one.upper - one.lower) / 2, rel=0.2
        )


def test_means_that_differ_are_found_and_equal_ones_are_not():
    random = np.random.default_rng(0)
    groups = LETTERS[np.arange(900) % 3]
    alike = random.normal(0, 1, 900)
    found = evaluate(None, alike, {"g": groups}, task="regression")
    assert value(found, "mean_prediction_homogeneity_p[g]") > 0.05
    shifted = alike + (groups == "c") * 0.5
    found = evaluate(None, shifted, {"g": groups}, task="regression")
    assert value(found, "mean_prediction_homogeneity_p[g]") < 1e-4
    # Below and above 0 a ratio says nothing.
    assert found.get("mean_prediction_ratio[g]").value is None


def test_without_a_target_only_predictions_are_compared():
    _, scores, groups = rows(0)
    found = evaluate(None, scores, {"g": groups})
    names = {m.name for m in found.measurements}
    assert {"selection_rate", "scoring_rate", "demographic_parity_ratio"} <= names
    assert not names & {"true_positive_rate", "accuracy", "roc_auc"}
    at = groups == "a"
    assert value(found, "selection_rate[g=a]") == (scores[at] >= 0.5).mean()
    assert any("nothing is said about errors" in limit for limit in found.limits)
    tests = {m.name for m in found.measurements if m.name.endswith("_homogeneity_p")}
    assert tests == {"selection_rate_homogeneity_p", "scoring_rate_homogeneity_p"}
    classes = evaluate(None, np.eye(2)[(scores > 0.5).astype(int)], {"g": groups},
                       task="multiclass", classes=("n", "y"))  # fmt: skip
    assert value(classes, "selection_rate[g=a | class y]") == (scores[at] > 0.5).mean()


def test_scores_on_another_scale_are_refused_or_compared_as_numbers():
    groups = {"g": words("a", "b", "a", "b")}
    with pytest.raises(UnusableEvidence, match="not probabilities"):
        evaluate([0, 1, 0, 1], [0.1, 50, 20, 0.4], groups)
    found = evaluate(None, [1, 50, 20, 4], groups, task="regression")
    assert value(found, "scoring_rate[g=a]") == 0.5


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"task": "ranking"}, "not measured for the task 'ranking'"),
        ({"task": "multiclass"}, "2 to 100 classes"),
        ({"control": "h"}, "'control' names 'h'"),
        ({"control": "g"}, "Beside the control"),
        ({"control": 3}, "'control' must be the name"),
        ({"cross_check": 1}, "'cross_check' must be true or false"),
        ({"bootstrap_rounds": 5}, "'bootstrap_rounds' must lie"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, sentence):
    with pytest.raises(UnusableEvidence, match=sentence):
        evaluate([0, 1], [0, 1], {"g": words("a", "b")}, **asked)


def test_a_control_or_two_classes_of_one_name_are_refused_where_they_mean_nothing():
    groups = {"g": words("a", "b"), "h": words("x", "x")}
    with pytest.raises(UnusableEvidence, match="with two classes only"):
        evaluate([0, 1], [0, 1], groups, control="h", task="regression")
    with pytest.raises(UnusableEvidence, match="same name"):
        evaluate([0, 1], np.eye(2), groups, task="multiclass", classes=("a", "a"))


def test_small_groups_make_no_gap_in_the_sweep():
    """Five people, all selected, and a group whose good outcomes are too few."""
    groups = words(*["a"] * 100, *["b"] * 100, *["small"] * 5)
    target = [0, 1] * 50 + [1] * 10 + [0] * 90 + [1] * 5
    scores = [0.25, 0.75] * 100 + [1.0] * 5
    (table,) = evaluate(target, scores, {"g": groups}, minimum_group_size=30).summary[
        "threshold_sweep"
    ]
    assert [group["group"] for group in table["groups"]] == ["a", "b"]
    middle = table["thresholds"].index(0.5)
    assert table["demographic_parity_difference"][middle] == 0
    assert table["groups"][0]["true_positive_rate"][middle] == 1
    assert table["groups"][1]["true_positive_rate"][middle] is None
    assert table["equalized_odds_difference"][middle] is None


def test_a_cross_check_that_was_not_made_is_said():
    groups = {"g": words("a", "b")}
    found = evaluate(None, [0, 1], groups, cross_check=True)
    assert "it was not made" in found.warnings[-1]
    made = evaluate([0, 1], [0, 1], groups, cross_check=True)
    assert not any("cross-check" in warning for warning in made.warnings)


def test_the_rest_beside_a_group_is_all_other_rows():
    random = np.random.default_rng(0)
    groups = words(*["a"] * 40, *["b"] * 60, *["c"] * 50)
    scores = random.normal(np.repeat([0.0, 9.0, 10.0], [40, 60, 50]), 1)
    found = evaluate(None, scores, {"g": groups}, task="regression")
    group, rest = scores[:40], scores[40:]
    own = found.get("mean_prediction[g=a]")
    limits = mean_interval(rest.mean(), rest.std(ddof=1), len(rest))
    lower, upper = difference(own.value, (own.lower, own.upper), rest.mean(), limits)
    one = found.get("mean_prediction_difference_to_overall[g]")
    share = len(rest) / len(scores)
    assert one.value == pytest.approx(scores.mean() - group.mean())
    assert (one.lower, one.upper) == pytest.approx((-upper * share, -lower * share))
