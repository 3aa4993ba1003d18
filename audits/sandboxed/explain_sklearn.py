"""scikit-learn: linear models in closed form, trees by shap's TreeExplainer.

Inside a pipeline the last step is explained on what the steps before it make of the
rows, and the contributions of encoded columns are summed back to the raw feature they
come from (endorsed by shap's maintainers, shap issue 1654). A transformed column that
depends on several raw features cannot be summed back: permutations explain that model.
"""

from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import shap
from numpy.typing import NDArray
from scipy import sparse
from sklearn import ensemble, linear_model, tree
from sklearn.base import is_classifier

from audits.sandboxed.explainers import Explained
from audits.sandboxed.loading import Model, Scores
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
TREES = (
    *MARGIN_TREES,
    ensemble.GradientBoostingRegressor,
    ensemble.HistGradientBoostingRegressor,
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
)
NO_OWNER = -1
NEGLIGIBLE = 1e-9


def explain(
    model: Model, *, rows: pd.DataFrame, background: pd.DataFrame, positive: str
) -> Explained | None:
    """Explain a linear model or trees, in a pipeline or bare; None for all others."""
    if not isinstance(model, SklearnModel):
        return None
    steps = getattr(model.estimator, "steps", None)
    last = steps[-1][1] if steps else model.estimator
    if not isinstance(last, LINEAR + TREES):
        return None
    before = model.estimator[:-1] if steps and len(steps) > 1 else None
    make = _transformer(model, before)
    owners = _owners(make, pd.concat([rows, background], ignore_index=True))
    if owners is None:
        return None
    # A classifier's second class is the one its coefficients and margins speak of.
    sign = 1.0
    if model.task == "binary" and model.column(positive) == 0:
        sign = -1.0
    found = _linear if isinstance(last, LINEAR) else _trees
    inner = found(last, make(rows), make(background), sign)
    phi = _sum_back(inner.phi, owners, rows.shape[1])
    if phi is None:
        return None
    return Explained(
        phi=phi,
        base=inner.base,
        output=inner.output,
        scale=inner.scale,
        explainer=inner.explainer,
        background_rows=inner.background_rows,
        versions=inner.versions,
    )


def _transformer(model: SklearnModel, before: Any) -> Any:
    def make(frame: pd.DataFrame) -> Scores:
        matrix = model.matrix(frame)
        done = matrix if before is None else before.transform(matrix)
        if sparse.issparse(done):
            done = done.toarray()
        return np.asarray(done, np.float64)

    return make


def _owners(make: Any, frame: pd.DataFrame) -> NDArray[np.int64] | None:
    """For each transformed column find the one raw feature that moves it.

    Each raw column is turned around in its place; what changes belongs to it. Answers
    None when a transformed column is moved by two raw features.
    """
    whole = make(frame)
    owners = np.full(whole.shape[1], NO_OWNER)
    for index, name in enumerate(frame.columns):
        turned = frame.copy()
        order = np.argsort(frame[name].astype(str).to_numpy(), kind="stable")
        turned[name] = frame[name].to_numpy()[_cycle(order)]
        moved = ~np.isclose(make(turned), whole, equal_nan=True).all(axis=0)
        if (owners[moved] != NO_OWNER).any():
            return None
        owners[moved] = index
    return owners


def _cycle(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Send each row to one half a table away in sorted order, so that values differ."""
    source = np.empty_like(order)
    source[order] = np.roll(order, max(1, len(order) // 2))
    return source


def _sum_back(phi: Scores, owners: NDArray[np.int64], features: int) -> Scores | None:
    stray = phi[:, owners == NO_OWNER]
    if stray.size and np.abs(stray).max() > NEGLIGIBLE:
        return None
    summed = np.zeros((len(phi), features))
    for column, owner in enumerate(owners):
        if owner != NO_OWNER:
            summed[:, owner] += phi[:, column]
    return summed


def _linear(last: Any, rows: Scores, background: Scores, sign: float) -> Explained:
    """phi = coefficient x (x - mean), exact for independent features (SHAP's linear
    case, Lundberg and Lee 2017, corollary 1), with the mean of the whole background."""
    coefficients = sign * np.asarray(last.coef_, np.float64).reshape(-1)
    intercept = sign * float(np.asarray(last.intercept_).reshape(-1)[0])
    mean = background.mean(axis=0)
    classifier = is_classifier(last)
    output = last.decision_function(rows) if classifier else last.predict(rows)
    return Explained(
        phi=(rows - mean) * coefficients,
        base=np.full(len(rows), intercept + float(mean @ coefficients)),
        output=sign * np.asarray(output, np.float64).reshape(-1),
        scale="log-odds" if classifier else "value",
        explainer="linear closed form (interventional)",
        background_rows=len(background),
    )


def _trees(last: Any, rows: Scores, background: Scores, sign: float) -> Explained:
    explainer = shap.TreeExplainer(last, feature_perturbation="tree_path_dependent")
    phi = np.asarray(explainer.shap_values(rows, check_additivity=False), np.float64)
    base = np.asarray(explainer.expected_value, np.float64).reshape(-1)
    scale = "value"
    if isinstance(last, MARGIN_TREES):
        output, scale = last.decision_function(rows), "log-odds"
    elif is_classifier(last):
        output, scale = last.predict_proba(rows)[:, 1], "probability"
    else:
        output = last.predict(rows)
    if phi.ndim == 3:  # one layer for each class
        phi = phi[:, :, -1]
    output, base_value = np.asarray(output, np.float64).reshape(-1), float(base[-1])
    if sign < 0 and scale == "probability":
        output, base_value = 1 - output, 1 - base_value
    elif sign < 0:
        output, base_value = -output, -base_value
    return Explained(
        phi=sign * phi,
        base=np.full(len(rows), base_value),
        output=output,
        scale=scale,
        explainer="shap TreeExplainer (tree_path_dependent)",
        background_rows=0,
        versions={"shap": version("shap")},
    )
