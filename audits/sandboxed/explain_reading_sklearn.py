"""Reads the trees out of scikit-learn's trees, forests and boosters."""

from typing import Any

import numpy as np
from sklearn import ensemble, tree

from audits.sandboxed.explain_trees import LEAF, Tree, Trees, joined
from audits.sandboxed.loading import Scores

HISTOGRAMS = (
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)
GRADIENTS = (
    ensemble.GradientBoostingClassifier,
    ensemble.GradientBoostingRegressor,
)
FORESTS = (
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
)
SINGLE = (
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
    tree.ExtraTreeClassifier,
    tree.ExtraTreeRegressor,
)
TREES = (*HISTOGRAMS, *GRADIENTS, *FORESTS, *SINGLE)


def of_sklearn(model: Any) -> list[Trees] | None:
    """One ensemble for each output: the margin of boosters (one for two classes), the
    probability of each class of forests, the value of a regressor.

    None for splits on categories. Raises TypeError for any other model.
    """
    if isinstance(model, HISTOGRAMS):
        return _histograms(model)
    if isinstance(model, GRADIENTS):
        return _gradients(model)
    if not isinstance(model, FORESTS + SINGLE):
        raise TypeError(f"{type(model).__name__} is no ensemble of trees.")
    parts = model.estimators_ if isinstance(model, FORESTS) else [model]
    outputs = len(getattr(model, "classes_", (0,)))
    if parts[0].tree_.n_outputs != 1:
        return None
    return [
        _joined([_tree(one.tree_, _mean(one.tree_, k) / len(parts)) for one in parts])
        for k in range(outputs)
    ]


def _joined(trees: list[Tree], *, single: bool = True) -> Trees:
    return joined(trees, strict=False, single=single)


def _mean(native: Any, layer: int) -> Scores:
    """The value of each node, or the share of one class (older files hold counts)."""
    values = np.asarray(native.value[:, 0, :], np.float64)
    if values.shape[1] > 1:
        values = values / values.sum(axis=1, keepdims=True)
    return np.asarray(values[:, layer], np.float64)


def _tree(native: Any, value: Scores) -> Tree:
    return Tree(
        left=np.asarray(native.children_left, np.int64),
        right=np.asarray(native.children_right, np.int64),
        feature=np.asarray(native.feature, np.int64),
        threshold=np.asarray(native.threshold, np.float64),
        missing_left=np.asarray(native.missing_go_to_left, bool),
        value=value,
        cover=np.asarray(native.weighted_n_node_samples, np.float64),
    )


def _gradients(model: Any) -> list[Trees]:
    rate = float(model.learning_rate)
    return [
        _joined(
            [
                _tree(one.tree_, rate * _mean(one.tree_, 0))
                for one in model.estimators_[:, k]
            ]
        )
        for k in range(model.estimators_.shape[1])
    ]


def _histograms(model: Any) -> list[Trees] | None:
    outputs = int(model.n_trees_per_iteration_)
    found: list[list[Tree]] = [[] for _ in range(outputs)]
    for iteration in model._predictors:
        for layer, predictor in enumerate(iteration):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                return None
            leaf = nodes["is_leaf"].astype(bool)
            found[layer].append(
                Tree(
                    left=np.where(leaf, LEAF, nodes["left"].astype(np.int64)),
                    right=np.where(leaf, LEAF, nodes["right"].astype(np.int64)),
                    feature=nodes["feature_idx"].astype(np.int64),
                    threshold=nodes["num_threshold"].astype(np.float64),
                    missing_left=nodes["missing_go_to_left"].astype(bool),
                    value=nodes["value"].astype(np.float64),
                    cover=nodes["count"].astype(np.float64),
                )
            )
    return [_joined(trees, single=False) for trees in found]
