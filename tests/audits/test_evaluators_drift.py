"""Drift: profiles add up, distances are those of scipy, nothing moves unseen."""

import csv
import json
import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn import metrics

from audits.evaluators import distances, drift, estimation
from audits.evaluators.base import UnusableEvidence
from audits.evaluators.columns import Categories, Column, Numbers, as_categories
from audits.evaluators.profiles import (
    CategoryProfile,
    NumberProfile,
    paired,
    profile,
    profile_from,
)
from tests.audits.zoo import SHARED

VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1.0, math.inf]),
)


def compared(name: str, before: Column, now: Column) -> drift.Compared:
    reference = profile(before)
    return drift.Compared(name, reference, profile(now, like=reference))


def numbers(before, now, name: str = "x") -> drift.Compared:
    return compared(
        name,
        Numbers(name, np.array(before, float)),
        Numbers(name, np.array(now, float)),
    )


@given(
    st.lists(VALUES, min_size=1, max_size=60),
    st.lists(VALUES, max_size=60),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_profiles_of_any_parts_add_up_to_the_whole(reference, values, cuts) -> None:
    like = profile(Numbers("x", np.array(reference)))
    column = np.array(values, float)
    parts = np.split(column, sorted(min(cut, len(values)) for cut in cuts))
    profiles = [profile(Numbers("x", part), like=like) for part in parts]
    whole = profile(Numbers("x", column), like=like)
    assert reduce(NumberProfile.plus, profiles) == whole
    assert whole.rows == len(values)
    assert profile_from(json.loads(json.dumps(whole.as_json()))) == whole


@given(
    st.lists(st.sampled_from(["a", "b", "ü", "", None]), max_size=40),
    st.integers(0, 40),
)
def test_profiles_of_categories_add_up_too(words, cut) -> None:
    labels = tuple(sorted({word for word in words if word is not None}))
    codes = np.array([labels.index(w) if w is not None else -1 for w in words], int)
    whole = profile(Categories("x", codes, labels))
    parts = [profile(Categories("x", part, labels)) for part in np.split(codes, [cut])]
    assert reduce(CategoryProfile.plus, parts) == whole
    assert profile_from(json.loads(json.dumps(whole.as_json()))) == whole


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "number", "name": "x", "edges": [1], "counts": [1], "missing": 0},
        {"kind": "category", "name": "x", "counts": [1], "missing": 0},
        {"kind": "category", "name": "x", "counts": {"a": "b"}, "missing": 0},
    ],
)
def test_a_stored_profile_of_another_form_is_refused(document) -> None:
    with pytest.raises(UnusableEvidence, match="does not have its form"):
        profile_from(document)


def test_profiles_with_other_cells_are_not_mixed() -> None:
    one, other = (profile(Numbers("x", np.arange(n))) for n in (10.0, 20.0))
    with pytest.raises(UnusableEvidence, match="cannot be added"):
        one.plus(other)
    with pytest.raises(UnusableEvidence, match="cannot be compared"):
        paired(one, other)
    with pytest.raises(UnusableEvidence, match="no distance"):
        paired(one, CategoryProfile("x", {}, 0))
    with pytest.raises(UnusableEvidence, match="holds text here"):
        profile(as_categories(Numbers("x", np.arange(3.0))), like=one)


def test_distances_are_those_of_scipy() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=3000), random.normal(0.2, 1.1, size=2000)
    one = numbers(a, b)
    statistic, p = distances.ks(one.reference, one.current)
    exact = stats.ks_2samp(a, b)
    assert statistic == pytest.approx(exact.statistic, abs=1 / 1024 + 1e-12)
    assert p == pytest.approx(exact.pvalue, rel=0.6)
    counts = paired(one.reference, one.current)
    assert len(counts[0]) in (11, 12)  # ten, and what lies beyond
    edges = np.quantile(a, np.arange(1, 10) / 10)
    old, new = (np.bincount(np.searchsorted(edges, x), minlength=10) for x in (a, b))
    share_old, share_new = old / 3000, new / 2000
    plain = ((share_new - share_old) * np.log(share_new / share_old)).sum()
    assert distances.psi(old, new) == pytest.approx(plain, rel=0.01)
    assert distances.psi(*counts) == pytest.approx(plain, rel=0.15)
    assert distances.js_distance(old, new) == pytest.approx(
        jensenshannon(share_old, share_new, base=2)
    )
    expected = stats.chi2_contingency([old, new], correction=False).pvalue
    assert distances.chi_square(old, new) == pytest.approx(expected)


def test_few_different_numbers_have_the_exact_statistic() -> None:
    random = np.random.default_rng(1)
    a, b = random.integers(0, 30, 500), random.integers(2, 33, 700)
    one = numbers(a, b)
    statistic, _ = distances.ks(one.reference, one.current)
    assert statistic == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)


def test_chi_square_of_berkeley_as_published() -> None:
    """R's documentation of UCBAdmissions: X-squared of sex and admission is 92.21."""
    path = SHARED / "data" / "ucb_admissions.csv"
    if not path.exists():
        pytest.skip("the shared data are absent")
    counts = {"Male": [0, 0], "Female": [0, 0]}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sex = row.get("Gender") or row["gender"]
            admitted = (row.get("Admit") or row["admit"]) == "Admitted"
            counts[sex][admitted] += int(row.get("Freq") or row["n"])
    p = distances.chi_square(np.array(counts["Male"]), np.array(counts["Female"]))
    assert p == pytest.approx(stats.chi2.sf(92.2053, 1), rel=1e-3)


