"""Reads the trees out of a loaded XGBoost, LightGBM or CatBoost model.

What is not read (splits on categories, linear leaves) answers None: the library itself
or permutations explain such a model.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from audits.sandboxed.explain_trees import LEAF, Tree, Trees, joined


def of_xgboost(booster: Any, outputs: int) -> list[Trees] | None:
    """One ensemble for each output. XGBoost compares `<` in single precision."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    parts = learner["gradient_booster"]
    model = parts["gbtree"]["model"] if "gbtree" in parts else parts["model"]
    # Only trees trained with dropout have weights; before 3.4 they stood outside.
    weights = parts.get("weight_drop") or model.get("weight_drop")
    found: list[list[Tree]] = [[] for _ in range(outputs)]
    for number, part in enumerate(model["trees"]):
        if part.get("categories_nodes") or any(part.get("split_type", ())):
            return None
        left = np.asarray(part["left_children"], np.int64)
        limits = np.asarray(part["split_conditions"], np.float32).astype(np.float64)
        tree = Tree(
            left=left,
            right=np.asarray(part["right_children"], np.int64),
            feature=np.asarray(part["split_indices"], np.int64),
            threshold=limits,
            missing_left=np.asarray(part["default_left"], bool),
            value=limits * (weights[number] if weights else 1.0),
            cover=np.asarray(part["sum_hessian"], np.float64),
        )
        found[model["tree_info"][number] % outputs].append(tree)
    return [joined(trees, strict=True, single=True) for trees in found]


def of_lightgbm(booster: Any, outputs: int) -> list[Trees] | None:
    """One ensemble for each output. LightGBM compares `<=` in double precision."""
    document = booster.dump_model()
    found: list[list[Tree]] = [[] for _ in range(outputs)]
    scale = 1.0
    if document.get("average_output"):
        scale = outputs / len(document["tree_info"])
    for number, part in enumerate(document["tree_info"]):
        tree = _lightgbm_tree(part["tree_structure"], scale)
        if tree is None:
            return None
        found[number % outputs].append(tree)
    return [joined(trees, strict=False, single=False) for trees in found]


def _lightgbm_tree(root: dict[str, Any], scale: float) -> Tree | None:
    nodes, left, right = [root], [LEAF], [LEAF]
    for index, node in enumerate(nodes):  # grows while it is read
        if "left_child" not in node:
            continue
        # A split on a category, or one to which zero is missing, is not a threshold.
        if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
            return None
        left[index], right[index] = len(nodes), len(nodes) + 1
        nodes += [node["left_child"], node["right_child"]]
        left += [LEAF, LEAF]
        right += [LEAF, LEAF]
    if any("leaf_coeff" in node for node in nodes):
        return None
    return Tree(
        left=np.asarray(left),
        right=np.asarray(right),
        feature=np.asarray([node.get("split_feature", 0) for node in nodes]),
        threshold=np.asarray([node.get("threshold", 0.0) for node in nodes], float),
        missing_left=np.asarray([_lightgbm_missing(node) for node in nodes], bool),
        value=np.asarray([scale * node.get("leaf_value", 0.0) for node in nodes]),
        cover=np.asarray(
            [node.get("internal_count", node.get("leaf_count", 1)) for node in nodes],
            np.float64,
        ),
    )


def _lightgbm_missing(node: dict[str, Any]) -> bool:
    """Without a direction of its own a missing value counts as 0 (missing_type)."""
    if node.get("missing_type") == "None":
        return bool(node["threshold"] >= 0.0)
    return bool(node.get("default_left", False))


def of_catboost(model: Any, outputs: int) -> list[Trees] | None:
    """One ensemble for each output. CatBoost compares `>` in single precision."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        document = json.loads(path.read_text("utf-8"))
    if "oblivious_trees" not in document:
        return None
    parts = document["oblivious_trees"]
    kinds = {split["split_type"] for part in parts for split in part["splits"] or ()}
    if kinds - {"FloatFeature"}:
        return None
    floats = {
        one["feature_index"]: (
            one["flat_feature_index"],
            one.get("nan_value_treatment") != "AsTrue",
        )
        for one in document["features_info"]["float_features"]
    }
    scale = float(document.get("scale_and_bias", [1.0])[0])
    return [
        joined(
            [_oblivious(part, floats, outputs, layer, scale) for part in parts],
            strict=False,
            single=True,
        )
        for layer in range(outputs)
    ]


def _oblivious(
    part: dict[str, Any],
    floats: dict[int, tuple[int, bool]],
    outputs: int,
    layer: int,
    scale: float,
) -> Tree:
    """A tree that asks the same question on each level; the last split comes first.

    Leaf i is reached when split k answers bit k of i; node i asks for children 2i + 1
    and 2i + 2, as a heap does.
    """
    splits = list(reversed(part["splits"] or []))
    inner = 2 ** len(splits) - 1
    index = np.arange(2 * inner + 1)
    level = np.floor(np.log2(index[:inner] + 1)).astype(np.int64)
    padded = np.zeros(inner + 1, np.int64)
    features = np.array([floats[s["float_feature_index"]][0] for s in splits], int)
    borders = np.array([s["border"] for s in splits], np.float64)
    low = np.array([floats[s["float_feature_index"]][1] for s in splits], bool)
    ends = np.zeros(inner + 1)
    values = np.asarray(part["leaf_values"], np.float64).reshape(-1, outputs)[:, layer]
    cover = np.zeros(2 * inner + 1)
    cover[inner:] = part.get("leaf_weights") or np.ones(inner + 1)
    for node in reversed(range(inner)):
        cover[node] = cover[2 * node + 1] + cover[2 * node + 2]
    is_inner = index < inner
    return Tree(
        left=np.where(is_inner, 2 * index + 1, LEAF),
        right=np.where(is_inner, 2 * index + 2, LEAF),
        feature=np.concatenate([features[level], padded]),
        threshold=np.concatenate([borders[level], ends]),
        missing_left=np.concatenate([low[level], ends.astype(bool)]),
        value=np.concatenate([np.zeros(inner), scale * values]),
        cover=cover,
    )
