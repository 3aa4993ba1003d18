"""95 % intervals hold the truth in about 95 of 100 samples of a known population."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy.special import ndtr

from tests.audits.fair import evaluate, words

ROWS = 120  # of each group
SHARE = {"a": 0.7, "b": 0.3}  # of people with the favourable outcome
APART = {"a": 2.0, "b": 1.0}  # standard deviations between good and bad scores


def scored(random):
    """Scores are normal, moved to [0, 1]; half of those without the outcome pass."""
    groups = np.repeat(["a", "b"], ROWS)
    target = random.random(2 * ROWS) < np.repeat([SHARE["a"], SHARE["b"]], ROWS)
    moved = target * np.repeat([APART["a"], APART["b"]], ROWS)
    scores = ndtr(random.normal(moved, 1))
    return target.astype(int), scores, {"g": words(*groups)}


def true_rates():
    truth = {}
    for group, share in SHARE.items():
        hit, area = ndtr(APART[group]), ndtr(APART[group] / math.sqrt(2))
        chosen = share * hit + (1 - share) / 2
        truth |= {
            f"selection_rate[g={group}]": chosen,
            f"true_positive_rate[g={group}]": hit,
            f"false_positive_rate[g={group}]": 0.5,
            f"accuracy[g={group}]": share * hit + (1 - share) / 2,
            f"precision[g={group}]": share * hit / chosen,
            f"f1[g={group}]": 2 * share * hit / (share + chosen),
            f"roc_auc[g={group}]": area,
            f"mean_score[g={group}]": share * area + (1 - share) / 2,
        }
    more, less = (truth[f"selection_rate[g={group}]"] for group in "ab")
    return truth | {
        "demographic_parity_difference[g]": more - less,
        "demographic_parity_ratio[g]": less / more,
        "demographic_parity_difference_to_overall[g]": (more - less) / 2,
        "selection_rate_to_reference[g=b]": less - more,
        "roc_auc_difference[g]": truth["roc_auc[g=a]"] - truth["roc_auc[g=b]"],
    }


def valued(random):
    target = random.normal(10, 2, 2 * ROWS)
    errors = random.normal(0.5, np.repeat([1.0, 2.0], ROWS))
    groups = np.repeat(["a", "b"], ROWS)
    return target, target + errors, {"g": words(*groups)}


def true_values():
    truth = {}
    for group, spread in (("a", 1.0), ("b", 2.0)):
        squared = 0.25 + spread**2
        folded = spread * math.sqrt(2 / math.pi) * math.exp(-0.125 / spread**2)
        truth |= {
            f"mean_prediction[g={group}]": 10.5,
            f"mean_error[g={group}]": 0.5,
            f"mean_absolute_error[g={group}]": folded
            + 0.5 * (1 - 2 * ndtr(-0.5 / spread)),
            f"rmse[g={group}]": math.sqrt(squared),
            f"r2[g={group}]": 1 - squared / 4,
        }
    return truth | {
        "mean_absolute_error_difference_to_overall[g]": (
            truth["mean_absolute_error[g=b]"] - truth["mean_absolute_error[g=a]"]
        )
        / 2,
        "rmse_difference[g]": math.sqrt(4.25) - math.sqrt(1.25),
        "rmse_ratio[g]": math.sqrt(1.25 / 4.25),
    }


def coverage(population, truth, runs, **asked):
    held = Counter()
    for seed in range(runs):
        target, scores, groups = population(np.random.default_rng(seed))
        found = evaluate(target, scores, groups, bootstrap_rounds=400, **asked)
        for key, value in truth.items():
            one = found.get(key)
            held[key] += one.lower <= value <= one.upper
    return {key: times / runs for key, times in held.items()}


CASES = [
    (scored, true_rates(), {}),
    (valued, true_values(), {"task": "regression"}),
]


@pytest.mark.parametrize(("population", "truth", "asked"), CASES)
def test_intervals_hold_the_truth(population, truth, asked):
    """Sixty samples: 0.82 is more than four standard errors below 0.95."""
    found = coverage(population, truth, 60, **asked)
    assert {key: share for key, share in found.items() if share < 0.82} == {}


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("population", "truth", "asked"), CASES)
def test_intervals_hold_the_truth_at_length(population, truth, asked):
    found = coverage(population, truth, 1000, **asked)
    assert {k: share for k, share in found.items() if not 0.92 <= share <= 0.985} == {}
