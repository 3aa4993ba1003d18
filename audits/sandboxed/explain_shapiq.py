"""shapiq on our trees (Python 3.12 on): exact, quick on few rows of many leaves."""

import numpy as np
from shapiq.tree.base import TreeModel
from shapiq.tree.explainer import TreeExplainer

from audits.sandboxed.explain_trees import LEAF, Trees
from audits.sandboxed.loading import Scores


def shapiq(
    trees: Trees, rows: Scores, background: Scores | None
) -> tuple[Scores, float]:
    """Answer (phi, base), row by row, in double precision."""
    base = trees.expectation()
    behind = None
    if background is not None:
        behind = trees.seen(background)
        base = float(trees.total(background).mean())
    phi = np.zeros(rows.shape)
    models = [model for model in _models(trees) if len(model.feature_ids)]
    if not models:
        return phi, base
    explainer = TreeExplainer(
        models,
        mode="pathdependent" if behind is None else "interventional",
        reference_dataset=behind,
        index="SV",
        max_order=1,
        backend="shapiq",
    )
    for number, row in enumerate(trees.seen(rows)):
        for who, value in explainer.explain(row).dict_values.items():
            if len(who) == 1:
                phi[number, who[0]] = value
    return phi, base


def _models(trees: Trees) -> list[TreeModel]:
    ends = [*trees.roots[1:].tolist(), len(trees.left)]
    found = []
    for start, end in zip(trees.roots.tolist(), ends, strict=True):
        part = slice(start, end)
        left, right = trees.left[part], trees.right[part]
        leaf = left == LEAF
        left, right = (np.where(leaf, LEAF, side - start) for side in (left, right))
        found.append(
            TreeModel(
                children_left=left,
                children_right=right,
                children_missing=np.where(trees.missing_left[part], left, right),
                features=np.where(leaf, -2, trees.feature[part]),
                thresholds=trees.threshold[part].copy(),
                values=trees.value[part].copy(),
                node_sample_weight=trees.cover[part].copy(),
                decision_type="<" if trees.strict else "<=",
            )
        )
    return found
