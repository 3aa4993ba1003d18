"""Performance equals scikit-learn's numbers, and its intervals hold."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from audits.evaluators import performance
from audits.evaluators.base import Measurement, UnusableEvidence
from audits.evaluators.discrimination import auc_delong
from audits.evaluators.intervals import newcombe, ratio, wilson


def sample(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated scores with ties, and what came of them."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, 101, rows) / 100
    return (random.random(rows) < scores).astype(int), scores


def test_numbers_are_those_of_scikit_learn() -> None:
    target, scores = sample()
    found = performance.evaluate(target=target, scores=scores, config={"seed": 3})
    hard = scores >= 0.5
    expected = {
        "roc_auc": metrics.roc_auc_score(target, scores),
        "average_precision": metrics.average_precision_score(target, scores),
        "accuracy": metrics.accuracy_score(target, hard),
        "precision": metrics.precision_score(target, hard),
        "recall": metrics.recall_score(target, hard),
        "specificity": metrics.recall_score(1 - target, ~hard),
        "f1": metrics.f1_score(target, hard),
        "brier": metrics.brier_score_loss(target, scores),
        "log_loss": metrics.log_loss(target, scores),
    }
    for name, value in expected.items():
        one = found.get(name)
        assert one.value == pytest.approx(value, abs=1e-9), name
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower <= value <= one.upper
    assert sum(found.summary["confusion"].values()) == 400


def test_calibration_error_by_hand() -> None:
    target = np.array([0, 1, 1, 1])
    scores = np.array([0.1, 0.1, 0.9, 1.0])
    found = performance.evaluate(target=target, scores=scores).get("ece")
    # Two rows in the bin of 0.1 (share .5), two in the last (mean .95, share 1).
    assert found.value == pytest.approx(0.5 * 0.4 + 0.5 * 0.05)


def test_delong_interval_covers_the_truth() -> None:
    """Normal scores one deviation apart: the area is Phi(1/sqrt 2) = 0.7602."""
    truth = 0.5 * (1 + math.erf(0.5))
    hits = 0
    random = np.random.default_rng(1)
    target = np.repeat([0, 1], 60)
    for _ in range(400):
        _, lower, upper = auc_delong(target, random.normal(target, 1.0))
        hits += lower <= truth <= upper
    assert 0.92 <= hits / 400 <= 0.98


def test_intervals_as_published() -> None:
    """Newcombe 1998: 56/70 against 48/80 gives 0.2, from 0.0524 to 0.3339."""
    lower, upper = newcombe(56, 70, 48, 80)
    assert (round(lower, 4), round(upper, 4)) == (0.0524, 0.3339)
    lower, upper = wilson(0, 10)
    assert (lower, round(upper, 3)) == (0.0, 0.278)  # evidence.md 2.4


@given(st.integers(0, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_ratio_interval_holds_the_ratio(a: int, m: int, b: int, n: int) -> None:
    a, b = min(a, m), min(b, n)
    lower, upper = ratio(a, m, b, n)
    assert 0 <= lower <= a / m / (b / n) + 1e-9
    assert a / m / (b / n) <= upper + 1e-9


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 60), st.integers(0, 2**16))
def test_same_inputs_give_the_same_json(rows: int, seed: int) -> None:
    target, scores = sample(rows, seed)
    target[:2] = (0, 1)
    config = {"seed": seed, "bootstrap_rounds": 100}
    one, other = (
        json.dumps(
            performance.evaluate(target=target, scores=scores, config=config).as_json(),
            allow_nan=False,
        )
        for _ in range(2)
    )
    assert one == other


def test_undefined_rates_have_a_reason_and_no_value() -> None:
    found = performance.evaluate(
        target=np.array([0, 1, 1]), scores=np.array([0.1, 0.2, 0.3])
    )
    assert found.get("precision").value is None
    assert "no positive predictions" in found.get("precision").because
    assert found.get("recall").value == 0


@pytest.mark.parametrize(
    ("target", "scores", "config", "words"),
    [
        ([1, 1], [0.1, 0.2], {}, "one class only"),
        ([0, 1], [0.1, 1.2], {}, "not probabilities"),
        ([0, 1], [0.1, math.nan], {}, "not probabilities"),
        ([0, 1], [0.1], {}, "1 predictions for 2 rows"),
        ([], [], {}, "0 predictions for 0 rows"),
        ([0, 1], [0.1, 0.2], {"threshold": 2}, "'threshold' must lie between"),
        ([0, 1], [0.1, 0.2], {"threshold": "x"}, "'threshold' must be a number"),
        ([0, 1], [0.1, 0.2], {"treshold": 0.5}, "Unknown setting 'treshold'"),
    ],
)
def test_unusable_input_is_named(
    target: list[int], scores: list[float], config: dict[str, object], words: str
) -> None:
    with pytest.raises(UnusableEvidence, match=words):
        performance.evaluate(
            target=np.array(target), scores=np.array(scores, float), config=config
        )


def test_several_classes_are_refused() -> None:
    with pytest.raises(UnusableEvidence, match="not measured"):
        performance.evaluate(
            target=np.array([0, 1]), scores=np.array([0.1, 0.2]), task="ordinal"
        )


def test_regression_is_measured() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=300)
    guess = truth + random.normal(scale=0.5, size=300)
    found = performance.evaluate(target=truth, scores=guess, task="regression")
    expected = {
        "mean_absolute_error": metrics.mean_absolute_error(truth, guess),
        "rmse": metrics.root_mean_squared_error(truth, guess),
        "r2": metrics.r2_score(truth, guess),
    }
    for name, value in expected.items():
        one = found.get(name)
        assert one.value == pytest.approx(value)
        assert (one.lower or 0) < value < (one.upper or 0)
    with pytest.raises(UnusableEvidence, match="finite"):
        performance.evaluate(
            target=truth, scores=np.full(300, np.inf), task="regression"
        )


def test_measurement_without_value_needs_a_reason() -> None:
    with pytest.raises(UnusableEvidence, match="no value and no reason"):
        Measurement("x", None)
    with pytest.raises(UnusableEvidence, match="finite"):
        Measurement("x", math.inf)
