"""Performance of predicted values: errors and explained variance."""

from functools import partial
from typing import Any

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
from audits.evaluators.resampling import percentile_interval

Floats = NDArray[np.float64]
SHOWN_POINTS = 200


def evaluate_regression(
    *, target: Floats, predicted: Floats, rounds: int, seed: int
) -> Evaluation:
    """Measure predicted values: mean error, absolute error, RMSE and R2.

    Raises UnusableEvidence for values that are not finite.
    """
    if not (np.isfinite(target).all() and np.isfinite(predicted).all()):
        raise UnusableEvidence("Targets and predictions must be finite numbers.")
    errors = predicted - target
    return Evaluation(
        measurements=(
            _mean("mean_error", errors),
            _mean("mean_absolute_error", np.abs(errors)),
            _resampled("rmse", partial(_rmse, errors), len(errors), rounds, seed),
            _r2(target, errors, rounds=rounds, seed=seed),
        ),
        summary={
            "task": "regression",
            "rows": len(target),
            "points": _points(target, predicted),
            "seed": seed,
            "bootstrap_rounds": rounds,
        },
        versions=versions_of("numpy"),
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


def _resampled(
    name: str, statistic: Any, rows: int, rounds: int, seed: int
) -> Measurement:
    interval = percentile_interval(statistic, rows=rows, rounds=rounds, seed=seed)
    lower, upper = interval or (None, None)
    return Measurement(
        name,
        statistic(np.ones(rows)),
        lower,
        upper,
        n=rows,
        method=f"percentile bootstrap, {rounds} rounds, seed {seed}",
        unit="target" if name == "rmse" else "",
    )


def _rmse(errors: Floats, weights: Floats) -> float:
    return float(np.sqrt((weights @ errors**2) / weights.sum()))


def _r2(target: Floats, errors: Floats, *, rounds: int, seed: int) -> Measurement:
    if np.ptp(target) == 0:
        why = "not estimable: the target is constant"
        return not_estimable("r2", n=len(target), why=why)
    statistic = partial(_explained, target, errors)
    return _resampled("r2", statistic, len(target), rounds, seed)


def _explained(target: Floats, errors: Floats, weights: Floats) -> float:
    mean = (weights @ target) / weights.sum()
    spread = float(weights @ (target - mean) ** 2)
    return 1 - float(weights @ errors**2) / spread if spread else float("nan")


def _points(target: Floats, predicted: Floats) -> list[dict[str, float]]:
    keep = np.linspace(0, len(target) - 1, min(len(target), SHOWN_POINTS)).astype(int)
    return [
        {"target": float(target[i]), "predicted": float(predicted[i])} for i in keep
    ]
