"""Performance without labels: what calibrated scores expect of themselves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    known_settings,
    not_estimable,
    setting,
)
from audits.evaluators.discrimination import Ranking, auc_variance, logit_interval
from audits.evaluators.intervals import wilson

Floats = NDArray[np.float64]
LIMITS = (
    "Estimated performance assumes that the scores are calibrated on the new data: it "
    "sees rows become harder, and not that the same row now ends otherwise.",
)
METHOD = "confidence-based estimation (CBPE), no labels used"


def estimate(scores: Floats, *, config: Mapping[str, Any] | None = None) -> Evaluation:
    """Estimate accuracy, precision, recall and AUC of a binary model from its scores.

    Confidence-based performance estimation: a row with score p is positive with
    probability p, so every count of the confusion matrix has an expectation (Garg et
    al. 2022; NannyML's CBPE). Wilson intervals of the expected counts. Setting
    `threshold`.
    """
    config = config or {}
    known_settings(config)
    threshold = setting(config, "threshold", 0.5, low=0, high=1)
    rows = len(scores)
    chosen = scores >= threshold
    positives = float(scores.sum())
    hits = float(scores[chosen].sum())
    right = hits + float((1 - scores[~chosen]).sum())
    shares = {
        "estimated_accuracy": (right, float(rows), "rows"),
        "estimated_precision": (hits, float(chosen.sum()), "positive predictions"),
        "estimated_recall": (hits, positives, "expected positives"),
    }
    return Evaluation(
        measurements=(
            *(_share(name, *parts, rows) for name, parts in shares.items()),
            _area(scores),
        ),
        summary={"estimated_from": rows},
        limits=LIMITS,
    )


def _share(name: str, hits: float, trials: float, of: str, rows: int) -> Measurement:
    if trials <= 0:
        return not_estimable(name, n=rows, why=f"not estimable: there are no {of}")
    lower, upper = wilson(min(hits, trials), trials)
    return Measurement(name, hits / trials, lower, upper, n=rows, method=METHOD)


def _area(scores: Floats) -> Measurement:
    distinct, counts = np.unique(scores, return_counts=True)
    distinct, counts = distinct[::-1], counts[::-1]
    expected = Ranking(distinct, counts * distinct, counts * (1 - distinct))
    if min(expected.positives.sum(), expected.negatives.sum()) < 1:
        why = "not estimable: less than one row of a class is expected"
        return not_estimable("estimated_roc_auc", n=len(scores), why=why)
    area, variance = auc_variance(expected)
    lower, upper = logit_interval(area, variance)
    return Measurement(
        "estimated_roc_auc", area, lower, upper, n=len(scores), method=METHOD
    )
