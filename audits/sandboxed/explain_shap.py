"""shap, the reference: its TreeExplainer on our trees or on a model that it reads."""

from typing import Any

import numpy as np
import shap

from audits.sandboxed.explain_trees import LEAF, Trees
from audits.sandboxed.loading import Scores


def masker(background: Scores) -> Any:
    """A background of its full length: shap would silently take 100 rows of it."""
    return shap.maskers.Independent(background, max_samples=len(background))


def tree_shap(
    trees: Trees, rows: Scores, background: Scores | None
) -> tuple[Scores, float]:
    """Answer (phi, base) by shap's TreeExplainer on our trees."""
    if background is None:
        behind, base = None, trees.expectation()
    else:
        behind, base = (
            masker(trees.seen(background)),
            float(trees.total(background).mean()),
        )
    way = "tree_path_dependent" if behind is None else "interventional"
    explainer = shap.TreeExplainer(
        {
            "internal_dtype": np.float64,
            "input_dtype": np.float64,
            "objective": "squared_error",
            "tree_output": "raw_value",
            "trees": _documents(trees),
        },
        behind,
        feature_perturbation=way,
    )
    phi = explainer.shap_values(trees.seen(rows), check_additivity=False)
    return np.asarray(phi, np.float64).reshape(rows.shape), base


def of_model(
    model: Any, matrix: Scores, background: Scores | None
) -> tuple[Scores, Scores]:
    """Answer (phi, base) by the model as shap itself reads it.

    phi is outputs x rows x features, base has one value for each output.
    """
    behind = None if background is None else masker(background)
    way = "tree_path_dependent" if behind is None else "interventional"
    explainer = shap.TreeExplainer(model, behind, feature_perturbation=way)
    phi = explainer.shap_values(matrix, check_additivity=False)
    phi = np.asarray(phi, np.float64)
    phi = phi[None] if phi.ndim == 2 else np.moveaxis(phi, -1, 0)
    return phi, np.asarray(explainer.expected_value, np.float64).reshape(-1)


def _documents(trees: Trees) -> list[dict[str, Any]]:
    """shap compares `<=` only: `x < t` is `x <= t'` with the number t' just below t.

    Just below in single precision, in which strict libraries see rows: shap's
    interventional code has no more.
    """
    limit = trees.threshold
    if trees.strict:
        below = np.nextafter(limit.astype(np.float32), np.float32(-np.inf))
        limit = below.astype(np.float64)
    ends = [*trees.roots[1:].tolist(), len(trees.left)]
    found = []
    for start, end in zip(trees.roots.tolist(), ends, strict=True):
        part = slice(start, end)
        left, right = trees.left[part], trees.right[part]
        leaf = left == LEAF
        left, right = (np.where(leaf, LEAF, side - start) for side in (left, right))
        found.append(
            {
                "children_left": left.astype(np.int32),
                "children_right": right.astype(np.int32),
                "children_default": np.where(
                    trees.missing_left[part], left, right
                ).astype(np.int32),
                "features": np.where(leaf, -2, trees.feature[part]).astype(np.int32),
                "thresholds": limit[part],
                "values": trees.value[part].reshape(-1, 1),
                "node_sample_weight": trees.cover[part],
            }
        )
    return found
