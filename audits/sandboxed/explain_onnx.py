"""ONNX: tree ensembles are read out of the file; all other models are asked.

The file does not say how much training data passed a node, so that trees are always
explained against the background.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.explain_trees import LEAF, Tree, Trees, joined
from audits.sandboxed.explain_with_trees import Subject, TreesExplainer
from audits.sandboxed.explainers import Asked, Explainer
from audits.sandboxed.loading import Model, Scores, numbers, ordered
from audits.sandboxed.onnx_nodes import Node, tree_node

SAME = 1e-4
KINDS = {"BRANCH_LEQ": False, "BRANCH_LT": True}
PROBABILITY, LOG_ODDS = "probability", "log-odds"


@dataclass(frozen=True)
class _Ensemble:
    """The trees of each explained output, with the constant that they leave out."""

    layers: list[Trees]
    constants: list[float]
    scale: str

    def margins(self, matrix: Scores) -> Scores:
        pairs = zip(self.layers, self.constants, strict=True)
        return np.stack([trees.total(matrix) + constant for trees, constant in pairs])


def prepare(
    model: Model, *, sample: pd.DataFrame, background: pd.DataFrame, asked: Asked
) -> Explainer | None:
    """Explain a file that is one tree ensemble; None for every other graph."""
    node = tree_node(asked.file.read_bytes())
    if node is None:
        return None
    try:
        found = _ensemble(node, model)
    except (KeyError, IndexError, ValueError):
        return None  # a form of the operator that we do not know
    if found is None:
        return None

    def encode(frame: pd.DataFrame) -> Scores:
        return numbers(frame, ordered(frame, model.feature_names))

    scores = model.score(sample, asked.positive)
    if not _explains(found, found.margins(encode(sample)), scores):
        return None
    subject = Subject(
        library=model.library,
        scale=found.scale,
        encode=encode,
        owners=np.arange(sample.shape[1]),
        margins=lambda frame: found.margins(encode(frame)),
        trees=lambda: found.layers,
        layers=tuple(range(len(found.layers))),
    )
    return TreesExplainer(subject, background=background, rows=asked.rows)


def _explains(found: _Ensemble, margins: Scores, scores: Scores) -> bool:
    """Whether our reading of the trees gives the model's own scores."""
    if found.scale == LOG_ODDS and len(margins) == 1:
        margins = 1 / (1 + np.exp(-np.clip(margins, -700, 700)))
    elif found.scale == LOG_ODDS:
        powers = np.exp(margins - margins.max(axis=0))
        margins = powers / powers.sum(axis=0)
    said = margins[0] if len(margins) == 1 else margins.T
    return said.shape == scores.shape and np.allclose(said, scores, SAME, SAME)


def _ensemble(node: Node, model: Model) -> _Ensemble | None:
    regression = node.kind == "TreeEnsembleRegressor"
    if regression != (model.task == "regression"):
        return None
    weights, single = _weights(node, "target" if regression else "class")
    base = np.zeros(weights.shape[1])
    given = np.asarray(node.get("base_values"), np.float64)
    base[: len(given)] = given
    after = node.word("post_transform", "NONE")
    if regression and node.word("aggregate_function", "SUM") == "AVERAGE":
        weights = weights / len(np.unique(node.get("nodes_treeids")))
    if after not in ("NONE", "LOGISTIC", "SOFTMAX") or (regression and after != "NONE"):
        return None
    scale = "value" if regression else PROBABILITY if after == "NONE" else LOG_ODDS
    mixed = np.eye(weights.shape[1])
    if not regression and model.task == "binary":
        if single:  # one weight speaks for the second class
            mixed = mixed[:, [int(node.get("class_ids")[0])]]
        elif after == "SOFTMAX":
            mixed = mixed[:, [1]] - mixed[:, [0]]
        else:
            mixed = mixed[:, [1]]
    layers = [_trees(node, column) for column in (weights @ mixed).T]
    known = [trees for trees in layers if trees is not None]
    if len(known) < len(layers) or (regression and len(layers) != 1):
        return None
    return _Ensemble(known, (base @ mixed).tolist(), scale)


def _weights(node: Node, what: str) -> tuple[Scores, bool]:
    """What each node adds to each output, and whether all add to one only."""
    places = _places(node)
    outputs = np.asarray(node.get(f"{what}_ids"), np.int64)
    width = int(outputs.max()) + 1
    trees = node.get(f"{what}_treeids")
    numbered = node.get(f"{what}_nodeids")
    rows = np.array([places[key] for key in zip(trees, numbered, strict=True)])
    found = np.bincount(
        rows * width + outputs,
        node.get(f"{what}_weights"),
        minlength=len(places) * width,
    )
    return found.reshape(-1, width), bool((outputs == outputs[0]).all())


def _places(node: Node) -> dict[tuple[int, int], int]:
    keys = zip(node.get("nodes_treeids"), node.get("nodes_nodeids"), strict=True)
    return {key: place for place, key in enumerate(keys)}


def _trees(node: Node, values: Scores) -> Trees | None:
    modes = node.get("nodes_modes")
    leaf = np.array([mode == "LEAF" for mode in modes])
    kinds = {mode for mode in modes if mode != "LEAF"}
    if len(kinds) > 1 or not kinds <= set(KINDS):
        return None
    tracks = node.get("nodes_missing_value_tracks_true") or [0] * len(leaf)
    parts: dict[str, NDArray[Any]] = {
        "true": np.asarray(node.get("nodes_truenodeids"), np.int64),
        "false": np.asarray(node.get("nodes_falsenodeids"), np.int64),
        "feature": np.asarray(node.get("nodes_featureids"), np.int64),
        "threshold": np.asarray(node.get("nodes_values"), np.float64),
        "missing": np.asarray(tracks, bool),
    }
    belongs = np.asarray(node.get("nodes_treeids"), np.int64)
    trees = [
        _tree(np.flatnonzero(belongs == tree), node, parts, leaf, values)
        for tree in dict.fromkeys(belongs.tolist())
    ]
    strict = bool(kinds) and KINDS[kinds.pop()]
    return joined(trees, strict=strict, single=True)


def _tree(
    rows: NDArray[np.intp],
    node: Node,
    parts: dict[str, NDArray[Any]],
    leaf: NDArray[np.bool_],
    values: Scores,
) -> Tree:
    """One tree with its nodes renumbered from 0, the root first as in the file."""
    numbered = np.asarray(node.get("nodes_nodeids"), np.int64)[rows]
    place = np.full(int(numbered.max()) + 1, LEAF)
    place[numbered] = np.arange(len(rows))
    ends = leaf[rows]
    left = np.where(ends, LEAF, place[np.where(ends, 0, parts["true"][rows])])
    right = np.where(ends, LEAF, place[np.where(ends, 0, parts["false"][rows])])
    return Tree(
        left=left,
        right=right,
        feature=parts["feature"][rows],
        threshold=parts["threshold"][rows],
        missing_left=parts["missing"][rows],
        value=values[rows],
        cover=np.ones(len(rows)),
    )
