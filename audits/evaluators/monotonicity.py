"""Whether scores only rise, or only fall, along a feature, as somebody demanded."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    not_estimable,
)
from audits.evaluators.intervals import wilson
from audits.evaluators.naming import short_names
from audits.evaluators.robustness import Curve, Floats

TOLERANCE = 1e-6  # models count in float32
SHOWN_CURVES = 20
LIMITS = (
    "Monotonicity is tried on sampled rows and up to 21 values of the feature: what "
    "happens between them is not seen.",
)


def evaluate(curves: Sequence[Curve]) -> Evaluation:
    """Measure the share of rows that break a demanded direction, and by how much.

    A row breaks it when its score moves the wrong way, by more than 1e-6, between any
    two values of the grid. A feature with one value only, or that the model refuses,
    has no value and passes nothing. Raises UnusableEvidence for several classes.
    """
    names = short_names([one.feature for one in curves])
    measurements: list[Measurement] = []
    shown: list[dict[str, Any]] = []
    for name, one in zip(names, curves, strict=True):
        found = _measured(f"feature={name}", one)
        measurements += found
        if one.scores is not None and found[0].value is not None:
            shown.append(_shown(name, one, one.scores))
    return Evaluation(
        measurements=tuple(measurements),
        summary={"curves": shown} if curves else {},
        limits=LIMITS if curves else (),
    )


def _shown(name: str, one: Curve, scores: Floats) -> dict[str, Any]:
    return {
        "feature": name,
        "direction": one.direction,
        "grid": [float(value) for value in one.grid],
        "mean": [float(value) for value in scores.mean(axis=1)],
        "rows": [[float(value) for value in row] for row in scores.T[:SHOWN_CURVES]],
    }


def violations(scores: Floats, direction: int) -> Floats:
    """How far each row (of values x rows) goes the wrong way: its largest fall, or rise
    where falls are demanded, between any two values of the grid."""
    walked = scores * direction
    return np.asarray((np.maximum.accumulate(walked, axis=0) - walked).max(axis=0))


def _measured(group: str, one: Curve) -> list[Measurement]:
    names = ("monotonic_violation_share", "monotonic_violation_largest")
    if one.scores is not None and one.scores.ndim != 2:
        raise UnusableEvidence("Scores of several classes have no one direction.")
    if one.scores is None or one.scores.shape[1] == 0:
        why = f"not estimable: the model refuses the values. {one.refused}"
        return [not_estimable(name, group=group, why=why) for name in names]
    if len(one.grid) < 2:
        why = "not estimable: the feature has one value only"
        return [not_estimable(name, group=group, why=why) for name in names]
    if not np.isfinite(one.scores).all():
        why = "not estimable: some scores are not finite"
        return [not_estimable(name, group=group, why=why) for name in names]
    wrong = violations(one.scores, one.direction)
    hits, rows = int((wrong > TOLERANCE).sum()), len(wrong)
    lower, upper = wilson(hits, rows)
    method = f"individual curves over {len(one.grid)} values"
    return [
        Measurement(
            names[0],
            hits / rows,
            lower,
            upper,
            rows,
            group,
            f"{method}; Wilson interval",
        ),
        Measurement(names[1], float(wrong.max()), n=rows, group=group, method=method),
    ]
