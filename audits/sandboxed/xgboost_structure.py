"""Checks an XGBoost document before the native parser sees it.

Edited child and feature indexes crash or hang XGBoost (evidence.md 4.2). What is
handed on is written anew from what was checked, so that two readers of one file
cannot see two different models.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.sandboxed.loading import Label
from audits.sandboxed.refusal import Refused
from audits.sandboxed.strict_json import DECIMAL, read_json, whole
from audits.sandboxed.ubjson import decode
from audits.sandboxed.xgboost_categories import (
    CATEGORY_LISTS,
    check_categories,
    labels_of,
)

NO_PARENT = 2**31 - 1
DELETED = 2**31 - 1  # as the feature of a node that pruning took away
LARGEST_FLOAT32 = 3.4028235e38
NUMBERS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
INDEXES = ("left_children", "right_children", "parents", "split_indices")
FLAGS = ("default_left", "split_type")
PER_NODE = (*NUMBERS, *INDEXES, *FLAGS)
PER_MODEL = ("gbtree_model_param", "tree_info", "iteration_indptr", "weight_drop")
MAX_CLASSES = 1_000
OBJECTIVES = {
    "binary:logistic": "binary",
    "reg:logistic": "binary",
    "reg:squarederror": "regression",
    "reg:absoluteerror": "regression",
    "reg:pseudohubererror": "regression",
    "reg:gamma": "regression",
    "reg:tweedie": "regression",
    "count:poisson": "regression",
    "multi:softprob": "multiclass",
    "multi:softmax": "multiclass",
}
FEATURE_TYPES = frozenset({"float", "int", "i", "q", "c"})


def read_document(path: Path, *, binary_json: bool) -> dict[str, Any]:
    """Read JSON or UBJSON into plain values. Raises Refused."""
    data = path.read_bytes()
    document = decode(data) if binary_json else read_json(data, "XGBoost")
    if not isinstance(document, dict):
        raise Refused("The XGBoost file is not a JSON object.")
    return document


@dataclass(frozen=True)
class Checked:
    """A document whose indexes are all in range, written anew for the parser."""

    canonical: bytes
    task: str
    classes: int  # 0 for a regression
    feature_names: tuple[str, ...]  # () when the model was trained without
    feature_types: tuple[str, ...]
    labels: dict[int, list[Label]]  # the categories of features, where it knows them

    @property
    def categorical(self) -> bool:
        """Whether the model takes categories."""
        return "c" in self.feature_types


def checked(document: dict[str, Any]) -> Checked:
    """Check a document. Raises Refused.

    Refused are an index out of range, a node with two parents, a child that does not
    come after its parent, and models of a kind that is not accepted.
    """
    try:
        return _checked(document)
    except (
        KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError,
    ) as trouble:  # fmt: skip
        raise Refused(
            f"The XGBoost file lacks a part or has one of a wrong type ({trouble})."
        ) from trouble


def _checked(document: dict[str, Any]) -> Checked:
    learner = document["learner"]
    parameters = learner["learner_model_param"]
    features = whole(parameters["num_feature"])
    task, classes = _task(learner)
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise Refused(
            f"The XGBoost booster {str(booster['name'])[:40]!r} is not accepted: "
            "train with booster='gbtree', or export as ONNX."
        )
    model = booster["model"]
    names = tuple(map(str, learner.get("feature_names", ())))
    if names and (len(names) != features or len(set(names)) != features):
        raise Refused("The XGBoost feature names do not match the number of features.")
    types = tuple(map(str, learner.get("feature_types", ())))
    if types and (len(types) != features or not set(types) <= FEATURE_TYPES):
        raise Refused("The XGBoost feature types do not match the features.")
    groups = classes if task == "multiclass" else 1
    _check_forest(model, features=features, groups=groups, types=types)
    rebuilt = {
        "version": [int(part) for part in document["version"]],
        "learner": {
            **{key: learner[key] for key in ("learner_model_param", "objective")},
            "attributes": {},
            "feature_names": list(names),
            "feature_types": list(types),
            "gradient_booster": {"name": "gbtree", "model": _kept(model)},
        },
    }
    return Checked(
        canonical=json.dumps(rebuilt, allow_nan=False).encode(),
        task=task,
        classes=classes,
        feature_names=names,
        feature_types=types,
        labels=labels_of(model.get("cats", {}), features=features, types=types),
    )


def _task(learner: dict[str, Any]) -> tuple[str, int]:
    """Answer the task and how many classes there are (0 for a regression)."""
    parameters = learner["learner_model_param"]
    task = OBJECTIVES.get(learner["objective"]["name"])
    if task is None:
        raise Refused(
            f"The XGBoost objective {str(learner['objective']['name'])[:60]!r} is not "
            "accepted: classification (binary:logistic, multi:softprob) and regression "
            "are."
        )
    counted = whole(parameters["num_class"])
    if (task == "multiclass") != (counted > 1) or counted > MAX_CLASSES:
        raise Refused("The XGBoost file counts its classes wrongly.")
    if whole(parameters.get("num_target", "1")) != 1:
        raise Refused("XGBoost models with several targets are not accepted.")
    bases = str(parameters["base_score"]).strip("[]").split(",")
    if len(bases) not in (1, max(counted, 1)):
        raise Refused("The XGBoost base score does not fit the classes.")
    if not all(
        DECIMAL.fullmatch(base) and math.isfinite(float(base)) for base in bases
    ):
        raise Refused("The XGBoost base score is not a number.")
    softmax = learner["objective"].get("softmax_multiclass_param", {})
    if whole(softmax.get("num_class", counted)) != counted:
        raise Refused("The XGBoost file counts its classes wrongly.")
    if task == "multiclass" and counted == 2:
        raise Refused("Two classes are a binary model: train with binary:logistic.")
    return task, {"regression": 0, "binary": 2}.get(task, counted)


def _kept(model: dict[str, Any]) -> dict[str, Any]:
    parts = (*PER_NODE, *CATEGORY_LISTS, "tree_param", "id")
    trees = [{name: tree.get(name, []) for name in parts} for tree in model["trees"]]
    return {name: model[name] for name in PER_MODEL if name in model} | {"trees": trees}


def _check_forest(
    model: dict[str, Any], *, features: int, groups: int, types: tuple[str, ...]
) -> None:
    trees = model["trees"]
    count = whole(model["gbtree_model_param"]["num_trees"])
    if whole(model["gbtree_model_param"].get("num_parallel_tree", "1")) < 1:
        raise Refused("The XGBoost file counts its boosting rounds wrongly.")
    if not trees or count != len(trees) or len(model["tree_info"]) != count:
        raise Refused("The XGBoost file does not hold the trees that it counts.")
    info = model["tree_info"]
    if not all(type(group) is int and 0 <= group < groups for group in info):
        raise Refused("An XGBoost tree belongs to a class that does not exist.")
    starts = model.get("iteration_indptr", [0, count])
    if starts[0] != 0 or starts[-1] != count or starts != sorted(starts):
        raise Refused("The XGBoost file counts its boosting rounds wrongly.")
    weights = model.get("weight_drop", [1.0] * count)
    if len(weights) != count or not all(map(math.isfinite, weights)):
        raise Refused("The XGBoost file does not weight each of its trees.")
    unknown = sorted(set(model) - {*PER_MODEL, "trees", "cats"})
    if unknown:
        raise Refused(f"The XGBoost file has an unknown part: {unknown[0][:60]!r}.")
    for number, tree in enumerate(trees):
        _check_tree(tree, number=number, features=features, types=types)


def _check_tree(
    tree: dict[str, Any], *, number: int, features: int, types: tuple[str, ...]
) -> None:
    nodes = whole(tree["tree_param"]["num_nodes"])
    where = f"tree {number} of the XGBoost file"
    unknown = sorted(set(tree) - {*PER_NODE, *CATEGORY_LISTS, "tree_param", "id"})
    if unknown:
        raise Refused(f"An unknown part {unknown[0][:60]!r} is in {where}.")
    _check_tree_header(tree, number=number, features=features, where=where)
    if nodes < 1 or any(len(tree[name]) != nodes for name in PER_NODE):
        raise Refused(f"The arrays of {where} differ in length.")
    _check_numbers(tree, where=where)
    used = [feature for feature in tree["split_indices"] if feature != DELETED]
    if not all(0 <= feature < features for feature in used):
        raise Refused(f"A split in {where} uses a feature that does not exist.")
    if nodes - len(used) != whole(tree["tree_param"]["num_deleted"]):
        raise Refused(f"The header of {where} does not match the model.")
    check_categories(tree, types=types, where=where)
    _check_links(tree, nodes=nodes, where=where)


def _check_numbers(tree: dict[str, Any], *, where: str) -> None:
    for name in INDEXES:
        if not all(type(value) is int for value in tree[name]):
            raise Refused(f"{where} has {name} that are not whole numbers.")
    for name in NUMBERS:
        if not all(_is_float32(value) for value in tree[name]):
            raise Refused(f"{where} holds {name} that are not finite numbers.")
    if min(tree["sum_hessian"]) < 0:
        raise Refused(f"{where} has nodes with a negative weight.")


def _is_float32(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= LARGEST_FLOAT32  # NaN compares false


def _check_tree_header(
    tree: dict[str, Any], *, number: int, features: int, where: str
) -> None:
    if whole(tree["tree_param"]["size_leaf_vector"]) not in (0, 1):
        raise Refused("XGBoost models with several targets are not accepted.")
    if (
        whole(tree["id"]) != number
        or whole(tree["tree_param"]["num_feature"]) != features
    ):
        raise Refused(f"The header of {where} does not match the model.")


def _check_links(tree: dict[str, Any], *, nodes: int, where: str) -> None:
    lefts, rights, parents = (
        tree[name] for name in ("left_children", "right_children", "parents")
    )
    deleted = [feature == DELETED for feature in tree["split_indices"]]
    reached = [False] * nodes
    reached[0] = True
    for node, (left, right) in enumerate(zip(lefts, rights, strict=True)):
        if left == right == -1:
            continue
        for child in (left, right):
            if not node < child < nodes:
                raise Refused(
                    f"Node {node} in {where} points to node {child}, which is out of "
                    "range or closes a circle."
                )
            if reached[child] or parents[child] != node:
                raise Refused(f"Node {child} in {where} has two parents.")
            reached[child] = True
        if deleted[node]:
            raise Refused(f"Node {node} in {where} is deleted, but has children.")
    if [not gone for gone in deleted] != reached or parents[0] not in (NO_PARENT, -1):
        raise Refused(f"A node in {where} hangs nowhere.")