def test_nothing_moved_is_rarely_called_moved() -> None:
    random = np.random.default_rng(3)
    called, beyond = 0, 0
    for _ in range(100):
        features = [
            numbers(random.normal(size=400), random.normal(size=300), f"f{i}")
            for i in range(5)
        ]
        found = drift.evaluate(features=features)
        called += found.get("drifted_features").value > 0
        beyond += sum(
            row["psi"] > row["psi_critical"] for row in found.summary["drift"]
        )
    assert called <= 12
    assert 5 <= beyond <= 50  # of 500, 5 % are 25


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (Numbers("x", np.full(500, 1.0)), Numbers("x", np.full(500, 5.0))),
        (Numbers("x", np.full(500, 1.0)), Numbers("x", np.full(500, -5.0))),
        (Numbers("x", np.full(500, np.nan)), Numbers("x", np.full(500, 1.0))),
        (Numbers("x", np.arange(500.0)), Numbers("x", np.full(500, np.nan))),
        (Numbers("x", np.arange(500.0)), Numbers("x", np.full(500, np.inf))),
        (Numbers("x", np.arange(500.0)), Numbers("x", np.full(500, -np.inf))),
        (Numbers("x", np.arange(500.0)), Numbers("x", np.arange(500.0) + 400)),
        (
            Categories("x", np.arange(9000) % 9000, tuple(map(str, range(9000)))),
            Categories("x", np.arange(9000), tuple(map(str, range(9000, 18000)))),
        ),
        (
            Categories("x", np.arange(500) % 2, ("ü" * 5000, "\N{SNOWMAN}")),
            Categories("x", np.zeros(500, int), ("ü" * 5000,)),
        ),
        (
            as_categories(Numbers("x", np.arange(500.0) % 7)),
            Categories("x", np.full(500, -1), ()),
        ),
    ],
)
def test_whatever_moves_wholly_is_seen(before: Column, now: Column) -> None:
    found = drift.evaluate(features=[compared("x", before, now)])
    assert found.get("psi[feature=x]").value > 0.25
    assert found.get("drift_p[feature=x]").value < 0.01
    assert found.get("drifted_features").value == 1
    assert found.summary["drift"][0]["band"] == "large"


def test_too_few_rows_and_lost_columns_have_no_value() -> None:
    few = Categories("few", np.array([0, 1, 2]), ("a", "b", "c"))
    nothing = CategoryProfile("gone", {}, 0)
    found = drift.evaluate(
        features=[
            compared("few", few, few),
            drift.Compared("gone", nothing, nothing),
            numbers(range(200), range(200), "kept"),
        ],
        groups={"sex=x": numbers([1.0] * 5, [1.0] * 5)},
    )
    assert found.get("drift_p[feature=few]").value is None
    assert "no such column" in found.get("psi[feature=gone]").because
    assert found.get("drifted_features").value is None
    assert found.get("psi_largest").value is None
    assert found.get("psi[feature=kept]").value == pytest.approx(0)
    assert "5 rows" in found.get("score_psi_by_group[sex=x]").because
    with pytest.raises(UnusableEvidence, match="no column to compare"):
        drift.evaluate(features=[])


def test_the_interval_of_the_index_holds_what_is_true() -> None:
    """Two normal samples half a deviation apart, in the deciles of the first."""
    edges = stats.norm.ppf(np.arange(1, 10) / 10)
    shares = np.diff(stats.norm.cdf(np.concatenate([[-9], edges, [9]]), 0.5))
    truth = ((shares - 0.1) * np.log(shares / 0.1)).sum()
    random = np.random.default_rng(0)
    held = 0
    for seed in range(60):
        one = numbers(random.normal(size=2000), random.normal(0.5, size=2000))
        found = drift.evaluate(features=[one], config={"seed": seed})
        index = found.get("psi[feature=x]")
        held += index.lower <= truth <= index.upper
    assert held >= 52


def test_calibrated_scores_estimate_their_own_performance() -> None:
    random = np.random.default_rng(0)
    scores = random.beta(2, 3, 20_000)
    target = (random.random(20_000) < scores).astype(int)
    found = estimation.estimate(scores, config={"threshold": 0.4})
    hard = scores >= 0.4
    realised = {
        "estimated_accuracy": metrics.accuracy_score(target, hard),
        "estimated_precision": metrics.precision_score(target, hard),
        "estimated_recall": metrics.recall_score(target, hard),
        "estimated_roc_auc": metrics.roc_auc_score(target, scores),
    }
    for name, value in realised.items():
        one = found.get(name)
        assert one.value == pytest.approx(value, abs=0.015), name
        assert one.lower < one.value < one.upper


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_certain_scores_estimate_no_area(score: float) -> None:
    found = estimation.estimate(np.full(100, score))
    assert found.get("estimated_roc_auc").value is None
    assert found.get("estimated_accuracy").value == 1
