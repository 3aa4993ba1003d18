"""scikit-learn: linear models in closed form, trees by the engines for trees.

Inside a pipeline the last step is explained on what the steps before it make of the
rows, and summed back to the raw features (`explain_owners`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn import ensemble, linear_model
from sklearn.base import is_classifier

from audits.sandboxed import explain_reading_sklearn as reading
from audits.sandboxed.explain_boosters import scale_of
from audits.sandboxed.explain_linear import LinearExplainer
from audits.sandboxed.explain_owners import NO_OWNER, owners
from audits.sandboxed.explain_with_trees import Subject, explained_trees
from audits.sandboxed.explainers import Asked, Explainer
from audits.sandboxed.loading import Model, Scores, ordered
from audits.sandboxed.sklearn_model import SklearnModel

LINEAR = (
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    linear_model.LinearRegression,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.ElasticNet,
)
MARGIN_TREES = (
    ensemble.GradientBoostingClassifier,
    ensemble.HistGradientBoostingClassifier,
)


def prepare(
    model: Model, *, sample: pd.DataFrame, background: pd.DataFrame, asked: Asked
) -> Explainer | None:
    """Explain a linear model or trees, in a pipeline or bare; None for all others."""
    if not isinstance(model, SklearnModel):
        return None
    steps = getattr(model.estimator, "steps", None)
    last = steps[-1][1] if steps else model.estimator
    if not isinstance(last, LINEAR + reading.TREES):
        return None
    before = model.estimator[:-1] if steps and len(steps) > 1 else None
    make = _encoder(model, before)
    whose = _owners(model, make, before, pd.concat([sample, background]))
    if whose is None or _uses(last, np.flatnonzero(whose == NO_OWNER)):
        return None
    sign, layers = _side(model, last, asked.positive)
    # A bare estimator warns of numbers without the names that it was fitted with.
    ask = model.matrix if before is None else make
    margins = _margins(last, ask, sign, layers)
    scale: str | None = "probability"
    if not _answers_probabilities(last):
        scores = model.score(sample, asked.positive)
        scale = scale_of(model.task, margins(sample), scores)
    if scale is None:
        return None
    if isinstance(last, LINEAR):
        return LinearExplainer(
            coefficients=sign * np.atleast_2d(np.asarray(last.coef_, np.float64)),
            encode=make,
            owners=whose,
            margins=margins,
            scale=scale,
            background=background,
        )
    subject = Subject(
        library=model.library,
        scale=scale,
        encode=make,
        owners=np.maximum(whose, 0),  # columns of nobody have no contribution
        margins=margins,
        trees=lambda: reading.of_sklearn(last),
        reference=last,
        layers=layers,
        sign=sign,
    )
    return explained_trees(subject, background=background, asked=asked)


def _encoder(model: SklearnModel, before: Any) -> Callable[[pd.DataFrame], Scores]:
    def make(frame: pd.DataFrame) -> Scores:
        matrix = model.matrix(frame)
        done = matrix if before is None else before.transform(matrix)
        if sparse.issparse(done):
            done = done.toarray()
        return np.asarray(done, np.float64)

    return make


def _answers_probabilities(last: Any) -> bool:
    """Whether the trees' leaves hold shares of classes."""
    return is_classifier(last) and not isinstance(last, LINEAR + MARGIN_TREES)


def _side(
    model: SklearnModel, last: Any, positive: str
) -> tuple[float, tuple[int, ...]]:
    """Which outputs are explained, and whether they speak of the other class.

    The margin of two classes is one number, of the second class.
    """
    if model.task == "regression":
        return 1.0, (0,)
    if model.task == "multiclass":
        return 1.0, tuple(range(len(model.classes)))
    column = model.column(positive)
    if _answers_probabilities(last):
        return 1.0, (column,)
    return (1.0 if column == 1 else -1.0), (0,)


def _margins(
    last: Any,
    make: Callable[[pd.DataFrame], Any],
    sign: float,
    layers: tuple[int, ...],
) -> Callable[[pd.DataFrame], Scores]:
    ask = last.predict
    if is_classifier(last):
        probable = _answers_probabilities(last)
        ask = last.predict_proba if probable else last.decision_function

    def margins(frame: pd.DataFrame) -> Scores:
        found = np.asarray(ask(make(frame)), np.float64)
        found = found.reshape(len(frame), -1)
        return sign * found.T[list(layers)]

    return margins


def _owners(
    model: SklearnModel,
    make: Callable[[pd.DataFrame], Scores],
    before: Any,
    frame: pd.DataFrame,
) -> NDArray[np.int64] | None:
    if before is not None:
        return owners(make, frame.reset_index(drop=True), before)
    names = list(map(str, frame.columns))
    return np.array([names.index(n) for n in ordered(frame, model.feature_names)])


def _uses(last: Any, columns: NDArray[np.intp]) -> bool:
    """Whether the model makes anything of one of the encoded columns."""
    if not len(columns):
        return False
    if isinstance(last, LINEAR):
        return bool(np.atleast_2d(last.coef_)[:, columns].any())
    found = reading.of_sklearn(last)
    if found is None:
        return True
    asked = np.concatenate([trees.feature[trees.left >= 0] for trees in found])
    return bool(np.isin(asked, columns).any())
