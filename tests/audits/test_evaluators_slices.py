"""Segments, costs, periods and comparisons: found where planted, silent where not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators import comparison, costs, periods, segments
from audits.evaluators.base import UnusableEvidence
from audits.evaluators.columns import Categories, Numbers, bands
from audits.evaluators.multiplicity import holm

ROWS = 4000


def binary(seed: int = 0, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = random.beta(2, 3, rows)
    return (random.random(rows) < scores).astype(int), scores


def people(seed: int = 0, rows: int = ROWS) -> list[Numbers | Categories]:
    random = np.random.default_rng([seed, 9])
    return [
        Numbers("age", random.integers(18, 80, rows).astype(float)),
        Categories("town", random.integers(0, 4, rows), ("A", "B", "C", "D")),
        Numbers("income", np.where(random.random(rows) < 0.1, np.nan, 1.0)),
    ]


def test_a_planted_weakness_of_two_features_is_found_and_confirmed() -> None:
    random = np.random.default_rng(1)
    columns = people()
    loss = random.random(ROWS) * 0.2
    weak = (columns[0].values >= 68) & (columns[1].codes == 2)
    loss[weak] += 0.3
    found = segments.evaluate_segments(
        columns=columns, loss=loss, config={"minimum_segment_rows": 50}
    )
    first = found.summary["segments"][0]
    assert "age=from" in first["segment"]
    assert "town=C" in first["segment"]
    assert first["confirmed"]
    assert first["lower"] < 0.3 * 0.9 < first["upper"] + 0.1
    assert found.get("weak_segments").value >= 1


def test_without_a_weakness_few_runs_confirm_one() -> None:
    confirmed = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        found = segments.evaluate_segments(
            columns=people(seed), loss=random.random(ROWS), config={"seed": seed}
        )
        confirmed += found.get("weak_segments").value > 0
    assert confirmed <= 8  # 5 % of 60 are 3


def test_the_estimate_of_the_worst_segment_is_not_flattered_by_the_search() -> None:
    """Found and measured on the same rows its loss would be too large each time."""
    gaps = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        found = segments.evaluate_segments(
            columns=people(seed), loss=random.random(ROWS), config={"seed": seed}
        )
        gaps.append(found.summary["segments"][0]["difference"])
    assert abs(np.mean(gaps)) < 0.02


def test_few_rows_have_no_segments_and_say_so() -> None:
    found = segments.evaluate_segments(
        columns=[Numbers("age", np.arange(50.0))], loss=np.ones(50)
    )
    assert found.get("weak_segments").value is None
    assert "100 rows in both halves" in found.get("weak_segments").because


@pytest.mark.parametrize(
    "column",
    [
        Numbers("x", np.full(ROWS, np.nan)),
        Numbers("x", np.full(ROWS, 7.0)),
        Numbers("x", np.full(ROWS, np.inf)),
        Numbers("x", np.where(np.arange(ROWS) % 2, np.inf, -np.inf)),
        Categories("x", np.arange(ROWS), tuple(map(str, range(ROWS)))),
        Categories("x", np.full(ROWS, -1), ()),
        Categories("ü" * 5000, np.arange(ROWS) % 2, ("é" * 5000, "é" * 5000 + "x")),
    ],
)
def test_odd_columns_crash_no_search(column) -> None:
    loss = np.random.default_rng(0).random(ROWS)
    found = segments.evaluate_segments(columns=[column], loss=loss)
    keys = [one.key for one in found.measurements]
    assert len(set(keys)) == len(keys)
    assert all(len(one.group) <= 200 for one in found.measurements)


@given(
    st.lists(
        st.one_of(
            st.floats(width=16), st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
        ),
        min_size=1,
        max_size=50,
    ),
    st.integers(1, 8),
)
def test_bands_put_every_row_into_one_named_band(values, most) -> None:
    column = Numbers("x", np.array(values))
    found = bands(column, most=most)
    assert len(found.of_row) == len(values)
    assert found.of_row.min() >= 0
    assert found.of_row.max() < len(found.labels)
    assert len(set(found.labels)) == len(found.labels) <= most + 1
    for value in set(values):  # equal values stay together
        places = found.of_row[column.values == value]
        assert len(set(places.tolist())) <= 1


def test_holm_by_hand_and_no_test_counts_for_none() -> None:
    found = holm({"a": 0.01, "b": None, "c": 0.04, "d": 0.03})
    assert found == {"a": 0.03, "c": 0.06, "d": 0.06}
    assert holm({}) == {}


def test_costs_by_hand() -> None:
    target = np.array([1, 1, 0, 0, 0])
    scores = np.array([0.9, 0.2, 0.8, 0.1, 0.3])
    config = {"cost_false_positive": 2, "cost_false_negative": 10, "threshold": 0.5}
    found = costs.evaluate_costs(target=target, scores=scores, config=config)
    assert found.get("cost_per_row").value == pytest.approx((2 + 10) / 5)
    # Always saying positive costs 3 x 2, never 2 x 10.
    assert found.get("cost_saved_per_row").value == pytest.approx((6 - 12) / 5)
    curve = {p["threshold"]: p["cost"] for p in found.summary["cost_curve"]}
    assert curve[0.0] == pytest.approx(6 / 5)
    assert curve[0.5] == pytest.approx(12 / 5)
    assert curve[1.0] == pytest.approx(20 / 5)
    assert curve[0.2] == pytest.approx(4 / 5)
    assert found.summary["calibrated_threshold"] == pytest.approx(1 / 6)
    with pytest.raises(UnusableEvidence, match="above 0"):
        costs.evaluate_costs(target=target, scores=scores, config={})


@given(st.integers(0, 100), st.integers(1, 9), st.integers(0, 9), st.integers(0, 2**16))
def test_the_cost_curve_passes_through_the_cost_at_the_threshold(t, a, b, seed) -> None:
    random = np.random.default_rng(seed)
    scores, target = random.integers(0, 101, 40) / 100, random.integers(0, 2, 40)
    config = {"cost_false_positive": a, "cost_false_negative": b, "threshold": t / 100}
    found = costs.evaluate_costs(target=target, scores=scores, config=config)
    here = found.summary["cost_curve"][t]
    assert here["threshold"] == t / 100
    assert found.get("cost_per_row").value == pytest.approx(here["cost"])


def days(count: int) -> tuple[str, ...]:
    return tuple(
        f"{2020 + i // 360}-{1 + i // 30 % 12:02}-{1 + i % 28:02}" for i in range(count)
    )


def by_time(time, *, target, scores, **config):
    return periods.evaluate_periods(
        time=time,
        target=target,
        scores=scores,
        loss=(scores - target) ** 2,
        task="binary",
        config=config,
    )


def test_a_model_that_decays_is_seen_over_time() -> None:
    target, scores = binary()
    late = np.arange(ROWS) >= ROWS // 2
    random = np.random.default_rng(0)
    scores = np.where(late, random.permutation(scores), scores)
    months = np.arange(ROWS) * 12 // ROWS
    labels = tuple(f"2026-{month + 1:02}-03" for month in range(12))
    found = by_time(Categories("day", months, labels), target=target, scores=scores)
    assert found.get("roc_auc_change").upper < -0.1
    assert found.get("roc_auc_trend").upper < 0
    assert found.get("loss_change").lower > 0
    assert len(found.summary["periods"]) == 12
    steady = by_time(
        Categories("day", random.permutation(months), labels),
        target=target,
        scores=scores,
    )
    change = steady.get("roc_auc_change")
    assert change.lower < 0 < change.upper


@pytest.mark.parametrize(
    ("count", "names"),
    [(60, "2020-01"), (720, "2020-01"), (1500, "2020-Q1"), (5000, "2020")],
)
def test_dates_become_months_quarters_or_years(count, names) -> None:
    labels = days(count)
    codes, found = periods.periods(Categories("day", np.arange(count), labels))
    assert found[0] == names
    assert len(found) <= 24
    assert (np.diff(codes) >= 0).all()


def test_years_stay_and_moments_are_cut() -> None:
    codes, names = periods.periods(Numbers("y", np.array([2020.0, 2022, np.nan, 2020])))
    assert (list(codes), names) == ([0, 1, -1, 0], ("2020", "2022"))
    codes, names = periods.periods(Numbers("t", np.arange(1000.0)))
    assert len(names) == 8
    assert np.bincount(codes).tolist() == [125] * 8


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (Categories("t", np.array([0]), ("yesterday",)), "neither numbers nor dates"),
        (Categories("t", np.array([-1]), ()), "neither numbers nor dates"),
        (Numbers("t", np.array([np.nan])), "is empty"),
        (Categories("t", np.arange(30), days(30 * 360)[::360]), "more than 24 years"),
    ],
)
def test_a_time_that_is_none_is_refused(time, words) -> None:
    with pytest.raises(UnusableEvidence, match=words):
        periods.periods(time)


def test_small_periods_and_periods_of_one_class_have_no_value() -> None:
    target, scores = binary(rows=400)
    target[:200] = 0
    year = np.repeat([2020.0, 2021, 2022], [200, 190, 10])
    found = by_time(Numbers("year", year), target=target, scores=scores)
    assert "one class" in found.get("roc_auc_by_period[time=2020]").because
    assert found.get("roc_auc_by_period[time=2021]").value is not None
    assert "10 rows" in found.get("loss_by_period[time=2022]").because
    assert found.get("roc_auc_trend").value is None


def test_two_models_are_compared_over_the_same_rows() -> None:
    """DeLong's interval of the difference is that of a paired bootstrap."""
    target, scores = binary(rows=800)
    random = np.random.default_rng(3)
    other = np.clip(scores + random.normal(0, 0.15, 800), 0, 1)
    found = comparison.compare(
        target=target, scores=scores, previous=other, task="binary", against="1"
    )
    gain = found.get("roc_auc_gain[against=1]")
    drawn = []
    for _ in range(400):
        rows = random.integers(0, 800, 800)
        one = comparison.auc_gain(target[rows], scores[rows], other[rows], "")
        drawn.append(one.value)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert gain.lower == pytest.approx(low, abs=0.01)
    assert gain.upper == pytest.approx(high, abs=0.01)
    assert found.get("brier_gain[against=1]").lower > 0
    back = comparison.compare(
        target=target, scores=other, previous=scores, task="binary", against="1"
    )
    assert back.get("roc_auc_gain[against=1]").value == pytest.approx(-gain.value)


def test_the_same_scores_gain_nothing_in_any_task() -> None:
    target, scores = binary(rows=100)
    several = np.stack([scores, 1 - scores], axis=1)
    for task, found in (
        ("binary", scores),
        ("regression", scores),
        ("multiclass", several),
    ):
        result = comparison.compare(
            target=target, scores=found, previous=found, task=task, against="1"
        )
        assert all(one.value == 0 for one in result.measurements), task
    with pytest.raises(UnusableEvidence, match="same form"):
        comparison.compare(
            target=target, scores=scores, previous=several, task="binary", against="1"
        )


def test_a_segment_that_is_always_wrong_among_the_always_right_is_confirmed() -> None:
    loss = (np.arange(ROWS) % 4 == 3).astype(float)
    column = Categories("town", np.arange(ROWS) % 4, ("A", "B", "C", "D"))
    found = segments.evaluate_segments(columns=[column], loss=loss, wrong=loss > 0)
    assert found.get("weak_segments").value == 1
    assert found.get("segment_error_rate[town=D]").value == 1
