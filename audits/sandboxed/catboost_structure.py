"""Checks what a CatBoost model says as JSON: splits, leaves, tables of categories.

CatBoost crashes on a split index out of range and gives wrong numbers without a word
for a list of leaves that is too short (evidence.md 4.2). A JSON model is checked and
written anew before CatBoost sees it. A `.cbm` is loaded by CatBoost first, in the
sandbox; what it then holds is checked in the same way before anything is predicted.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from audits.sandboxed.catboost_tables import (
    EXPONENTS,
    LOSSES,
    check_tables,
    checked_info,
)
from audits.sandboxed.refusal import Refused

PARTS = frozenset(
    {"features_info", "model_info", "oblivious_trees", "trees", "scale_and_bias"}
    | {"ctr_data"}
)
FEATURE_PARTS = frozenset(
    {"float_features", "categorical_features", "ctrs", "cat_features_hash"}
)
MAX_DEPTH = 16  # what CatBoost itself allows
MAX_FEATURES = 100_000
KEPT_PARTS = ("float_features", "categorical_features", "ctrs")
TREATMENTS = frozenset({"AsIs", "AsFalse", "AsTrue"})
ELEMENTS = frozenset({"cat_feature_value", "cat_feature_exact_value"})


@dataclass(frozen=True)
class Checked:
    """A document whose splits and leaves are in range."""

    canonical: bytes
    task: str
    exponent: bool  # whether the output is the logarithm of what is predicted


def checked(document: Any) -> Checked:
    """Check a CatBoost document. Raises Refused."""
    try:
        return _checked(document)
    except (
        KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError,
    ) as trouble:  # fmt: skip
        raise Refused(
            f"The CatBoost model lacks a part or has one of a wrong type ({trouble})."
        ) from trouble


def _checked(document: dict[str, Any]) -> Checked:
    info = document["features_info"]
    strangers = sorted(set(document) - PARTS) + sorted(set(info) - FEATURE_PARTS)
    if strangers:
        raise Refused(
            f"The CatBoost model has a part that is not accepted: "
            f"{strangers[0][:60]!r} (text and embedding features are not)."
        )
    scale, bias = document["scale_and_bias"]
    if not bias or not all(map(math.isfinite, (scale, *bias))):
        raise Refused("The scale of the CatBoost model is not made of finite numbers.")
    loss, about = checked_info(document["model_info"], columns=len(bias))
    splits = _splits(info)
    check_tables(document.get("ctr_data", {}), info.get("ctrs", ()))
    trees, leveled = document.get("trees"), document.get("oblivious_trees")
    if (trees is None) == (leveled is None) or not (trees or leveled):
        raise Refused("The CatBoost model holds no trees.")
    for number, tree in enumerate(leveled or ()):
        _check_leveled(tree, splits, classes=len(bias), where=f"tree {number}")
    for number, tree in enumerate(trees or ()):
        _check_nodes(tree, splits, classes=len(bias), where=f"tree {number}")
    rebuilt = document | {
        "model_info": about,
        "features_info": {name: info[name] for name in KEPT_PARTS if name in info},
    }
    return Checked(
        canonical=json.dumps(rebuilt, allow_nan=False).encode(),
        task=LOSSES[loss],
        exponent=loss in EXPONENTS,
    )


def _splits(info: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """List every split that the model may make, at its index: kind, feature, value."""
    found: list[tuple[str, Any, Any]] = []
    floats = info.get("float_features", [])
    words = info.get("categorical_features", [])
    flat = [feature["flat_feature_index"] for feature in (*floats, *words)]
    if sorted(flat) != list(range(len(flat))) or not 0 < len(flat) <= MAX_FEATURES:
        raise Refused("The CatBoost model does not number its features from 0.")
    for place, feature in enumerate(floats):
        sound = feature.get("nan_value_treatment", "AsIs") in TREATMENTS
        if feature["feature_index"] != place or not sound:
            raise Refused("The CatBoost model does not number its features from 0.")
        found += [("FloatFeature", place, x) for x in _rising(feature["borders"])]
    for place, feature in enumerate(words):
        if feature["feature_index"] != place:
            raise Refused("The CatBoost model does not number its features from 0.")
        found += [("OneHotFeature", place, x) for x in feature.get("values", ())]
    for table in info.get("ctrs", ()):
        for element in table["elements"]:
            _check_element(element, numbers=len(floats), words=len(words))
        found += [("OnlineCtr", None, x) for x in _rising(table["borders"])]
    return found


def _rising(borders: list[float]) -> list[float]:
    if not all(map(math.isfinite, borders)) or borders != sorted(borders):
        raise Refused("The borders of a feature in the CatBoost model do not rise.")
    return borders


def _check_element(element: dict[str, Any], *, numbers: int, words: int) -> None:
    """A combination of categories is made of categories and splits of numbers."""
    kind = element["combination_element"]
    if kind == "float_feature":
        feature, known = element["float_feature_index"], numbers
        sound = math.isfinite(element["border"])
    else:
        feature, known = element["cat_feature_index"], words
        sound = kind in ELEMENTS and type(element.get("value", 0)) is int
    if not sound or type(feature) is not int or not 0 <= feature < known:
        raise Refused("A table in the CatBoost model uses a feature that is not there.")


def _check_split(
    split: dict[str, Any], splits: list[tuple[str, Any, Any]], *, where: str
) -> None:
    index = split["split_index"]
    if type(index) is not int or not 0 <= index < len(splits):
        raise Refused(f"A split in {where} of the CatBoost model does not exist.")
    kind, feature, value = splits[index]
    features = {
        "FloatFeature": "float_feature_index",
        "OneHotFeature": "cat_feature_index",
    }
    given = split["value"] if kind == "OneHotFeature" else split["border"]
    named = split.get(features.get(kind, ""))
    if split["split_type"] != kind or named != feature or given != value:
        raise Refused(
            f"A split in {where} of the CatBoost model is not the one of its index."
        )


def _check_leveled(
    tree: dict[str, Any],
    splits: list[tuple[str, Any, Any]],
    *,
    classes: int,
    where: str,
) -> None:
    """A tree with one split for each level has two leaves to the power of the depth."""
    made = tree.get("splits") or []
    if len(made) > MAX_DEPTH:
        raise Refused(f"{where} of the CatBoost model is deeper than {MAX_DEPTH}.")
    for split in made:
        _check_split(split, splits, where=where)
    values, weights = tree["leaf_values"], tree.get("leaf_weights") or []
    leaves = 2 ** len(made)
    if len(values) != leaves * classes or len(weights) not in (0, leaves):
        raise Refused(f"{where} of the CatBoost model has the wrong number of leaves.")
    if not all(map(math.isfinite, (*values, *weights))):
        raise Refused(
            f"A leaf in {where} of the CatBoost model is not a finite number."
        )


def _check_nodes(
    tree: dict[str, Any],
    splits: list[tuple[str, Any, Any]],
    *,
    classes: int,
    where: str,
) -> None:
    """A tree of nested nodes: each is a leaf with its values, or a split with two."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if "split" in node:
            _check_split(node["split"], splits, where=where)
            waiting += [node["left"], node["right"]]
            continue
        values = node["value"] if isinstance(node["value"], list) else [node["value"]]
        if len(values) != classes or not all(map(math.isfinite, values)):
            raise Refused(f"A leaf in {where} of the CatBoost model is not whole.")
