"""fairlearn's MetricFrame says the same, point for point and interval for interval."""

import dataclasses

import numpy as np
import pytest
from fairlearn import metrics as fl
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.fairness import bootstrap, reference
from audits.evaluators.fairness.cells import coded, count, numbered
from audits.evaluators.fairness.groups import grouping
from audits.evaluators.rates import RATES
from tests.audits.fair import evaluate, value

LETTERS = np.array(["a", "b", "c"], dtype=object)


def sample(seed, rows):
    """Random rows in which each group has each of the four outcomes."""
    random = np.random.default_rng(seed)
    truth, predicted = random.integers(0, 2, (2, rows))
    groups = LETTERS[random.integers(0, 3, rows)]
    for index, letter in enumerate(LETTERS):
        at = slice(4 * index, 4 * index + 4)
        truth[at], predicted[at], groups[at] = (0, 0, 1, 1), (0, 1, 0, 1), letter
    return truth, predicted, groups


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(40, 120), st.integers(0, 1))
def test_cross_check_compares_every_number_and_finds_no_difference(
    seed, rows, favourable
):
    truth, predicted, groups = sample(seed, rows)
    other = LETTERS[np.random.default_rng(seed).integers(0, 2, rows)]
    found = evaluate(
        truth,
        predicted,
        {"g": groups, "h": other},
        cross_check=True,
        favourable=favourable,
    )
    # Of g alone: 3 groups x 9 numbers, 15 comparisons and equalized odds, both ways.
    assert found.summary["cross_check"]["numbers_that_agree"] >= 3 * 9 + 2 * (15 + 2)


def test_cross_check_finds_a_number_that_is_wrong():
    truth, predicted, groups = sample(0, 100)
    found = evaluate(truth, predicted, {"g": groups})
    columns = [coded("g", groups)]
    groups_of = grouping(count(columns), ["g"])
    measured = list(found.measurements)
    arguments = (groups_of, groups_of.of_rows(columns), truth, predicted)
    assert reference.check(measured, *arguments) > 0
    for key in ("selection_rate[g=a]", "f1_ratio_to_overall[g]"):
        wrong = [
            dataclasses.replace(one, value=(one.value or 0) + 1e-9)
            if one.key == key
            else one
            for one in measured
        ]
        with pytest.raises(UnusableEvidence, match="cannot be trusted"):
            reference.check(wrong, *arguments)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(40, 120))
def test_fairlearns_own_functions_give_the_same(seed, rows):
    truth, predicted, groups = sample(seed, rows)
    found = evaluate(truth, predicted, {"g": groups})
    same = {"y_true": truth, "y_pred": predicted, "sensitive_features": groups}
    for way, suffix in (("between_groups", ""), ("to_overall", "_to_overall")):
        for name in (
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "equalized_odds_difference",
            "equalized_odds_ratio",
            "equal_opportunity_difference",
            "equal_opportunity_ratio",
        ):
            theirs = getattr(fl, name)(**same, method=way)
            one = found.get(f"{name}{suffix}[g]")
            assert one.value == pytest.approx(theirs, abs=1e-12)
            assert one.lower is not None
            assert one.upper is not None
            assert one.lower - 1e-9 <= theirs <= one.upper + 1e-9


def _agrees(rounds, rows, seed):
    """Our replicates of rates beside those of fairlearn's bootstrap of rows.

    Both are samples of one distribution: quantiles differ by Monte-Carlo error only.
    The standard error of a quantile comes from the quantiles half an error away.
    """
    truth, predicted, groups = sample(seed, rows)
    ends = [0.1, 0.5, 0.9]
    frame = fl.MetricFrame(
        metrics={name: reference.METRICS[name] for name in RATES},
        y_true=truth,
        y_pred=predicted,
        sensitive_features=groups.astype(str),
        n_boot=rounds,
        ci_quantiles=ends,
        random_state=seed,
    )
    columns = [
        coded("g", groups),
        numbered("y", truth.astype(np.uint8), 2),
        numbered("p", predicted.astype(np.uint8), 2),
    ]
    table = count(columns)
    counts = grouping(table, ["g"]).counts(table, "y", "p")
    misses = []
    for name, rate in RATES.items():
        ours = bootstrap.replicates(counts, rate.values, rounds=20_000, seed=seed)
        gaps = np.ptp(ours, axis=1)
        for place, end in enumerate(ends):
            theirs = [
                *frame.by_group_ci[place][name],
                frame.difference_ci()[place][name],
            ]
            error = (end * (1 - end) / rounds) ** 0.5
            for column, expected in zip([*ours.T, gaps], theirs, strict=True):
                # Rates of few rows take few values: the open ends belong to both.
                low = np.nanquantile(column, max(0, end - 4.5 * error), method="lower")
                high = np.nanquantile(
                    column, min(1, end + 4.5 * error), method="higher"
                )
                if not low - 0.01 <= expected <= high + 0.01:
                    misses.append((name, end, expected, low, high))
    return misses


def test_resampled_cells_are_resampled_rows():
    assert _agrees(rounds=60, rows=300, seed=3) == []


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_resampled_cells_are_resampled_rows_at_length():
    for seed in range(5):
        assert _agrees(rounds=1000, rows=600, seed=seed) == []


def test_the_interval_of_a_rate_to_overall_is_near_fairlearns():
    truth, predicted, groups = sample(1, 400)
    frame = fl.MetricFrame(
        metrics=fl.selection_rate,
        y_true=truth,
        y_pred=predicted,
        sensitive_features=groups.astype(str),
        n_boot=300,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    theirs = frame.difference_ci(method="to_overall")
    found = evaluate(truth, predicted, {"g": groups}, bootstrap_rounds=5000)
    one = found.get("demographic_parity_difference_to_overall[g]")
    assert one.lower == pytest.approx(theirs[0], abs=0.012)
    assert one.upper == pytest.approx(theirs[1], abs=0.02)


def test_fairlearn_guide_as_printed():
    """The 18 rows of fairlearn's user guide, rebuilt from its table (evidence.md 5)."""
    cells = {  # true positives, false negatives, false positives, true negatives
        "a": (1, 1, 2, 0),
        "b": (3, 2, 0, 1),
        "c": (2, 3, 2, 1),
    }
    rows = [
        (group, truth, predicted)
        for group, counts in cells.items()
        for times, (truth, predicted) in zip(
            counts, [(1, 1), (1, 0), (0, 1), (0, 0)], strict=True
        )
        for _ in range(times)
    ]
    groups, truth, predicted = zip(*rows, strict=True)
    found = evaluate(truth, predicted, {"g": groups}, cross_check=True)
    table = {
        "true_positive_rate": (0.5, 0.6, 0.4),
        "false_positive_rate": (1.0, 0.0, 2 / 3),
        "selection_rate": (0.75, 0.5, 0.5),
        "count": (4, 6, 8),
    }
    for rate, values in table.items():
        for group, expected in zip("abc", values, strict=True):
            assert value(found, f"{rate}[g={group}]") == pytest.approx(expected)
    published = {  # three decimals are printed
        "equal_opportunity_difference": 0.2,
        "false_positive_rate_difference": 1.0,
        "demographic_parity_difference": 0.25,
        "equal_opportunity_difference_to_overall": 0.1,
        "false_positive_rate_difference_to_overall": 0.667,
        "demographic_parity_difference_to_overall": 0.194,
    }
    for name, expected in published.items():
        assert value(found, f"{name}[g]") == pytest.approx(expected, abs=5e-4)
