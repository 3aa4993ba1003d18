"""Estimators whose compiled code trusts its arrays: these are checked or built anew."""

import math
from typing import Any

import numpy as np
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.neighbors import BallTree, KDTree
from sklearn.svm._base import BaseLibSVM

from audits.sandboxed.refusal import Refused


def make_safe(estimator: Any) -> None:
    """Check or renew what an estimator hands to compiled code. Raises Refused.

    `n_jobs` goes, too: sums over threads come in another order each time.
    """
    if getattr(estimator, "n_jobs", None) is not None:
        estimator.n_jobs = None
    if isinstance(estimator, BaseGradientBoosting):
        _check_boosting(estimator)
    if isinstance(estimator, BaseLibSVM):
        _check_vectors(estimator)
    if isinstance(getattr(estimator, "_tree", None), (KDTree, BallTree)):
        _grow_again(estimator)


def _check_boosting(estimator: Any) -> None:
    """Each round writes one column for each class; a wider one writes beyond them."""
    trees = getattr(estimator, "estimators_", None)
    if trees is None:
        return
    columns = getattr(estimator, "n_trees_per_iteration_", None)
    if np.ndim(trees) != 2 or columns is None or np.shape(trees)[1] != columns:
        raise Refused("The boosting in the skops file does not count its trees.")
    classes = len(getattr(estimator, "classes_", ()))
    if columns != (classes if classes > 2 else 1):
        raise Refused("The boosting in the skops file does not fit its classes.")


def _check_vectors(estimator: Any) -> None:
    """libsvm finds its way through the support vectors by these counts."""
    vectors = getattr(estimator, "support_vectors_", None)
    if vectors is None:
        return
    parts = estimator.__dict__
    counts = np.asarray(parts["_n_support"])
    factors = np.asarray(parts["_dual_coef_"])
    classes = len(getattr(estimator, "classes_", ()))
    groups = max(classes, 2)
    if classes == 0:  # a regression counts all vectors in the first of two groups
        counts = counts[:1] if counts.size else counts
    pairs = groups * (groups - 1) // 2
    alike = (
        np.ndim(vectors) == 2
        and counts.ndim == 1
        and len(counts) == max(classes, 1)
        and counts.min() >= 0
        and int(counts.sum()) == len(vectors) == len(parts["support_"])
        and factors.shape == (groups - 1, len(vectors))
        and np.shape(parts["_intercept_"]) == (pairs,)
        and np.shape(vectors)[1] == parts.get("n_features_in_")
    )
    lengths = {np.size(parts.get(name, ())) for name in ("_probA", "_probB")}
    if not alike or not lengths <= {0, pairs}:
        raise Refused("The support vectors in the skops file do not fit together.")


def _grow_again(estimator: Any) -> None:
    """A search tree is built from its points, not read from the file."""
    points = np.asarray(estimator.__dict__["_fit_X"], np.float64)
    if points.ndim != 2 or not math.isfinite(float(np.abs(points).sum())):
        raise Refused("The neighbours in the skops file are not points.")
    estimator._tree = type(estimator._tree)(
        points,
        leaf_size=int(estimator.leaf_size),
        metric=str(estimator.effective_metric_),
        **dict(estimator.effective_metric_params_),
    )
