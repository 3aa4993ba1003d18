"""Performance: how good the predictions are, each number with its interval."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators import discrimination
from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
    versions_of,
)
from audits.evaluators.intervals import mean_interval, wilson
from audits.evaluators.regression import evaluate_regression
from audits.evaluators.resampling import percentile_interval, rounds_for

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
# Probabilities of exactly 0 and 1 would make the log loss infinite; scikit-learn too
# moves them by the precision of the number.
NEAR = float(np.finfo(np.float64).eps)


def evaluate(
    *,
    target: NDArray[Any],
    scores: Floats,
    task: str = "binary",
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure predictions against the truth.

    Binary: `target` is 0 or 1, `scores` the probability of 1; settings `threshold`
    (0 to 1, default 0.5; a score at the threshold counts as positive), `seed`,
    `bootstrap_rounds`. Regression: both are values. Raises UnusableEvidence.
    """
    config = config or {}
    known_settings(config)
    if len(target) != len(scores) or len(target) == 0:
        raise UnusableEvidence(
            f"There are {len(scores)} predictions for {len(target)} rows."
        )
    seed = int(setting(config, "seed", 0, low=0, high=2**31))
    wanted = int(setting(config, "bootstrap_rounds", 1000, low=100, high=100_000))
    rounds = rounds_for(len(target), wanted)
    if task == "regression":
        return evaluate_regression(
            target=target, predicted=scores, rounds=rounds, seed=seed
        )
    if task != "binary":
        raise UnusableEvidence(
            f"The task {task!r} is not measured yet: binary classification and "
            "regression are."
        )
    threshold = setting(config, "threshold", 0.5, low=0, high=1)
    return _binary(target, scores, threshold=threshold, rounds=rounds, seed=seed)


def _binary(
    target: Labels, scores: Floats, *, threshold: float, rounds: int, seed: int
) -> Evaluation:
    if set(np.unique(target)) != {0, 1}:
        raise UnusableEvidence(
            "The target has one class only, or values other than 0 and 1: nothing can "
            "be compared."
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise UnusableEvidence("The scores are not probabilities between 0 and 1.")
    predicted = scores >= threshold
    cells = {
        "true_positive": int((predicted & (target == 1)).sum()),
        "false_positive": int((predicted & (target == 0)).sum()),
        "false_negative": int((~predicted & (target == 1)).sum()),
        "true_negative": int((~predicted & (target == 0)).sum()),
    }
    measurements = (
        *_ranking(target, scores, rounds=rounds, seed=seed),
        *_rates(cells),
        _f1(cells, rounds=rounds, seed=seed),
        *_losses(target, scores),
        _calibration(target, scores, rounds=rounds, seed=seed),
    )
    return Evaluation(
        measurements=measurements,
        summary={
            "task": "binary",
            "rows": len(target),
            "positives": int(target.sum()),
            "threshold": threshold,
            "confusion": cells,
            "roc_curve": discrimination.curve(target, scores),
            "calibration": discrimination.calibration_bins(target, scores),
            "seed": seed,
            "bootstrap_rounds": rounds,
        },
        versions=versions_of("numpy", "scipy", "scikit-learn"),
    )


def _ranking(
    target: Labels, scores: Floats, *, rounds: int, seed: int
) -> tuple[Measurement, Measurement]:
    area, lower, upper = discrimination.auc_delong(target, scores)
    precision = discrimination.average_precision(target, scores)
    return (
        Measurement(
            "roc_auc",
            area,
            lower,
            upper,
            n=len(target),
            method="midranks; DeLong interval on the logit scale",
        ),
        _bootstrapped("average_precision", precision, target, rounds, seed),
    )


def _bootstrapped(
    name: str, statistic: Any, target: NDArray[Any], rounds: int, seed: int
) -> Measurement:
    interval = percentile_interval(
        statistic, rows=len(target), rounds=rounds, seed=seed
    )
    lower, upper = interval or (None, None)
    return Measurement(
        name,
        statistic(np.ones(len(target))),
        lower,
        upper,
        n=len(target),
        method=f"percentile bootstrap, {rounds} rounds, seed {seed}",
    )


def _rates(cells: Mapping[str, int]) -> list[Measurement]:
    tp, fp, fn, tn = cells.values()
    rates = {
        "accuracy": (tp + tn, tp + fp + fn + tn, "rows"),
        "precision": (tp, tp + fp, "positive predictions"),
        "recall": (tp, tp + fn, "positive rows"),
        "specificity": (tn, tn + fp, "negative rows"),
    }
    return [_rate(name, *parts) for name, parts in rates.items()]


def _rate(name: str, hits: int, trials: int, of: str) -> Measurement:
    if trials == 0:
        return not_estimable(name, why=f"not estimable: there are no {of}")
    lower, upper = wilson(hits, trials)
    return Measurement(
        name, hits / trials, lower, upper, n=trials, method="Wilson interval"
    )


def _f1(cells: Mapping[str, int], *, rounds: int, seed: int) -> Measurement:
    """F1 resampled as counts: the same distribution as resampling rows
    (evidence.md 2.3)."""
    counts = np.array(list(cells.values()))
    total = int(counts.sum())
    hits, wrong, missed, _ = counts
    if hits + wrong + missed == 0:
        return not_estimable("f1", n=total, why="not estimable: nothing is positive")
    drawn = np.random.default_rng(seed).multinomial(total, counts / total, rounds)
    below = 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]
    values = (2 * drawn[:, 0] / np.maximum(below, 1))[below > 0]
    lower, upper = np.quantile(values, [0.025, 0.975])
    return Measurement(
        "f1",
        float(2 * hits / (2 * hits + wrong + missed)),
        float(lower),
        float(upper),
        n=total,
        method=f"multinomial bootstrap of the confusion counts, {rounds} rounds, "
        f"seed {seed}",
    )


def _losses(target: Labels, scores: Floats) -> list[Measurement]:
    safe = np.clip(scores, NEAR, 1 - NEAR)
    losses = {
        "brier": (scores - target) ** 2,
        "log_loss": -np.where(target == 1, np.log(safe), np.log1p(-safe)),
    }
    found = []
    for name, each in losses.items():
        mean = float(each.mean())
        deviation = float(each.std(ddof=1)) if len(each) > 1 else 0.0
        lower, upper = mean_interval(mean, deviation, len(each))
        found.append(
            Measurement(
                name,
                mean,
                max(0.0, lower),
                upper,
                n=len(each),
                method="mean over rows, normal interval",
            )
        )
    return found


def _calibration(
    target: Labels, scores: Floats, *, rounds: int, seed: int
) -> Measurement:
    statistic = partial(discrimination.calibration_error, target, scores)
    return _bootstrapped("ece", statistic, target, rounds, seed)
