"""Performance: how good the predictions are, each number with its interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators import calibration, discrimination, threshold_counts
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
from audits.evaluators.multiclass import evaluate_multiclass
from audits.evaluators.regression import evaluate_regression
from audits.evaluators.resampling import Blocks, blocks, percentiles

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
# Probabilities of exactly 0 and 1 would make the log loss infinite; scikit-learn too
# moves them by the precision of the number.
NEAR = float(np.finfo(np.float64).eps)
LIMITS = (
    "Performance on these data says nothing about other people, places or times.",
)


def evaluate(
    *,
    target: NDArray[Any],
    scores: Floats,
    task: str = "binary",
    classes: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure predictions against the truth.

    Binary: `target` is 0 or 1, `scores` the probability of 1; settings `threshold`
    (0 to 1, default 0.5; a score at the threshold counts as positive), `seed`,
    `bootstrap_rounds`. Multiclass: `target` is a place in `classes`, `scores` rows x
    classes. Regression: both are values. Raises UnusableEvidence.
    """
    config = config or {}
    known_settings(config)
    if len(target) != len(scores) or len(target) == 0:
        raise UnusableEvidence(
            f"There are {len(scores)} predictions for {len(target)} rows."
        )
    seed = int(setting(config, "seed", 0, low=0, high=2**31))
    rounds = int(setting(config, "bootstrap_rounds", 1000, low=100, high=100_000))
    if task == "regression":
        return evaluate_regression(
            target=target, predicted=scores, rounds=rounds, seed=seed
        )
    if task == "multiclass":
        return evaluate_multiclass(
            target=target, scores=scores, classes=classes, rounds=rounds, seed=seed
        )
    if task != "binary":
        raise UnusableEvidence(f"The task {task!r} is not measured.")
    threshold = setting(config, "threshold", 0.5, low=0, high=1)
    return _binary(target, scores, threshold=threshold, rounds=rounds, seed=seed)


def confusion(target: Labels, scores: Floats, threshold: float) -> dict[str, int]:
    """Count rows by actual and predicted class."""
    cells = np.bincount(2 * (scores >= threshold) + (target == 1), minlength=4)
    names = ("true_negative", "false_negative", "false_positive", "true_positive")
    counted = dict(zip(names, map(int, cells), strict=True))
    return {name: counted[name] for name in (names[3], names[2], names[1], names[0])}


def losses(target: Labels, scores: Floats) -> dict[str, Floats]:
    """The Brier and the log loss of each row."""
    right = np.where(target == 1, scores, 1 - scores)
    np.clip(right, NEAR, 1 - NEAR, out=right)
    return {"brier": (scores - target) ** 2, "log_loss": -np.log(right)}


def row_loss(target: NDArray[Any], scores: Floats, *, task: str) -> Floats:
    """One loss for each row, smaller is better: the Brier score of classes, or the
    absolute error of values."""
    if task == "regression":
        found: Floats = np.abs(scores - target)
    elif task == "binary":
        found = (scores - target) ** 2
    else:
        right = scores[np.arange(len(target)), target]
        found = (scores**2).sum(axis=1) - 2 * right + 1
    return found


def row_errors(
    target: NDArray[Any], scores: Floats, *, task: str, threshold: float
) -> NDArray[np.bool_] | None:
    """Whether the predicted class of each row is wrong; None for values."""
    if task == "regression":
        return None
    if task == "binary":
        wrong: NDArray[np.bool_] = (scores >= threshold) != (target == 1)
    else:
        wrong = scores.argmax(axis=1) != target
    return wrong


def _binary(
    target: Labels, scores: Floats, *, threshold: float, rounds: int, seed: int
) -> Evaluation:
    _require_binary(target, scores)
    cells = confusion(target, scores, threshold)
    bins = calibration.calibration_bins(target, scores)
    ranked, curve = _by_order(target, scores, rounds=rounds, seed=seed)
    spread = blocks(len(target), seed=seed)
    each = losses(target, scores)
    measurements = (
        *ranked[:2],
        *_rates(cells),
        _f1(cells, rounds=rounds, seed=seed),
        *(mean_of(name, loss) for name, loss in each.items()),
        calibration.calibration_error(
            target, scores, spread=spread, rounds=rounds, seed=seed
        ),
        *ranked[2:],
        calibration.calibration_test(target, scores),
        _skill(target, each["brier"], spread=spread, rounds=rounds, seed=seed),
        _over_majority(cells),
    )
    summary = {
        "task": "binary",
        "rows": len(target),
        "positives": int(target.sum()),
        "threshold": threshold,
        "confusion": cells,
        "roc_curve": curve,
        "threshold_counts": threshold_counts.overall(target, scores, threshold),
        "calibration": bins,
        "brier_parts": calibration.brier_parts(bins, float(each["brier"].mean())),
        "seed": seed,
        "bootstrap_rounds": rounds,
    }
    engines = versions_of("numpy", "scipy")
    return Evaluation(measurements, summary, limits=LIMITS, versions=engines)


