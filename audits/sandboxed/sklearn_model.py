"""scikit-learn models and pipelines from skops files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor

from audits.sandboxed import sklearn_structure
from audits.sandboxed.loading import (
    Model,
    Scores,
    class_column,
    numbers,
    ordered,
)
from audits.sandboxed.refusal import Refused, told


class SklearnModel(Model):
    """A fitted estimator; pipelines get the frame, bare estimators get numbers."""

    library = "scikit-learn"

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.task = _task(estimator)
        self.feature_names = tuple(
            map(str, getattr(estimator, "feature_names_in_", ()))
        )
        self.classes = tuple(map(_word, getattr(estimator, "classes_", ())))

    def matrix(self, frame: pd.DataFrame) -> Any:
        names = ordered(frame, self.feature_names)
        if hasattr(self.estimator, "steps"):
            missing = sorted(set(names) - set(frame.columns))
            if missing:
                raise Refused(
                    f"The pipeline needs the features {', '.join(missing[:8])}, which "
                    "are not declared."
                )
            return frame[names]
        if not self.feature_names:
            return numbers(frame, names)
        return pd.DataFrame(numbers(frame, names), columns=names)

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        matrix = self.matrix(frame)
        try:
            if self.task == "regression":
                return _flat(self.estimator.predict(matrix))
            column = slice(None) if self.task == "multiclass" else self.column(positive)
            return np.asarray(self.estimator.predict_proba(matrix)[:, column], float)
        except (ValueError, TypeError, LookupError, AttributeError) as trouble:
            raise Refused(
                f"The model cannot score these data: {told(trouble, 300)}."
            ) from trouble

    def column(self, positive: str) -> int:
        """Answer which class is the positive one. Raises Refused."""
        return class_column(self.classes, positive)


def _flat(values: Any) -> Scores:
    """A regression fitted on one column of a matrix answers a matrix, too."""
    found = np.asarray(values, np.float64)
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def load(path: Path, *, format: str) -> Model:
    """Load a skops file with the server's own list of trusted types."""
    return SklearnModel(sklearn_structure.load(path.read_bytes()))


def _task(estimator: Any) -> str:
    if is_regressor(estimator):
        return "regression"
    if not is_classifier(estimator):
        raise Refused(
            f"The model is a {type(estimator).__name__}, neither a classifier nor a "
            "regressor."
        )
    count = len(getattr(estimator, "classes_", ()))
    if count < 2:
        raise Refused("The model is not a fitted classifier of two or more classes.")
    if np.ndim(estimator.classes_[0]):
        raise Refused("Models with several targets are not accepted.")
    if not hasattr(estimator, "predict_proba"):
        raise Refused("The classifier gives no probabilities (no predict_proba).")
    return "binary" if count == 2 else "multiclass"


def _word(label: Any) -> str:
    """Write a class label as a word: 1, 1.0 and True are all `1`."""
    if isinstance(label, (bool, np.bool_)):
        return str(int(label))
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label)
