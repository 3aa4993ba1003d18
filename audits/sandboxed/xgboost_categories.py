"""Splits on categories in an XGBoost document, and what its categories are called."""

from typing import Any

from audits.sandboxed.loading import Label
from audits.sandboxed.refusal import Refused

CATEGORY_LISTS = (
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
)
# XGBoost keeps a bit for each category up to the largest, at each split.
MAX_CATEGORY = 65_536
_CUT = "The XGBoost file has categories that are cut wrongly."


def check_categories(
    tree: dict[str, Any], *, types: tuple[str, ...], where: str
) -> None:
    """Raise Refused unless each split on categories has its own list of them."""
    lists = {name: tree.get(name, []) for name in CATEGORY_LISTS}
    if not all(type(value) is int for part in lists.values() for value in part):
        raise Refused(f"{where} has categories that are not whole numbers.")
    values, nodes, begins, sizes = lists.values()
    if not set(tree["split_type"]) <= {0, 1}:
        raise Refused(f"A split in {where} is of an unknown kind.")
    marked = [node for node, kind in enumerate(tree["split_type"]) if kind]
    if nodes != marked or not len(nodes) == len(begins) == len(sizes):
        raise Refused(f"The categories in {where} do not belong to its splits.")
    at = 0
    for begin, size in zip(begins, sizes, strict=True):
        if begin != at or size < 1:
            raise Refused(f"The lists of categories in {where} overlap or are empty.")
        at += size
    if at != len(values) or not all(0 <= value < MAX_CATEGORY for value in values):
        raise Refused(f"A category in {where} is out of range.")
    for node in nodes:
        feature = tree["split_indices"][node]
        if tree["left_children"][node] == -1 or types[feature : feature + 1] != ("c",):
            raise Refused(f"A split on categories in {where} has no such feature.")


def labels_of(
    cats: dict[str, Any], *, features: int, types: tuple[str, ...]
) -> dict[int, list[Label]]:
    """Answer the labels of each feature's categories, in their order.

    Models that were trained on numbers as categories have none. Raises Refused.
    """
    found: dict[int, list[Label]] = {}
    for feature, part in enumerate(cats.get("enc", ())):
        labels = _labels(part)
        if not labels:
            continue
        if types[feature : feature + 1] != ("c",) or feature >= features:
            raise Refused("The XGBoost file has categories for a feature without.")
        if len(set(labels)) != len(labels) or len(labels) > MAX_CATEGORY:
            raise Refused("The XGBoost file names a category twice, or too many.")
        found[feature] = labels
    return found


def _labels(part: dict[str, Any]) -> list[Label]:
    """Decode one list: words as Arrow keeps them (offsets into bytes), or numbers."""
    values = part["values"]
    if "offsets" not in part:
        if not all(type(value) in (int, float) for value in values):
            raise Refused("The XGBoost file has categories that are not numbers.")
        return list(values)
    offsets = part["offsets"]
    if not offsets:
        return []
    raw = bytes(value & 0xFF for value in values)  # written as signed bytes
    if offsets[0] != 0 or offsets[-1] != len(raw) or offsets != sorted(offsets):
        raise Refused(_CUT)
    pieces = zip(offsets[:-1], offsets[1:], strict=True)
    try:
        return [raw[begin:end].decode("utf-8") for begin, end in pieces]
    except UnicodeDecodeError as trouble:  # XGBoost 3.2 cut words like this itself
        raise Refused(_CUT) from trouble
