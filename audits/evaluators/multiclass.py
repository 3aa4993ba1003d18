"""Performance of several classes: rates by class, averages over classes, ordering."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from audits.evaluators import calibration
from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    not_estimable,
    versions_of,
)
from audits.evaluators.discrimination import influence, logit_interval
from audits.evaluators.intervals import mean_interval, wilson
from audits.evaluators.naming import short_names
from audits.evaluators.resampling import blocks, percentiles

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
NEAR = float(np.finfo(np.float64).eps)
UNEVEN = 1e-3  # how far the probabilities of a row may miss 1: models use float32
NAMED_CLASSES = 50
LIMITS = (
    "The Brier score of several classes adds the squares over all classes: it lies "
    "between 0 and 2.",
)


def evaluate_multiclass(
    *, target: Labels, scores: Floats, classes: Sequence[str], rounds: int, seed: int
) -> Evaluation:
    """Measure probabilities of classes: `target` is a place in `classes`.

    The predicted class is the most probable, the first of equals. Classes that never
    occur in the target have no recall and no area. Raises UnusableEvidence.
    """
    count = len(classes)
    _check(target, scores, count)
    predicted = scores.argmax(axis=1)
    cells = np.bincount(target * count + predicted, minlength=count**2)
    matrix = cells.reshape(count, count)
    names = short_names(classes)
    measurements = (
        _accuracy(matrix),
        *_averages(matrix, rounds=rounds, seed=seed),
        *_losses(target, scores),
        _confidence(scores, predicted == target, rounds=rounds, seed=seed),
        _over_majority(matrix),
        *_areas(target, scores, names),
        *_by_class(matrix, names),
    )
    shown = matrix[:NAMED_CLASSES, :NAMED_CLASSES]
    summary = {
        "task": "multiclass",
        "rows": len(target),
        "classes": list(names[:NAMED_CLASSES]),
        "confusion_matrix": shown.tolist(),
        "seed": seed,
        "bootstrap_rounds": rounds,
    }
    engines = versions_of("numpy", "scipy")
    return Evaluation(measurements, summary, limits=LIMITS, versions=engines)


def _losses(target: Labels, scores: Floats) -> list[Measurement]:
    right = scores[np.arange(len(target)), target]
    brier = (scores**2).sum(axis=1) - 2 * right + 1
    loss = -np.log(np.clip(right, NEAR, 1.0))
    return [_mean("log_loss", loss), _mean("brier", brier)]


def _check(target: Labels, scores: Floats, count: int) -> None:
    if scores.ndim != 2 or scores.shape[1] != count or count < 2:
        raise UnusableEvidence(
            f"Scores of {count} classes must be a table with a column for each."
        )
    if target.min() < 0 or target.max() >= count:
        raise UnusableEvidence("The target has classes that the model does not know.")
    if target.min() == target.max():
        raise UnusableEvidence(
            "The target has one class only: nothing can be compared."
        )
    whole = np.abs(scores.sum(axis=1) - 1) <= UNEVEN
    if not (whole & (scores >= 0).all(axis=1)).all():
        raise UnusableEvidence(
            "The scores are not probabilities of the classes that add up to 1."
        )


def _accuracy(matrix: Labels) -> Measurement:
    total, hits = int(matrix.sum()), int(np.trace(matrix))
    lower, upper = wilson(hits, total)
    return Measurement(
        "accuracy", hits / total, lower, upper, n=total, method="Wilson interval"
    )


def _averages(matrix: Labels, *, rounds: int, seed: int) -> list[Measurement]:
    """Means over classes, resampled as counts of the confusion matrix."""
    total = int(matrix.sum())
    filled = np.flatnonzero(matrix)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(total, matrix.ravel()[filled] / total, rounds)
    averages: dict[str, Callable[[Labels], float]] = {
        "balanced_accuracy": _balanced,
        "macro_f1": _macro_f1,
    }
    found: dict[str, list[float]] = {name: [] for name in averages}
    for counts in drawn:
        again = np.zeros(matrix.size, np.int64)
        again[filled] = counts
        for name, average in averages.items():
            found[name].append(average(again.reshape(matrix.shape)))
    measured = []
    for name, values in found.items():
        lower, upper = percentiles(np.array(values)) or (None, None)
        method = f"multinomial bootstrap of the confusion matrix, {rounds} rounds"
        value = averages[name](matrix)
        method = f"{method}, seed {seed}"
        measured.append(Measurement(name, value, lower, upper, n=total, method=method))
    return measured


def _balanced(matrix: Labels) -> float:
    """Mean recall over the classes that occur."""
    actual = matrix.sum(axis=1)
    there = actual > 0
    return float((np.diag(matrix)[there] / actual[there]).mean())


def _macro_f1(matrix: Labels) -> float:
    """Mean F1 over the classes that occur or are predicted."""
    below = matrix.sum(axis=0) + matrix.sum(axis=1)
    there = below > 0
    return float((2 * np.diag(matrix)[there] / below[there]).mean())


def _mean(name: str, each: Floats) -> Measurement:
    deviation = float(each.std(ddof=1)) if len(each) > 1 else 0.0
    lower, upper = mean_interval(float(each.mean()), deviation, len(each))
    return Measurement(
        name,
        float(each.mean()),
        max(0.0, lower),
        upper,
        n=len(each),
        method="mean over rows, normal interval",
    )


def _confidence(
    scores: Floats, right: NDArray[np.bool_], *, rounds: int, seed: int
) -> Measurement:
    """Calibration error of the most probable class (Guo et al. 2017)."""
    best = np.clip(scores.max(axis=1), 0, 1)
    place = calibration.bin_of(best)
    spread = blocks(len(best), seed=seed)
    return calibration.gap_measurement(
        "ece", place, right - best, spread=spread, rounds=rounds, seed=seed
    )


def _over_majority(matrix: Labels) -> Measurement:
    total = int(matrix.sum())
    largest = int(matrix.sum(axis=1).argmax())
    better = int(np.trace(matrix) - matrix[largest, largest])
    worse = int(matrix[largest].sum() - matrix[largest, largest])
    gain = (better - worse) / total
    deviation = math.sqrt(max(0.0, (better + worse) / total - gain**2))
    lower, upper = mean_interval(gain, deviation, total)
    return Measurement(
        "accuracy_over_majority",
        gain,
        lower,
        upper,
        n=total,
        method="paired with always naming the largest class, normal interval",
    )


def _areas(target: Labels, scores: Floats, names: Sequence[str]) -> list[Measurement]:
    """Each class against the rest, and the mean: rows serve all classes at once."""
    areas: list[float] = []
    total = np.zeros(len(target))
    found: list[Measurement] = []
    for place, name in enumerate(names):
        group = f"class={name}"
        chosen = (target == place).astype(np.int64)
        if not chosen.any() or chosen.all():
            why = "not estimable: no row is of this class"
            found.append(not_estimable("one_vs_rest_auc", group=group, why=why))
            continue
        area, each = influence(chosen, scores[:, place])
        areas.append(area)
        total += each
        found.append(_area("one_vs_rest_auc", area, float(each @ each), target, group))
    variance = float(total @ total) / len(areas) ** 2
    mean = _area("roc_auc", float(np.mean(areas)), variance, target, "")
    return [mean, *found[:NAMED_CLASSES]]


def _area(
    name: str, area: float, variance: float, target: Labels, group: str
) -> Measurement:
    lower, upper = logit_interval(area, variance)
    method = "DeLong interval on the logit scale"
    if not group:
        method = f"mean over classes, each against the rest; {method}"
    return Measurement(
        name, area, lower, upper, n=len(target), group=group, method=method
    )


def _by_class(matrix: Labels, names: Sequence[str]) -> list[Measurement]:
    found = []
    for place, name in enumerate(names[:NAMED_CLASSES]):
        hits = int(matrix[place, place])
        trials = {
            "recall_by_class": int(matrix[place].sum()),
            "precision_by_class": int(matrix[:, place].sum()),
        }
        for measure, below in trials.items():
            group = f"class={name}"
            if not below:
                why = "not estimable: no row is of, or is predicted, this class"
                found.append(not_estimable(measure, group=group, why=why))
                continue
            lower, upper = wilson(hits, below)
            found.append(
                Measurement(
                    measure,
                    hits / below,
                    lower,
                    upper,
                    n=below,
                    group=group,
                    method="Wilson interval",
                )
            )
    return found
