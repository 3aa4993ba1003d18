"""Loads a model of an accepted format and gives all of them one face."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits import artifacts
from audits.sandboxed.refusal import Refused

Scores = NDArray[np.float64]
Label = str | int | float
MAX_SHOWN = 8
NEGATIVE_WORDS = {"0", "no", "n", "false"}
# Imported by name: a child that reads XGBoost does not pay for scikit-learn.
LIBRARIES = {
    artifacts.SKOPS: "audits.sandboxed.sklearn_model",
    artifacts.XGBOOST_JSON: "audits.sandboxed.xgboost_model",
    artifacts.XGBOOST_UBJ: "audits.sandboxed.xgboost_model",
    artifacts.LIGHTGBM: "audits.sandboxed.lightgbm_model",
    artifacts.ONNX: "audits.sandboxed.onnx_model",
    artifacts.CATBOOST_CBM: "audits.sandboxed.catboost_model",
    artifacts.CATBOOST_JSON: "audits.sandboxed.catboost_model",
    artifacts.MLFLOW: "audits.sandboxed.mlflow_folder",
}


class Model(ABC):
    """A loaded model: it names its task and scores frames of declared features."""

    library = ""
    task = "binary"  # or "multiclass" or "regression"
    feature_names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @abstractmethod
    def matrix(self, frame: pd.DataFrame) -> Any:
        """Answer what the library's own predict takes."""

    @abstractmethod
    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        """Answer the probability of the positive class, or the predicted value.

        For several classes (n, k) probabilities in the order of `classes`.
        """


def load(path: Path, *, format: str) -> Model:
    """Load a file of a detected format. Raises Refused with a sentence."""
    if format not in artifacts.MODEL_FORMATS:
        raise Refused(f"A file of the format {format!r} is not a model.")
    library = importlib.import_module(LIBRARIES[format])
    model: Model = library.load(path, format=format)
    return model


def numbers(
    frame: pd.DataFrame,
    names: Sequence[str],
    labels: Mapping[int, Sequence[Label]] | None = None,
) -> Scores:
    """Answer the named columns as float64; booleans and numeric text are numbers.

    `labels` lists the categories of some columns (by place): their values become
    places in that list, NaN where the list lacks them. Raises Refused and names what
    is missing or not numeric.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise Refused(
            f"The model needs the feature {_some(missing)}, which is not among the "
            f"declared features {_some(list(map(str, frame.columns)))}."
        )
    columns = []
    for place, name in enumerate(names):
        if labels and place in labels:
            columns.append(_places(frame[name], labels[place]))
            continue
        try:
            columns.append(pd.to_numeric(frame[name]).to_numpy(np.float64))
        except (ValueError, TypeError) as trouble:
            raise Refused(
                f"The feature {name!r} holds text, and this model takes numbers only. "
                "Encode it before you upload the data, or submit a scikit-learn "
                "pipeline that does."
            ) from trouble
    return np.column_stack(columns)


def _places(column: "pd.Series[Any]", labels: Sequence[Label]) -> Scores:
    """Write categories as their places in the list of labels; NaN for all others."""
    words = any(isinstance(label, str) for label in labels)
    known = pd.Index([str(label) if words else float(label) for label in labels])
    if words:
        values = column.map(str, na_action="ignore").astype(object)
    else:
        values = pd.to_numeric(column, errors="coerce").astype(np.float64)
    places = known.get_indexer(pd.Index(values)).astype(np.float64)
    places[places < 0] = np.nan
    return np.asarray(places, np.float64)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:MAX_SHOWN]))
    return shown + (f" and {len(names) - MAX_SHOWN} more" * (len(names) > MAX_SHOWN))


def softmax(margins: Scores) -> Scores:
    """Turn margins (n, k) into probabilities that add up to 1."""
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)


def refuse_class_zero(positive: str) -> None:
    """Models that know 0 and 1 score class 1: refuse to call class 0 positive."""
    if positive.lower() in NEGATIVE_WORDS:
        raise Refused(
            "The model scores class 1, so class 0 cannot be the positive class; code "
            "the target so that the positive class is 1."
        )


def class_column(classes: Sequence[str], positive: str) -> int:
    """Answer the place of the positive class among named classes. Raises Refused."""
    if positive in classes:
        return list(classes).index(positive)
    words = not positive.isdecimal()
    if words and set(classes) == {"0", "1"}:  # the data say yes, the model 1
        refuse_class_zero(positive)
        return list(classes).index("1")
    lower = [word.lower() for word in classes]
    if positive in ("0", "1") and set(lower) == {"no", "yes"}:
        return lower.index("yes" if positive == "1" else "no")
    raise Refused(
        f"The model knows the classes {', '.join(classes)}; the positive class "
        f"{positive!r} is not one of them."
    )


def ordered(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Answer the model's feature order; a model without names takes the declared."""
    return list(names) or list(map(str, frame.columns))
