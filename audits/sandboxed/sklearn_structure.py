"""What may be inside a skops file, and whether its trees are whole.

The list of trusted types is ours; a list inside the file is never read (evidence.md,
finding 9). skops itself does not check node indexes, and a wrong one crashes the
process at prediction (evidence.md 4.2).
"""

import math
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import skops.io
import skops.io.exceptions
from numpy.typing import NDArray
from sklearn.tree._tree import Tree

from audits.sandboxed.refusal import Refused
from audits.sandboxed.sklearn_parts import make_safe

# Beyond what skops trusts by itself: parts of scikit-learn's own estimators whose
# state is plain numbers. Functions and user classes are never in this list.
TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn._loss._loss.CyHalfTweedieLoss",
    "sklearn._loss._loss.CyHalfTweedieLossIdentity",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.impute._iterative.IterativeImputer",
    "sklearn.impute._iterative._ImputerTriplet",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
# Their compiled parsers would read the submitter's bytes unchecked.
BOOSTERS = ("xgboost.", "lightgbm.", "catboost.")
MAX_OBJECTS = 1_000_000
# What skops and numpy raise for damaged bytes.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    skops.io.exceptions.UntrustedTypesFoundException,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
LEAF = -1


def load(data: bytes) -> Any:
    """Load a skops file. Raises Refused and names the types that are not trusted."""
    try:
        strangers = sorted(
            set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES)
        )
    except BROKEN as trouble:
        raise Refused(f"The skops file is damaged ({trouble}).") from trouble
    if any(name.startswith(BOOSTERS) for name in strangers):
        raise Refused(
            "The skops file holds an XGBoost, LightGBM or CatBoost model, whose bytes "
            "cannot be checked there. Upload the booster by itself, with its features "
            "as numbers, or export the whole pipeline as ONNX."
        )
    if strangers:
        raise Refused(
            "The skops file holds types that this server does not trust: "
            f"{', '.join(strangers[:10])}. Use scikit-learn's own estimators and "
            "transformers, or export as ONNX."
        )
    try:
        model = skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    except BROKEN as trouble:
        raise Refused(f"The skops file cannot be loaded ({trouble}).") from trouble
    if not hasattr(model, "predict"):
        raise Refused(
            f"The skops file holds a {type(model).__name__}, not a fitted model with "
            "a predict method."
        )
    try:
        _check_trees(model)
    except BROKEN as trouble:
        raise Refused(f"The skops file does not fit together ({trouble}).") from trouble
    return model


def _check_trees(model: Any) -> None:
    """Walk everything below the model and check each tree on the way.

    `width` is how many columns the estimators around a tree let through: they check
    the data, the tree itself does not. A pipeline's steps each have their own.
    """
    waiting: list[tuple[Any, float]] = [(model, math.inf)]
    seen: set[tuple[int, float]] = set()
    while waiting:
        thing, width = waiting.pop()
        if (id(thing), width) in seen:
            continue
        seen.add((id(thing), width))
        if len(seen) > MAX_OBJECTS:
            raise Refused("The skops file holds too many objects.")
        if isinstance(thing, Tree):
            _check_tree(thing, width)
        elif type(thing).__name__ == "TreePredictor":
            _check_predictor(thing.nodes, width)
        elif not isinstance(thing, (str, bytes, int, float, type)):
            make_safe(thing)
            inside, width = _inside(thing, width)
            waiting.extend((part, width) for part in inside)


def _inside(thing: Any, width: float) -> tuple[list[Any], float]:
    if isinstance(thing, np.ndarray):
        return (thing.ravel().tolist() if thing.dtype == object else []), width
    if isinstance(thing, (list, tuple, set)):
        return list(thing), width
    if isinstance(thing, dict):
        return list(thing.values()), width
    parts = getattr(thing, "__dict__", {})
    if "steps" in parts:
        return list(parts.values()), math.inf
    columns = parts.get("n_features_in_", width)
    if not isinstance(columns, (int, float)):
        raise Refused("An estimator in the skops file does not count its features.")
    return list(parts.values()), min(width, columns)


def _check_tree(tree: Tree, width: float) -> None:
    lefts, rights = np.asarray(tree.children_left), np.asarray(tree.children_right)
    inner = lefts != LEAF
    _check_links(lefts[inner], rights[inner], np.flatnonzero(inner), len(lefts))
    used = np.asarray(tree.feature)[inner]
    if len(used) and not (used.min() >= 0 and used.max() < width):
        raise Refused("A split in the skops file uses a feature that does not exist.")
    if len(np.asarray(tree.value)) != len(lefts):
        raise Refused("A tree in the skops file has values for other nodes.")


def _check_predictor(nodes: NDArray[Any], width: float) -> None:
    inner = nodes["is_leaf"] == 0
    lefts, rights = (nodes[side][inner].astype(np.int64) for side in ("left", "right"))
    _check_links(lefts, rights, np.flatnonzero(inner), len(nodes))
    used = nodes["feature_idx"][inner]
    if len(used) and not (used.min() >= 0 and used.max() < width):
        raise Refused("A split in the skops file uses a feature that does not exist.")
    if nodes["is_categorical"].any():
        raise Refused(
            "Histogram gradient boosting that splits on categories is not accepted "
            "yet: encode the categories in the pipeline."
        )


def _check_links(
    lefts: NDArray[Any], rights: NDArray[Any], parents: NDArray[Any], nodes: int
) -> None:
    children = np.concatenate([lefts, rights])
    owners = np.concatenate([parents, parents])
    if nodes == 0 or (len(children) and not (children > owners).all()):
        raise Refused("A tree in the skops file is empty or closes a circle.")
    if len(children) and children.max() >= nodes:
        raise Refused("A node in the skops file points to a node that does not exist.")
    if len(np.unique(children)) != len(children):
        raise Refused("A node in the skops file has two parents.")
