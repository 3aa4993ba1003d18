"""Several classes, calibration and the bootstraps: as scikit-learn and as theory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from audits.evaluators import calibration, discrimination, performance
from audits.evaluators.base import UnusableEvidence
from audits.evaluators.resampling import BLOCKS, blocks, percentiles

CLASSES = ("a", "b", "c")


def sample(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = random.dirichlet([1.0, 2.0, 0.5], rows)
    drawn = random.random(rows)[:, None] > np.cumsum(scores, axis=1)
    return drawn.sum(axis=1).clip(0, 2), scores


def test_numbers_of_several_classes_are_those_of_scikit_learn() -> None:
    target, scores = sample(700)
    found = performance.evaluate(
        target=target, scores=scores, task="multiclass", classes=CLASSES
    )
    hard = scores.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(target, hard),
        "balanced_accuracy": metrics.balanced_accuracy_score(target, hard),
        "macro_f1": metrics.f1_score(target, hard, average="macro"),
        "log_loss": metrics.log_loss(target, scores),
        "roc_auc": metrics.roc_auc_score(target, scores, multi_class="ovr"),
        "one_vs_rest_auc[class=b]": metrics.roc_auc_score(target == 1, scores[:, 1]),
        "recall_by_class[class=c]": metrics.recall_score(target == 2, hard == 2),
    }
    for key, value in expected.items():
        one = found.get(key)
        assert one.value == pytest.approx(value, abs=1e-9), key
        assert one.lower is not None, key
        assert one.lower < value < one.upper, key
    matrix = metrics.confusion_matrix(target, hard)
    assert found.summary["confusion_matrix"] == matrix.tolist()


def test_mean_area_of_the_classes_has_the_interval_of_a_bootstrap() -> None:
    target, scores = sample(600, seed=3)
    found = performance.evaluate(
        target=target, scores=scores, task="multiclass", classes=CLASSES
    ).get("roc_auc")
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(400):
        rows = random.integers(0, 600, 600)
        drawn.append(
            metrics.roc_auc_score(target[rows], scores[rows], multi_class="ovr")
        )
    width = np.subtract(*np.quantile(drawn, [0.975, 0.025]))
    assert (found.upper - found.lower) / width == pytest.approx(1, abs=0.15)


def test_a_class_that_never_occurs_has_no_area_and_no_recall() -> None:
    target, scores = sample(300)
    found = performance.evaluate(
        target=np.minimum(target, 1), scores=scores, task="multiclass", classes=CLASSES
    )
    assert found.get("one_vs_rest_auc[class=c]").value is None
    assert found.get("recall_by_class[class=c]").value is None
    assert found.get("roc_auc").value is not None


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.full((4, 3), 0.5), "add up to 1"),
        (np.full((4, 2), 0.5), "a table with a column for each"),
        (np.full((4, 3), np.nan), "add up to 1"),
        (np.array([[1.2, -0.1, -0.1]] * 4), "add up to 1"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(scores, words) -> None:
    with pytest.raises(UnusableEvidence, match=words):
        performance.evaluate(
            target=np.array([0, 1, 2, 0]),
            scores=scores,
            task="multiclass",
            classes=CLASSES,
        )


def test_two_long_class_names_stay_apart() -> None:
    target, scores = sample(200)
    names = ("ü" * 5000, "ü" * 5000 + "1", "\N{SNOWMAN}")
    found = performance.evaluate(
        target=target, scores=scores, task="multiclass", classes=names
    )
    keys = [one.key for one in found.measurements]
    assert len(set(keys)) == len(keys)
    assert max(len(one.group) for one in found.measurements) < 200


def test_recalibration_is_logistic_regression_on_the_logit() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, 4000)
    target = (random.random(4000) < 1 / (1 + np.exp(-(0.4 + 0.6 * logits)))).astype(int)
    scores = 1 / (1 + np.exp(-logits))
    slope, intercept = calibration.recalibration(discrimination.ranking(target, scores))
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], target)
    assert slope.value == pytest.approx(fit.coef_[0, 0], abs=1e-5)
    assert slope.lower < 0.6 < slope.upper
    # With the slope held at 1 the fitted risks add up to the positives.
    fitted = 1 / (1 + np.exp(-(intercept.value + logits)))
    assert fitted.sum() == pytest.approx(target.sum(), abs=1e-4)


def test_recalibration_of_constant_or_parting_scores_is_not_estimable() -> None:
    target = np.array([0, 1] * 50)
    for scores in (np.full(100, 0.3), np.where(target == 1, 0.9, 0.1)):
        found = performance.evaluate(target=target, scores=scores)
        assert found.get("calibration_slope").value is None, scores
        assert "not estimable" in found.get("calibration_slope").because


def test_the_calibration_test_rejects_a_true_model_one_time_in_twenty() -> None:
    random = np.random.default_rng(5)
    found = []
    for _ in range(400):
        scores = random.beta(2, 4, 300)
        target = (random.random(300) < scores).astype(int)
        found.append(calibration.calibration_test(target, scores).value)
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.085
    moved = (random.random(3000) < 0.7).astype(int)
    assert calibration.calibration_test(moved, np.full(3000, 0.4)).value < 1e-6


def test_parts_of_the_brier_score_add_up() -> None:
    random = np.random.default_rng(1)
    scores = random.integers(0, 11, 2000) / 10
    target = (random.random(2000) < scores).astype(int)
    parts = performance.evaluate(target=target, scores=scores).summary["brier_parts"]
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    brier = metrics.brier_score_loss(target, scores)
    assert total + parts["within"] == pytest.approx(brier)


def test_skill_and_gain_over_the_majority() -> None:
    target = np.array([1] * 30 + [0] * 70)
    found = performance.evaluate(target=target, scores=np.full(100, 0.3))
    assert found.get("brier_skill").value == pytest.approx(0)
    assert found.get("accuracy_over_majority").value == 0
    best = performance.evaluate(target=target, scores=target * 0.98 + 0.01)
    assert best.get("accuracy_over_majority").value == pytest.approx(0.3)
    assert best.get("accuracy_over_majority").lower > 0.2


def test_blocks_give_the_width_that_rows_give() -> None:
    random = np.random.default_rng(2)
    errors = random.standard_t(5, 40_000)

    def rmse(sums: np.ndarray) -> np.ndarray:
        return np.sqrt(sums[:, 1] / sums[:, 0])

    spread = blocks(len(errors), seed=0)
    assert spread.count == BLOCKS
    sums = spread.sums(1.0, errors**2)
    low, high = percentiles(spread.resampled(sums, rmse, rounds=1000))
    by_rows = [
        np.sqrt((random.choice(errors, len(errors)) ** 2).mean()) for _ in range(400)
    ]
    width = np.subtract(*np.quantile(by_rows, [0.975, 0.025]))
    assert (high - low) / width == pytest.approx(1, abs=0.2)
    assert sums.sum(axis=0)[1] == pytest.approx((errors**2).sum())


def test_average_precision_interval_by_cells_is_that_of_rows() -> None:
    random = np.random.default_rng(4)
    scores = random.random(5000)
    target = (random.random(5000) < scores**3).astype(int)
    ranked = discrimination.ranking(target, scores)
    assert len(ranked.coarse().scores) < 1100
    low, high = discrimination.average_precision_interval(ranked, rounds=600, seed=0)
    drawn = []
    for _ in range(300):
        rows = random.integers(0, 5000, 5000)
        drawn.append(metrics.average_precision_score(target[rows], scores[rows]))
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    assert low == pytest.approx(lower, abs=0.006)
    assert high == pytest.approx(upper, abs=0.006)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=2, max_size=60
    ).filter(lambda rows: len({target for target, _ in rows}) == 2)
)
def test_area_and_precision_with_ties_are_scikit_learns(rows) -> None:
    target = np.array([one for one, _ in rows])
    scores = np.array([score / 8 for _, score in rows])
    ranked = discrimination.ranking(target, scores)
    area, lower, upper = discrimination.auc_of(ranked)
    assert area == pytest.approx(metrics.roc_auc_score(target, scores), abs=1e-12)
    assert lower - 1e-12 <= area <= upper + 1e-12
    precision = metrics.average_precision_score(target, scores)
    assert discrimination.average_precision(ranked) == pytest.approx(precision)
    same, parts = discrimination.influence(target, scores)
    assert same == pytest.approx(area, abs=1e-12)
    variance = discrimination.auc_variance(ranked)[1]
    assert parts @ parts == pytest.approx(variance, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "scores"),
    [
        ([0, 1], [0.5, 0.5]),
        ([0, 1], [0.0, 1.0]),
        ([0, 1], [1.0, 0.0]),
        ([0] * 99 + [1], [0.5] * 100),
        ([0, 1] * 50, [1.0] * 100),
        ([0, 1] * 50, [0.0] * 100),
        ([1] * 99 + [0], np.linspace(0, 1, 100)),
    ],
)
def test_degenerate_scores_crash_nothing_and_pass_nothing(target, scores) -> None:
    found = performance.evaluate(
        target=np.array(target), scores=np.array(scores, float)
    )
    assert found.get("roc_auc").value is not None
    for one in found.measurements:
        assert one.value is not None or one.because
        if one.lower is not None and one.value is not None:
            assert one.lower <= one.value + 1e-9, one
            assert one.upper >= one.value - 1e-9, one


def test_one_row_is_refused_and_one_row_of_values_is_measured() -> None:
    with pytest.raises(UnusableEvidence, match="one class only"):
        performance.evaluate(target=np.array([1]), scores=np.array([0.4]))
    found = performance.evaluate(
        target=np.array([1.0]), scores=np.array([2.0]), task="regression"
    )
    assert found.get("rmse").value == 1
    assert found.get("r2").value is None
    assert found.get("calibration_slope").value is None
