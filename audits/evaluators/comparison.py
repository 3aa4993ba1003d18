"""Better than before? Two models on the same rows, compared row by row."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
)
from audits.evaluators.discrimination import influence
from audits.evaluators.intervals import Z, mean_interval
from audits.evaluators.performance import NEAR, losses

Floats = NDArray[np.float64]
LIMITS = (
    "If either version was trained on rows of these data, the comparison flatters it.",
)
PAIRED = "paired over rows, normal interval; above 0 the new version is better"


def compare(
    *,
    target: NDArray[Any],
    scores: Floats,
    previous: Floats,
    task: str,
    against: str,
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure what is gained over the scores of another version on the same rows.

    Every gain is positive when the new scores are better. `against` names the other
    version. Raises UnusableEvidence when the scores are of different shapes.
    """
    config = config or {}
    known_settings(config)
    if scores.shape != previous.shape or len(target) != len(scores):
        raise UnusableEvidence(
            f"The scores of version {against} are not of the same form as the new ones."
        )
    group = f"against={against[:100]}"
    if task == "binary":
        threshold = setting(config, "threshold", 0.5, low=0, high=1)
        found = _binary(target, scores, previous, threshold, group)
    elif task == "multiclass":
        found = _multiclass(target, scores, previous, group)
    else:
        found = [_gain("mae_gain", *_sizes(target, scores, previous, 1), group)]
        found.append(_gain("mse_gain", *_sizes(target, scores, previous, 2), group))
    return Evaluation(
        measurements=tuple(found),
        summary={"compared_with": against},
        limits=LIMITS,
    )


def _binary(
    target: NDArray[Any],
    scores: Floats,
    previous: Floats,
    threshold: float,
    group: str,
) -> list[Measurement]:
    now, before = losses(target, scores), losses(target, previous)
    hit = (scores >= threshold) == (target == 1)
    was = (previous >= threshold) == (target == 1)
    return [
        auc_gain(target, scores, previous, group),
        _gain("accuracy_gain", hit.astype(float), was.astype(float), group),
        *(_gain(f"{name}_gain", -now[name], -before[name], group) for name in now),
    ]


def auc_gain(
    target: NDArray[Any],
    scores: Floats,
    previous: Floats,
    group: str,
    *,
    name: str = "roc_auc_gain",
) -> Measurement:
    """The difference of two areas over the same rows, by DeLong et al. 1988."""
    if target.min() == target.max():
        why = "not estimable: the target has one class only"
        return not_estimable(name, group=group, n=len(target), why=why)
    new, new_parts = influence(target, scores)
    old, old_parts = influence(target, previous)
    parts = new_parts - old_parts
    half = Z * math.sqrt(float(parts @ parts))
    gain = new - old
    return Measurement(
        name,
        gain,
        max(-1.0, gain - half),
        min(1.0, gain + half),
        n=len(target),
        group=group,
        method="DeLong 1988 for two areas over the same rows",
    )


def _multiclass(
    target: NDArray[Any], scores: Floats, previous: Floats, group: str
) -> list[Measurement]:
    rows = np.arange(len(target))
    hit, was = (s.argmax(axis=1) == target for s in (scores, previous))
    now, before = (
        np.log(np.clip(s[rows, target], NEAR, 1)) for s in (scores, previous)
    )
    return [
        _gain("accuracy_gain", hit.astype(float), was.astype(float), group),
        _gain("log_loss_gain", now, before, group),
    ]


def _sizes(
    target: NDArray[Any], scores: Floats, previous: Floats, power: int
) -> tuple[Floats, Floats]:
    now, before = (-(np.abs(s - target) ** power) for s in (scores, previous))
    return now, before


def _gain(name: str, now: Floats, before: Floats, group: str) -> Measurement:
    each = now - before
    mean = float(each.mean())
    deviation = float(each.std(ddof=1)) if len(each) > 1 else 0.0
    lower, upper = mean_interval(mean, deviation, len(each))
    return Measurement(name, mean, lower, upper, len(each), group, PAIRED)
