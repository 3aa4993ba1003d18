"""Tests decide, not the worst pair: they stay calm without disparity, and find it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from audits.evaluators.estimates import Estimate
from audits.evaluators.fairness.homogeneity import (
    fisher,
    same_mean,
    same_rate,
    two_means,
    two_rates,
)
from audits.evaluators.multiplicity import holm
from audits.evaluators.rates import shrunken
from tests.audits.fair import evaluate, value, words


def shares(*pairs):
    return [
        Estimate(f"g{i}", value=hits / n, n=n, hits=hits)
        for i, (hits, n) in enumerate(pairs)
    ]


def of(pairs, seed=0):
    return same_rate(shares(*pairs), leave_out=False, seed=seed)


def test_chi_square_is_scipys():
    pairs = [(20, 50), (35, 60), (11, 40)]
    table = [[hits, n - hits] for hits, n in pairs]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert of(pairs).p == pytest.approx(expected, rel=1e-12)
    assert of(pairs).method == "chi-square test"


def test_few_hits_are_tested_by_permutation_and_near_the_exact_test():
    pairs = [(0, 40), (5, 45)]
    found = of(pairs)
    assert found.method == "permutation test, 9999 rounds, seed 0"
    exact = stats.fisher_exact([[0, 40], [5, 40]]).pvalue
    assert found.p == pytest.approx(exact, abs=0.02)
    assert found.p == of(pairs).p
    assert of([(0, 1000), (9, 1000), (0, 5000)]).p < 0.001


def test_one_group_with_next_to_no_hits_expected_is_enough_for_a_permutation():
    found = of([(0, 3), *[(100, 1000)] * 9])
    assert found.method.startswith("permutation test")
    assert found.p > 0.9


def test_a_permutation_never_says_that_something_is_impossible():
    """Phipson and Smyth 2010: the data themselves are one of the permutations."""
    assert of([(0, 1000), (50, 60)]).p == 1 / 10_000


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_fisher_is_scipys(n, m, a, b):
    a, b = min(a, n), min(b, m)
    expected = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
    assert fisher(a, n, a + b, n + m) == pytest.approx(expected, rel=1e-6)


def test_two_rates_of_many_rows_by_chi_square_of_few_exactly():
    table = [[300, 700], [350, 650]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert two_rates(300, 1000, 350, 1000) == pytest.approx(expected)
    assert two_rates(0, 30, 3, 1000) == pytest.approx(
        stats.fisher_exact([[0, 30], [3, 997]]).pvalue
    )
    assert two_rates(0, 5, 0, 9) == 1.0


def of_samples(samples):
    return same_mean(
        [Estimate("g", value=float(x.mean()), n=len(x)) for x in samples],
        [float(x.std(ddof=1)) for x in samples],
        leave_out=False,
    )


def test_two_groups_means_are_tested_as_welch_did():
    random = np.random.default_rng(0)
    samples = [random.normal(0, 1, 40), random.normal(0.5, 3, 25)]
    found = of_samples(samples)
    assert found.p == pytest.approx(stats.ttest_ind(*samples, equal_var=False).pvalue)
    assert found.method == "Brown-Forsythe test"
    far = [1e150 * x for x in samples]
    assert of_samples(far).p == pytest.approx(found.p)


def test_many_rows_of_one_variance_are_tested_as_fisher_did():
    random = np.random.default_rng(0)
    samples = [random.normal(i / 50, 1, 3000) for i in range(3)]
    expected = stats.f_oneway(*samples).pvalue
    assert 1e-5 < expected < 0.5
    assert of_samples(samples).p == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("groups", "rows"), [(30, 5), (150, 30), (5, 30)])
def test_means_alike_are_seldom_called_different(groups, rows):
    """Variances differ; 300 runs, so that 0.10 is four standard errors above."""
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        spread = np.exp(random.normal(0, 0.5, groups))
        samples = random.normal(0, spread[:, None], (groups, rows))
        alarms += of_samples(list(samples)).p < 0.05
    assert alarms / 300 < 0.10


def test_constant_groups_are_alike_or_not():
    assert of_samples([np.full(9, 2.0), np.full(9, 2.0)]).p == 1.0
    assert of_samples([np.full(9, 2.0), np.full(9, 3.0)]).p == 0.0
    one = [Estimate("g", value=1.0, n=1), Estimate("h", value=2.0, n=9)]
    assert same_mean(one, [float("nan"), 1.0], leave_out=False).p is None


def test_holm_as_in_the_paper():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


@given(st.dictionaries(st.text(), st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_the_order(values):
    adjusted = holm(values)
    assert all(values[name] <= adjusted[name] <= 1 for name in values)
    for one, other in itertools.combinations(values, 2):
        if values[one] < values[other]:
            assert adjusted[one] <= adjusted[other]


def simulate(runs, rates, rows):
    """How often the test rejects, and how often the worst ratio is below 0.8."""
    random = np.random.default_rng(7)
    alarms = gaps = 0
    for _ in range(runs):
        groups = random.integers(0, len(rates), rows)
        hits = np.bincount(groups, random.random(rows) < rates[groups], len(rates))
        trials = np.bincount(groups, minlength=len(rates))
        found = shares(*zip(hits.astype(int), trials, strict=True))
        alarms += same_rate(found, leave_out=False, seed=0).p < 0.05
        gaps += min(hits / trials) / max(hits / trials) < 0.8
    return alarms / runs, gaps / runs


def test_without_disparity_the_ratio_cries_wolf_and_the_test_does_not():
    """Thirty groups alike (evidence.md, finding 2): the standard error of the share of
    alarms in 400 runs is 1.1 points."""
    alarms, gaps = simulate(400, np.full(30, 0.3), 6000)
    assert gaps > 0.99
    assert 0.02 <= alarms <= 0.085


def test_a_real_disparity_is_found():
    rates = np.full(30, 0.3)
    rates[:5] = 0.2
    alarms, _ = simulate(100, rates, 12_000)
    assert alarms > 0.95


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("rate", "rows", "runs"),
    [(0.3, 20_000, 2000), (0.1, 6000, 2000), (0.01, 3000, 500)],
)
def test_without_disparity_at_length(rate, rows, runs):
    """Within three and a half standard errors; rare outcomes go by permutation."""
    alarms, _ = simulate(runs, np.full(30, rate), rows)
    assert alarms == pytest.approx(0.05, abs=3.5 * (0.05 * 0.95 / runs) ** 0.5)


def test_whole_runs_over_three_features_are_calm_too():
    """Twelve tests a run, adjusted by Holm: at most one run in twenty has an alarm."""
    alarmed = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        features = {
            name: np.arange(size)
            .astype(str)
            .astype(object)[random.integers(0, size, 3000)]
            for name, size in (("sex", 2), ("race", 3), ("age", 5))
        }
        truth, predicted = random.integers(0, 2, (2, 3000))
        found = evaluate(truth, predicted, features)
        tests = [m for m in found.measurements if m.name.endswith("_homogeneity_p")]
        assert len(tests) == 12
        alarmed += any(test.value < 0.05 for test in tests)
    assert alarmed <= 4


def test_the_reader_sees_which_group_differs():
    random = np.random.default_rng(0)
    groups = np.array(list("aaabcd"), object)[random.integers(0, 6, 6000)]
    chance = np.where(groups == "c", 0.3, 0.5)
    predicted = (random.random(6000) < chance).astype(int)
    found = evaluate(predicted, predicted, {"g": groups})
    assert value(found, "selection_rate_to_reference_p[g=c]") < 1e-6
    assert value(found, "selection_rate_to_reference_p[g=b]") > 0.01
    one = found.get("selection_rate_to_reference[g=c]")
    assert one.value == pytest.approx(-0.2, abs=0.05)
    assert one.upper < 0
    assert "largest group (a)" in one.method
    with pytest.raises(KeyError):
        found.get("selection_rate_to_reference_p[g=a]")


def test_the_limits_say_that_the_worst_pair_does_not_decide():
    found = evaluate([0, 1, 0, 1], [0, 1, 1, 1], {"g": words("a", "a", "b", "b")})
    assert any("describes and does not decide" in limit for limit in found.limits)
    left = evaluate([0, 1] * 40, [0, 1] * 40, {"g": words(*"ab" * 40)},
                    small_groups="leave out", minimum_group_size=30)  # fmt: skip
    assert any("left out of the comparisons, as asked" in one for one in left.limits)


def test_two_means_are_tested_as_scipy_does():
    random = np.random.default_rng(0)
    one, other = random.normal(0, 1, 30), random.normal(0.8, 3, 50)
    facts = [(x.mean(), x.std(ddof=1), len(x)) for x in (one, other)]
    expected = stats.ttest_ind(one, other, equal_var=False).pvalue
    assert two_means(*facts) == pytest.approx(expected)
    assert two_means((1.0, 0.0, 5), (2.0, 0.0, 5)) == 0.0
    assert two_means((1.0, 0.0, 5), (1.0, 0.0, 5)) == 1.0
    assert two_means((1.0, np.nan, 1), (2.0, 1.0, 5)) is None


def test_the_reader_sees_which_groups_values_differ():
    random = np.random.default_rng(0)
    groups = np.array(list("aaabcd"), object)[random.integers(0, 6, 3000)]
    values = random.normal(0, 1, 3000) + (groups == "c")
    found = evaluate(values * 0, values, {"g": groups}, task="regression")
    for name in ("mean_prediction", "mean_error"):
        assert value(found, f"{name}_to_reference_p[g=c]") < 1e-6
        assert value(found, f"{name}_to_reference_p[g=b]") > 0.01
        one = found.get(f"{name}_to_reference[g=c]")
        assert one.lower < 1 < one.upper
        assert one.value == pytest.approx(1, abs=0.2)


def test_shrunken_rates_believe_small_groups_less():
    trials = np.array([20, 2000, 2000, 0])
    pulled = shrunken(np.array([16, 1000, 700, 0]), trials)
    assert 0.425 < pulled[0] < 0.75  # 0.8 of 20 rows; 0.426 of all
    assert pulled[1:3] == pytest.approx([0.5, 0.35], abs=0.005)
    assert pulled[3] is None
    alike = shrunken(np.array([50, 49, 51]), np.array([100, 100, 100]))
    assert alike == [0.5, 0.5, 0.5]
    assert shrunken(np.array([0, 0]), np.array([5, 5])) == [0, 0]
    assert shrunken(np.array([3]), np.array([4])) == [0.75]
    assert shrunken(np.array([0]), np.array([0])) == [None]


def test_shrunken_rates_are_nearer_to_the_truth_than_the_raw_ones():
    random = np.random.default_rng(0)
    raw = near = 0.0
    for _ in range(50):
        truth = random.beta(30, 70, 25)
        trials = random.integers(20, 200, 25)
        hits = random.binomial(trials, truth)
        raw += ((hits / trials - truth) ** 2).sum()
        near += ((np.array(shrunken(hits, trials)) - truth) ** 2).sum()
    assert near < 0.8 * raw


def test_the_table_has_shrunken_rates_also_of_small_groups():
    groups = ["a"] * 60 + ["b"] * 60 + ["c"] * 5
    target = [0, 1] * 60 + [1] * 5
    found = evaluate(target, target, {"g": groups}, minimum_group_size=30)
    (table,) = found.summary["features"]
    small = table["groups"][2]["rates"]["selection_rate"]
    assert small["value"] is None
    assert 0.5 <= small["shrunken"] < 1
