"""Checks a LightGBM text model before the native parser sees it.

Edited files abort, hang or corrupt memory in LightGBM (evidence.md 4.2). What is
handed on is written anew from what was checked; `tree_sizes`, which would let the
native parser jump to other places of the file, is left out.
"""

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audits.sandboxed.lightgbm_linear import linear_lines
from audits.sandboxed.loading import Label
from audits.sandboxed.refusal import Refused
from audits.sandboxed.strict_json import DECIMAL, whole

HEADER = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
)
PER_SPLIT = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
CATEGORIES = ("cat_boundaries", "cat_threshold")
ORDER = (
    *("num_leaves", "num_cat", *PER_SPLIT[:6], *PER_LEAF, *PER_SPLIT[6:]),
    *CATEGORIES,
)
COUNTS = {"leaf_count", "internal_count"}
WHOLE = {"split_feature", "decision_type", "left_child", "right_child"} | COUNTS
# What Python and C read alike: no underscores, no digits of other scripts.
PLAIN = re.compile(r"[-+0-9.eE ]*")
CATEGORICAL = 1
OBJECTIVES = {
    "binary": "binary",
    "cross_entropy": "binary",
    "multiclass": "multiclass",
    **dict.fromkeys(
        ("regression", "regression_l1", "huber", "fair", "poisson", "quantile")
        + ("mape", "gamma", "tweedie"),
        "regression",
    ),
}
MAX_CLASSES = 1_000
Section = dict[str, str]


@dataclass(frozen=True)
class Checked:
    """A text whose indexes are all in range, written anew for the native parser."""

    canonical: str
    task: str
    classes: int  # 0 for a regression
    feature_names: tuple[str, ...]
    labels: dict[int, list[Label]]  # the categories of features, where it knows them
    categorical: bool  # whether trees split on categories
    linear: bool  # whether leaves hold linear models


