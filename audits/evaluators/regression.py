"""Performance of predicted values: errors and explained variance."""

import math

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    not_estimable,
    versions_of,
)
from audits.evaluators.intervals import mean_interval
from audits.evaluators.resampling import Blocks, blocks, percentiles

Floats = NDArray[np.float64]
SHOWN_POINTS = 200


def evaluate_regression(
    *, target: Floats, predicted: Floats, rounds: int, seed: int
) -> Evaluation:
    """Measure predicted values: mean error, absolute error, RMSE and R2.

    R2 is the comparison with always predicting the mean. Raises UnusableEvidence for
    values that are not finite.
    """
    if not (np.isfinite(target).all() and np.isfinite(predicted).all()):
        raise UnusableEvidence("Targets and predictions must be finite numbers.")
    errors = predicted - target
    spread = blocks(len(target), seed=seed)
    centred = target - target.mean()
    sums = spread.sums(1.0, errors**2, centred, centred**2)
    if not np.isfinite(sums).all():
        raise UnusableEvidence("The squares of the errors are too large to be added.")
    return Evaluation(
        measurements=(
            _mean("mean_error", errors),
            _mean("mean_absolute_error", np.abs(errors)),
            _rmse(sums, spread, rounds=rounds, seed=seed),
            _r2(sums, spread, rounds=rounds, seed=seed),
            *_line(target, predicted),
        ),
        summary={
            "task": "regression",
            "rows": len(target),
            "points": _points(target, predicted),
            "seed": seed,
            "bootstrap_rounds": rounds,
        },
        versions=versions_of("numpy", "scipy"),
    )


def _mean(name: str, values: Floats) -> Measurement:
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    lower, upper = mean_interval(float(values.mean()), deviation, len(values))
    return Measurement(
        name,
        float(values.mean()),
        lower,
        upper,
        n=len(values),
        method="mean over rows, normal interval",
        unit="target",
    )


def _rmse(sums: Floats, spread: Blocks, *, rounds: int, seed: int) -> Measurement:
    drawn = spread.resampled(sums, _rmse_of, rounds=rounds)
    lower, upper = percentiles(drawn) or (None, None)
    return Measurement(
        "rmse",
        float(_rmse_of(sums.sum(axis=0)[None])[0]),
        lower,
        upper,
        n=spread.rows,
        method=spread.method(rounds, seed),
        unit="target",
    )


def _rmse_of(sums: Floats) -> Floats:
    found: Floats = np.sqrt(sums[:, 1] / sums[:, 0])
    return found


def _r2(sums: Floats, spread: Blocks, *, rounds: int, seed: int) -> Measurement:
    rows = spread.rows
    if sums[:, 3].sum() == 0:
        why = "not estimable: the target is constant"
        return not_estimable("r2", n=rows, why=why)
    drawn = spread.resampled(sums, _r2_of, rounds=rounds)
    lower, upper = percentiles(drawn) or (None, None)
    return Measurement(
        "r2",
        float(_r2_of(sums.sum(axis=0)[None])[0]),
        lower,
        upper,
        n=rows,
        method=spread.method(rounds, seed) + "; baseline: mean of the target",
    )


def _r2_of(sums: Floats) -> Floats:
    rows, squares, total, own = sums.T
    below = own - total**2 / rows
    return np.where(below > 0, 1 - squares / np.where(below > 0, below, 1), math.nan)


def _line(target: Floats, predicted: Floats) -> list[Measurement]:
    """Slope and intercept of the target on the prediction: 1 and 0 when calibrated.

    Mincer and Zarnowitz 1969; White's standard errors, right also where the errors
    of large values are larger.
    """
    rows = len(target)
    names = ("calibration_slope", "calibration_intercept")
    middle = predicted.mean()
    moved = predicted - middle
    below = float(moved @ moved)
    if rows < 3 or below <= 0:
        why = "not estimable: the predictions are constant or fewer than three"
        return [not_estimable(name, n=rows, why=why) for name in names]
    slope = float(moved @ target) / below
    intercept = float(target.mean() - slope * middle)
    rest = target - intercept - slope * predicted
    tilt = moved / below
    level = 1 / rows - middle * tilt
    found = []
    for name, value, each in zip(names, (slope, intercept), (tilt, level), strict=True):
        error = math.sqrt(float((each * rest) @ (each * rest)) * rows / (rows - 2))
        lower, upper = mean_interval(value, error, 1)
        method = "least squares of target on prediction, White interval"
        found.append(Measurement(name, value, lower, upper, n=rows, method=method))
    return found


def _points(target: Floats, predicted: Floats) -> list[dict[str, float]]:
    keep = np.linspace(0, len(target) - 1, min(len(target), SHOWN_POINTS)).astype(int)
    return [
        {"target": float(target[i]), "predicted": float(predicted[i])} for i in keep
    ]
