"""Checks a LightGBM text model before the native parser sees it.

Edited files abort, hang or corrupt memory in LightGBM (evidence.md 4.2). What is
handed on is written anew from what was checked; `tree_sizes`, which would let the
native parser jump to other places of the file, is left out.
"""

import math
from pathlib import Path

from audits.sandboxed.refusal import Refused

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
ORDER = ("num_leaves", "num_cat", *PER_SPLIT[:6], *PER_LEAF, *PER_SPLIT[6:])
WHOLE = {"split_feature", "decision_type", "left_child", "right_child"}
CATEGORICAL = 1
OBJECTIVES = {
    "binary": "binary",
    "cross_entropy": "binary",
    **dict.fromkeys(
        ("regression", "regression_l1", "huber", "fair", "poisson", "quantile")
        + ("mape", "gamma", "tweedie"),
        "regression",
    ),
}
_NO_CATEGORIES = (
    "LightGBM models that split on categories are not accepted yet: encode categories "
    "as numbers, or put the encoder and the model into a scikit-learn pipeline."
)
Section = dict[str, str]


def checked(path: Path) -> tuple[str, str, tuple[str, ...]]:
    """Answer (text for the native parser, task, feature names). Raises Refused."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise Refused("The LightGBM file is not text.") from trouble
    body, found, rest = text.partition("\nend of trees")
    if not found:
        raise Refused("The LightGBM file is cut short.")
    if "\npandas_categorical:[[" in rest:
        raise Refused(_NO_CATEGORIES)
    head, *blocks = body.split("\nTree=")
    try:
        header, flags = _section(head.removeprefix("tree\n"), "the header")
        task, names = _check_header(header)
        trees = [
            _tree(block, number=number, features=len(names))
            for number, block in enumerate(blocks)
        ]
    except (KeyError, ValueError) as trouble:
        raise Refused(
            f"The LightGBM file lacks a part or has one of a wrong type ({trouble})."
        ) from trouble
    if not trees:
        raise Refused("The LightGBM file holds no trees.")
    lines = ["tree", *(f"{key}={header[key]}" for key in HEADER if key in header)]
    lines += ["average_output"] * ("average_output" in flags)
    return "\n".join([*lines, "", *trees, "end of trees", ""]), task, names


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


def _check_header(header: Section) -> tuple[str, tuple[str, ...]]:
    if header["num_class"] != "1" or header["num_tree_per_iteration"] != "1":
        raise Refused("LightGBM models with several classes are not accepted yet.")
    objective = header.get("objective", "").split(" ")[0]
    if objective not in OBJECTIVES:
        raise Refused(
            f"The LightGBM objective {objective[:60]!r} is not accepted yet: binary "
            "classification and regression are."
        )
    names = tuple(header["feature_names"].split(" "))
    infos = header["feature_infos"].split(" ")
    count = int(header["max_feature_idx"]) + 1
    if not len(names) == len(set(names)) == len(infos) == count:
        raise Refused("The LightGBM feature names do not match the number of features.")
    return OBJECTIVES[objective], names


def _tree(block: str, *, number: int, features: int) -> str:
    where = f"tree {number} of the LightGBM file"
    label, _, rest = block.partition("\n")
    if int(label) != number:
        raise Refused(f"The trees of the LightGBM file are not in order at {number}.")
    tree, _ = _section(rest, where)
    leaves = int(tree["num_leaves"])
    if leaves < 1 or leaves > len(block):
        raise Refused(f"The number of leaves of {where} is impossible.")
    if tree.get("num_cat", "0") != "0":
        raise Refused(_NO_CATEGORIES)
    if tree.get("is_linear", "0") != "0":
        raise Refused("LightGBM models with linear trees are not accepted yet.")
    if not math.isfinite(float(tree["shrinkage"])):
        raise Refused(f"The shrinkage of {where} is not a number.")
    for name in PER_SPLIT if leaves > 1 else ():
        _check_numbers(tree[name], name, count=leaves - 1, where=where)
    for name in PER_LEAF:
        if name == "leaf_value" or (name in tree and leaves > 1):
            _check_numbers(tree[name], name, count=leaves, where=where)
    if leaves > 1:
        _check_splits(tree, leaves=leaves, features=features, where=where)
    wanted = ORDER if leaves > 1 else ("num_leaves", "num_cat", "leaf_value")
    kept = [f"{key}={tree[key]}" for key in wanted if key in tree]
    lines = [f"Tree={number}", *kept, "is_linear=0", f"shrinkage={tree['shrinkage']}"]
    return "\n".join([*lines, "", ""])


def _check_numbers(text: str, name: str, *, count: int, where: str) -> None:
    values = text.split(" ")
    if len(values) != count:
        raise Refused(f"{name} in {where} has {len(values)} entries, not {count}.")
    for value in values:
        finite = math.isfinite(int(value) if name in WHOLE else float(value))
        if not finite and name != "split_gain":
            raise Refused(f"{name} in {where} is not a finite number.")


def _check_splits(tree: Section, *, leaves: int, features: int, where: str) -> None:
    used, kinds, lefts, rights = (
        [int(value) for value in tree[name].split(" ")]
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    if not all(0 <= feature < features for feature in used):
        raise Refused(f"A split in {where} uses a feature that does not exist.")
    if any(kind & CATEGORICAL for kind in kinds):
        raise Refused(_NO_CATEGORIES)
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