def checked(path: Path) -> Checked:
    """Check a text model. Raises Refused."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise Refused("The LightGBM file is not text.") from trouble
    body, found, rest = text.partition("\nend of trees")
    if not found:
        raise Refused("The LightGBM file is cut short.")
    head, *blocks = body.split("\nTree=")
    try:
        return _checked(head, blocks, rest)
    except (KeyError, ValueError, TypeError, OverflowError) as trouble:
        raise Refused(
            f"The LightGBM file lacks a part or has one of a wrong type ({trouble})."
        ) from trouble


def _checked(head: str, blocks: list[str], rest: str) -> Checked:
    header, flags = _section(head.removeprefix("tree\n"), "the header")
    task, classes, names = _check_header(header)
    done = [
        _tree(block, number=number, features=len(names))
        for number, block in enumerate(blocks)
    ]
    if not done or (task == "multiclass" and len(done) % classes):
        raise Refused("The LightGBM file holds no trees, or not one for each class.")
    lines = ["tree", *(f"{key}={header[key]}" for key in HEADER if key in header)]
    lines += ["average_output"] * ("average_output" in flags)
    trees = [text for text, _ in done]
    tail = ["end of trees", "", "pandas_categorical:null", ""]
    return Checked(
        canonical="\n".join([*lines, "", *trees, *tail]),
        task=task,
        classes=classes,
        feature_names=names,
        labels=_labels(rest, header["feature_infos"].split(" ")),
        categorical=any(tree.get("num_cat", "0") != "0" for _, tree in done),
        linear=any(tree.get("is_linear", "0") == "1" for _, tree in done),
    )


def _labels(rest: str, infos: list[str]) -> dict[int, list[Label]]:
    """Answer what pandas called the categories of each feature that has some.

    LightGBM writes the lists of the categorical columns in their order, and `a:b:c`
    instead of `[low:high]` as what it knows of such a column.
    """
    line = next(
        (part for part in rest.split("\n") if part.startswith("pandas_categorical:")),
        "pandas_categorical:null",
    )
    lists = json.loads(line.partition(":")[2]) or []
    places = [place for place, info in enumerate(infos) if info[:1] not in "[n"]
    if not lists:
        return {}
    if len(lists) != len(places):
        raise Refused(
            "The LightGBM file does not say which feature each list of categories "
            "belongs to; encode the categories as numbers before the training."
        )
    for labels in lists:
        kinds = {type(label) for label in labels}
        if not (kinds <= {str} or kinds <= {int, float}) or len(set(labels)) != len(
            labels
        ):
            raise Refused(
                "The categories in the LightGBM file are not words or numbers."
            )
    return dict(zip(places, lists, strict=True))


def _section(text: str, where: str) -> tuple[Section, set[str]]:
    found: Section = {}
    flags: set[str] = set()
    for line in text.split("\n"):
        key, equals, value = line.strip().partition("=")
        if not equals:
            flags.add(key)
        elif key in found:
            raise Refused(f"The LightGBM file names {key[:60]!r} twice in {where}.")
        else:
            found[key] = value
    return found, flags


def _check_header(header: Section) -> tuple[str, int, tuple[str, ...]]:
    objective, *settings = header.get("objective", "").split(" ")
    if objective not in OBJECTIVES:
        raise Refused(
            f"The LightGBM objective {objective[:60]!r} is not accepted: binary and "
            "multiclass classification and regression are."
        )
    task = OBJECTIVES[objective]
    counted = whole(header["num_class"])
    several = task == "multiclass"
    if counted != whole(header["num_tree_per_iteration"]) or counted > MAX_CLASSES:
        raise Refused("The LightGBM file counts its classes wrongly.")
    if several != (counted > 2) or (several and f"num_class:{counted}" not in settings):
        raise Refused("The LightGBM file counts its classes wrongly.")
    names = tuple(header["feature_names"].split(" "))
    infos = header["feature_infos"].split(" ")
    count = whole(header["max_feature_idx"]) + 1
    if not len(names) == len(set(names)) == len(infos) == count:
        raise Refused("The LightGBM feature names do not match the number of features.")
    return task, {"regression": 0, "binary": 2}.get(task, counted), names


def _tree(block: str, *, number: int, features: int) -> tuple[str, Section]:
    """Check one tree; answer it written anew, and its parts."""
    where = f"tree {number} of the LightGBM file"
    label, _, rest = block.partition("\n")
    if whole(label) != number:
        raise Refused(f"The trees of the LightGBM file are not in order at {number}.")
    tree, _ = _section(rest, where)
    leaves = whole(tree["num_leaves"])
    if leaves < 1 or leaves > len(block):
        raise Refused(f"The number of leaves of {where} is impossible.")
    if not DECIMAL.fullmatch(tree["shrinkage"]):
        raise Refused(f"The shrinkage of {where} is not a number.")
    for name in PER_SPLIT if leaves > 1 else ():
        _check_numbers(tree[name], name, count=leaves - 1, where=where)
    for name in PER_LEAF:
        if name == "leaf_value" or (name in tree and leaves > 1):
            _check_numbers(tree[name], name, count=leaves, where=where)
    if leaves > 1:
        _check_splits(tree, leaves=leaves, features=features, where=where)
        _check_categories(tree, where=where)
    wanted = ORDER if leaves > 1 else ("num_leaves", "leaf_value")
    kept = [f"{key}={tree[key]}" for key in wanted if key in tree]
    if leaves == 1:
        kept.insert(1, "num_cat=0")
    linear = linear_lines(tree, leaves=leaves, features=features, where=where)
    lines = [f"Tree={number}", *kept, *linear, f"shrinkage={tree['shrinkage']}"]
    return "\n".join([*lines, "", ""]), tree


def _check_categories(tree: Section, *, where: str) -> None:
    """Each split on categories names one list of bits, and each list is in range."""
    count = whole(tree.get("num_cat", "0"))
    thresholds, kinds = tree["threshold"].split(" "), tree["decision_type"].split(" ")
    named = [
        float(threshold)
        for threshold, kind in zip(thresholds, kinds, strict=True)
        if whole(kind) & CATEGORICAL
    ]
    if count == 0 and not named and not any(name in tree for name in CATEGORIES):
        return
    if not all(name in tree for name in CATEGORIES):
        raise Refused(f"A split on categories in {where} has no list of them.")
    bounds, words = ([whole(x) for x in tree[name].split(" ")] for name in CATEGORIES)
    if len(bounds) != count + 1 or bounds[0] != 0 or bounds[-1] != len(words):
        raise Refused(f"The lists of categories in {where} do not fit together.")
    if any(low >= high for low, high in itertools.pairwise(bounds)):
        raise Refused(f"A list of categories in {where} is empty or overlaps.")
    if not all(0 <= word < 2**32 for word in words):
        raise Refused(f"A list of categories in {where} is not made of bits.")
    if not all(place.is_integer() and 0 <= place < count for place in named):
        raise Refused(f"A split on categories in {where} has no list of them.")


def _check_numbers(text: str, name: str, *, count: int, where: str) -> None:
    values = text.split(" ")
    if len(values) != count:
        raise Refused(f"{name} in {where} has {len(values)} entries, not {count}.")
    if name == "split_gain" and not PLAIN.fullmatch(text):
        values = [value for value in values if value not in ("inf", "-inf", "nan")]
        text = " ".join(values)
    if not PLAIN.fullmatch(text):
        raise Refused(f"{name} in {where} is not made of finite numbers.")
    found = np.array(values, dtype=np.int64 if name in WHOLE else np.float64)
    if not np.isfinite(found).all() or (name in COUNTS and found.max() >= 2**31):
        raise Refused(f"{name} in {where} is not made of finite numbers.")


def _check_splits(tree: Section, *, leaves: int, features: int, where: str) -> None:
    used, kinds, lefts, rights = (
        [int(value) for value in tree[name].split(" ")]
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    if not all(0 <= feature < features for feature in used):
        raise Refused(f"A split in {where} uses a feature that does not exist.")
    if not all(0 <= kind < 16 for kind in kinds):
        raise Refused(f"A split in {where} is of an unknown kind.")
    # Children are splits (0 and up) or leaves (-1 and down); each hangs in one place.
    reached: set[int] = set()
    for node, children in enumerate(zip(lefts, rights, strict=True)):
        for child in children:
            if not (node < child < leaves - 1 or -leaves <= child < 0):
                raise Refused(
                    f"Split {node} in {where} points to {child}, which is out of range "
                    "or closes a circle."
                )
            if child in reached:
                raise Refused(f"Node {child} in {where} has two parents.")
            reached.add(child)
