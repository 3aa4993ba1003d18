"""woodelf on our trees: exact, and far ahead of all others on many rows.

Its own readers of models are not used: for scikit-learn's binary forests they explain
class 0, and for CatBoost they answer NaN (evidence.md 3.1). It sums in float32.
"""

from typing import Any

import numpy as np
import pandas as pd
from woodelf import WoodelfExplainer
from woodelf.core.trees.decision_trees_ensemble import (
    DecisionTreesEnsemble,
    LeftIsSmallerEqualDecisionTreeNode,
)

from audits.sandboxed.explain_trees import LEAF, Trees
from audits.sandboxed.loading import Scores


def woodelf(
    trees: Trees, rows: Scores, background: Scores | None
) -> tuple[Scores, float]:
    """Answer (phi, base); many rows at once, see `explain_choice` for how many."""
    ensemble = [tree for tree in _nodes(trees) if tree.depth]
    behind = None
    base = trees.expectation() if background is None else _mean(trees, background)
    if not ensemble:
        return np.zeros(rows.shape), base
    if background is not None:
        behind = pd.DataFrame(trees.seen(background))
    explainer = WoodelfExplainer(DecisionTreesEnsemble(ensemble), behind)
    frame = pd.DataFrame(trees.seen(rows))
    return np.asarray(explainer.shap_values(frame, verbose=False), np.float64), base


def _mean(trees: Trees, background: Scores) -> float:
    return float(trees.total(background).mean())


def _nodes(trees: Trees) -> list[Any]:
    """Link woodelf's nodes. `x < t` is `x <= t'` with the number t' just below t."""
    limit = trees.threshold
    if trees.strict:
        limit = np.nextafter(limit, -np.inf)
    leaf = trees.left == LEAF
    found = [
        LeftIsSmallerEqualDecisionTreeNode(
            feature, value, None, None, missing, number, cover
        )
        for number, (feature, value, missing, cover) in enumerate(
            zip(
                trees.feature.tolist(),
                np.where(leaf, trees.value, limit).tolist(),
                trees.missing_left.tolist(),
                trees.cover.tolist(),
                strict=True,
            )
        )
    ]
    for number in np.flatnonzero(~leaf).tolist():
        node = found[number]
        node.left, node.right = found[trees.left[number]], found[trees.right[number]]
        node.left.parent = node.right.parent = node
    for root in trees.roots.tolist():
        found[root].depth = found[root].get_depth()
    return [found[root] for root in trees.roots.tolist()]
