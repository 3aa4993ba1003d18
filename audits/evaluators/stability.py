"""How much an explanation depends on chance, as numbers that a policy may limit."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from audits.evaluators.base import Measurement, not_estimable

Floats = NDArray[np.float64]
TOP = 5


def stability(importances: Sequence[Floats]) -> tuple[Measurement, ...]:
    """Compare mean |SHAP| between samples of rows, seeds and backgrounds.

    The worst pair of samples counts. `importance_stability` is Spearman's correlation
    of all features, `top_features_overlap` the share of the five most important that
    two samples have in common, `importance_change` the largest change of one of them,
    by its value in the first.
    """
    pairs = list(combinations(importances, 2))
    if not pairs:
        why = "not estimable: one sample only"
        names = ("importance_stability", "top_features_overlap", "importance_change")
        return tuple(not_estimable(name, why=why) for name in names)
    return (_ranks(pairs), _overlap(pairs), _change(pairs))


Pairs = Sequence[tuple[Floats, Floats]]


def _ranks(pairs: Pairs) -> Measurement:
    features = len(pairs[0][0])
    if any(np.ptp(one) == 0 or np.ptp(other) == 0 for one, other in pairs):
        return not_estimable(
            "importance_stability",
            n=features,
            why="not estimable: all features are equally important",
        )
    return Measurement(
        "importance_stability",
        min(float(spearmanr(one, other).statistic) for one, other in pairs),
        n=features,
        method="Spearman correlation of mean |SHAP| between two samples of rows and "
        "background",
    )


def _top(importance: Floats) -> list[int]:
    return [int(place) for place in np.argsort(-importance, kind="stable")[:TOP]]


def _overlap(pairs: Pairs) -> Measurement:
    kept = min(TOP, len(pairs[0][0]))
    shares = [len(set(_top(one)) & set(_top(other))) / kept for one, other in pairs]
    return Measurement(
        "top_features_overlap",
        min(shares),
        n=kept,
        method=f"share of the {kept} most important features found in both samples",
    )


def _change(pairs: Pairs) -> Measurement:
    changes = [
        abs(float(other[index]) - float(one[index])) / float(one[index])
        for one, other in pairs
        for index in _top(one)
        if one[index] > 0
    ]
    if not changes:
        why = "not estimable: no feature has any importance"
        return not_estimable("importance_change", why=why)
    return Measurement(
        "importance_change",
        max(changes),
        n=min(TOP, len(pairs[0][0])),
        method=f"largest relative change of mean |SHAP| of the {TOP} most important "
        "features between two samples",
    )