def _require_binary(target: Labels, scores: Floats) -> None:
    if not np.isin(target, (0, 1)).all() or target.min() == target.max():
        raise UnusableEvidence(
            "The target has one class only, or values other than 0 and 1: nothing can "
            "be compared."
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise UnusableEvidence("The scores are not probabilities between 0 and 1.")


def _by_order(
    target: Labels, scores: Floats, *, rounds: int, seed: int
) -> tuple[list[Measurement], list[dict[str, float]]]:
    """What follows from the sorted scores, which are let go: they are as long as the
    data."""
    ranked = discrimination.ranking(target, scores)
    found = [
        *_ordering(ranked, rounds=rounds, seed=seed),
        *calibration.recalibration(ranked),
    ]
    return found, discrimination.curve(ranked)


def _ordering(
    ranked: discrimination.Ranking, *, rounds: int, seed: int
) -> tuple[Measurement, Measurement]:
    area, lower, upper = discrimination.auc_of(ranked)
    rows = int(ranked.positives.sum() + ranked.negatives.sum())
    interval = discrimination.average_precision_interval(
        ranked, rounds=rounds, seed=seed
    )
    low, high = interval or (None, None)
    return (
        Measurement(
            "roc_auc",
            area,
            lower,
            upper,
            n=rows,
            method="midranks; DeLong interval on the logit scale",
        ),
        Measurement(
            "average_precision",
            discrimination.average_precision(ranked),
            low,
            high,
            n=rows,
            method="percentile bootstrap, multinomial over score cells, "
            f"{rounds} rounds, seed {seed}",
        ),
    )


def _rates(cells: Mapping[str, int]) -> list[Measurement]:
    tp, fp, fn, tn = cells.values()
    rates = {
        "accuracy": (tp + tn, tp + fp + fn + tn, "rows"),
        "precision": (tp, tp + fp, "positive predictions"),
        "recall": (tp, tp + fn, "positive rows"),
        "specificity": (tn, tn + fp, "negative rows"),
    }
    return [rate(name, *parts) for name, parts in rates.items()]


def rate(name: str, hits: int, trials: int, of: str, group: str = "") -> Measurement:
    """Answer a share with its Wilson interval; no trials, no value."""
    if trials == 0:
        return not_estimable(name, group=group, why=f"not estimable: there are no {of}")
    lower, upper = wilson(hits, trials)
    return Measurement(
        name,
        hits / trials,
        lower,
        upper,
        n=trials,
        group=group,
        method="Wilson interval",
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


def mean_of(name: str, each: Floats, *, group: str = "") -> Measurement:
    """Answer the mean of losses over rows; a loss is never below 0."""
    mean = float(each.mean())
    deviation = float(each.std(ddof=1)) if len(each) > 1 else 0.0
    lower, upper = mean_interval(mean, deviation, len(each))
    return Measurement(
        name,
        mean,
        max(0.0, lower),
        upper,
        n=len(each),
        group=group,
        method="mean over rows, normal interval",
    )


def _skill(
    target: Labels, brier: Floats, *, spread: Blocks, rounds: int, seed: int
) -> Measurement:
    """1 - Brier score / that of always predicting the share of positives."""
    sums = spread.sums(1.0, target, brier)
    values = spread.resampled(sums, _skills, rounds=rounds)
    lower, upper = percentiles(values) or (None, None)
    return Measurement(
        "brier_skill",
        float(_skills(sums.sum(axis=0)[None])[0]),
        lower,
        upper,
        n=len(target),
        method=spread.method(rounds, seed) + "; baseline: share of positives",
    )


def _skills(sums: Floats) -> Floats:
    rows, positives, loss = sums.T
    below = positives * (rows - positives) / rows
    return np.where(below > 0, 1 - loss / np.where(below > 0, below, 1), math.nan)


def _over_majority(cells: Mapping[str, int]) -> Measurement:
    """Accuracy minus that of always naming the larger class, row by row."""
    tp, fp, fn, tn = cells.values()
    total = tp + fp + fn + tn
    # Where both are right or both wrong the difference is 0.
    better, worse = (tp, fp) if fp + tn >= tp + fn else (tn, fn)
    gain = (better - worse) / total
    deviation = math.sqrt(max(0.0, (better + worse) / total - gain**2))
    lower, upper = mean_interval(gain, deviation, total)
    return Measurement(
        "accuracy_over_majority",
        gain,
        lower,
        upper,
        n=total,
        method="paired with always naming the larger class, normal interval",
    )
