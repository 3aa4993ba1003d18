"""Robustness and monotonicity of functions whose answer is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators import monotonicity, robustness
from audits.evaluators.base import UnusableEvidence
from audits.evaluators.robustness import Curve, Response, Responses

BASE = np.arange(1, 20) / 20


def responses(
    *single: Response, joint=(), extreme=(), base: np.ndarray = BASE
) -> Responses:
    return Responses(np.arange(len(base)), base, single, tuple(joint), extreme, ())


def test_changes_and_flips_by_hand() -> None:
    moved = np.clip(BASE + 0.1, 0, 1)
    found = robustness.evaluate(
        responses(Response("a", "noise", moved), Response("a", "missing", BASE)),
        task="binary",
    )
    mean = found.get("noise_response[feature=a]")
    assert mean.value == pytest.approx(np.abs(moved - BASE).mean())
    assert mean.lower < mean.value < mean.upper
    # 0.40 and 0.45 reach one half.
    assert found.get("noise_flip_rate[feature=a]").value == pytest.approx(2 / 19)
    assert found.get("missing_flip_rate[feature=a]").value == 0
    assert found.get("missing_flip_rate[feature=a]").upper > 0
    assert found.get("noise_response_largest").value == mean.value


def test_what_the_model_refuses_has_no_value() -> None:
    found = robustness.evaluate(
        responses(
            Response("a", "noise", None, "it takes no such row."),
            Response("a", "missing", None, "it takes no gaps."),
            Response("b", "noise", BASE),
            Response("b", "missing", BASE),
        ),
        task="binary",
    )
    assert found.get("noise_response[feature=a]").value is None
    assert found.get("noise_response_largest").value is None
    assert found.get("missing_response_largest").value == 0
    assert found.get("shift_response_largest").value is None
    assert "'a'" in found.warnings[0]


def test_several_classes_and_values_have_their_own_scale() -> None:
    base = np.array([[0.2, 0.8], [0.6, 0.4]])
    moved = np.array([[0.5, 0.5], [0.6, 0.4]])
    found = robustness.evaluate(
        responses(Response("a", "noise", moved), base=base), task="multiclass"
    )
    assert found.get("noise_response[feature=a]").value == pytest.approx(0.15)
    assert found.get("noise_flip_rate[feature=a]").value == 0.5
    values = np.array([0.0, 100.0])
    found = robustness.evaluate(
        responses(Response("a", "noise", values + 5), base=values), task="regression"
    )
    assert found.get("noise_response[feature=a]").value == pytest.approx(0.1)
    assert "noise_flip_rate[feature=a]" not in {m.key for m in found.measurements}


def test_joint_noise_costs_area() -> None:
    random = np.random.default_rng(0)
    base = random.random(500)
    target = (random.random(500) < base).astype(int)
    noisy = np.clip(base + random.normal(0, 0.5, 500), 0, 1)
    found = robustness.evaluate(
        responses(joint=[(0.1, base), (0.2, noisy)], base=base),
        task="binary",
        target=target,
    )
    assert found.get("joint_noise_auc_drop[noise=0.1]").value == 0
    assert found.get("joint_noise_auc_drop[noise=0.2]").lower > 0.02
    one_class = robustness.evaluate(
        responses(joint=[(0.1, base)], base=base), task="binary", target=np.ones(500)
    )
    assert one_class.get("joint_noise_auc_drop[noise=0.1]").value is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1.5, -0.1])
def test_absurd_rows_with_absurd_answers_are_counted(bad: float) -> None:
    found = robustness.evaluate(
        responses(
            extreme=(
                Response("a", "low", np.array([0.5, bad])),
                Response("a", "high", np.array([0.5, 0.5])),
                Response("b", "unknown", None, "Unknown category."),
            )
        ),
        task="binary",
    )
    assert found.get("extreme_failures").value == 1
    assert found.get("extreme_failures").n == 2


def test_no_row_and_no_feature_pass_nothing() -> None:
    with pytest.raises(UnusableEvidence, match="no row"):
        robustness.evaluate(responses(base=np.empty(0)), task="binary")
    found = robustness.evaluate(responses(), task="binary")
    assert all(one.value is None for one in found.measurements)
    long = "ü" * 5000
    found = robustness.evaluate(
        responses(Response(long, "up", BASE), Response(long + "1", "down", BASE)),
        task="binary",
    )
    keys = [one.key for one in found.measurements]
    assert len(set(keys)) == len(keys)
    assert all(len(one.group) <= 200 for one in found.measurements)


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6), min_size=1, max_size=20
    ),
    st.sampled_from([1, -1]),
)
def test_curves_sorted_the_right_way_break_nothing(rows, direction) -> None:
    curves = np.sort(np.array(rows), axis=1)[:, ::direction].T
    found = monotonicity.evaluate([Curve("a", direction, np.arange(6.0), curves)])
    assert found.get("monotonic_violation_share[feature=a]").value == 0
    assert found.get("monotonic_violation_largest[feature=a]").value == 0


@given(
    st.lists(
        st.lists(st.integers(0, 50), min_size=2, max_size=6), min_size=1, max_size=20
    ).filter(lambda rows: len({len(row) for row in rows}) == 1),
    st.sampled_from([1, -1]),
)
def test_the_largest_step_back_is_that_of_all_pairs(rows, direction) -> None:
    curves = np.array(rows, float).T
    largest = [
        max(
            max(0.0, direction * (row[i] - row[j]))
            for i in range(len(row))
            for j in range(i, len(row))
        )
        for row in rows
    ]
    assert list(monotonicity.violations(curves, direction)) == largest
    grid = np.arange(float(len(curves)))
    found = monotonicity.evaluate([Curve("a", direction, grid, curves)])
    share = found.get("monotonic_violation_share[feature=a]")
    assert share.value == pytest.approx(np.mean([one > 0 for one in largest]))


@pytest.mark.parametrize(
    "curve",
    [
        Curve("a", 1, np.empty(0), None, "no."),
        Curve("a", 1, np.array([1.0]), np.ones((1, 5))),
        Curve("a", 1, np.array([1.0, 2.0]), np.ones((2, 0))),
        Curve("a", 1, np.array([1.0, 2.0]), np.array([[0.5], [math.nan]])),
    ],
)
def test_a_curve_that_shows_nothing_passes_nothing(curve: Curve) -> None:
    found = monotonicity.evaluate([curve])
    assert all(one.value is None and one.because for one in found.measurements)
    assert len(found.measurements) == 2


def test_several_classes_have_no_direction() -> None:
    curve = Curve("a", 1, np.array([1.0, 2.0]), np.ones((2, 5, 3)))
    with pytest.raises(UnusableEvidence, match="no one direction"):
        monotonicity.evaluate([curve])
