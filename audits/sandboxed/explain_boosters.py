"""XGBoost and LightGBM: their own exact path-dependent contributions (TreeSHAP)."""

from typing import Any

import numpy as np
import pandas as pd

from audits.sandboxed.explainers import Explained
from audits.sandboxed.loading import Model, Scores, ordered, refuse_class_zero


def explain(
    model: Model, *, rows: pd.DataFrame, background: pd.DataFrame, positive: str
) -> Explained:
    """Answer contributions in the margin: log-odds for a classifier, else the value.

    The background plays no part: the trees' own cover counts are the reference.
    """
    refuse_class_zero(positive)
    matrix = model.matrix(rows)
    native: Any = model
    if model.library == "xgboost":
        parts = native.ask(matrix, pred_contribs=True)
        output = native.ask(matrix, output_margin=True)
        explainer = "xgboost pred_contribs (path-dependent TreeSHAP)"
    else:
        parts = native.booster.predict(matrix, pred_contrib=True, num_threads=2)
        output = native.booster.predict(matrix, raw_score=True, num_threads=2)
        explainer = "lightgbm pred_contrib (path-dependent TreeSHAP)"
    parts = np.asarray(parts, np.float64)
    return Explained(
        phi=_in_order(parts[:, :-1], model, rows),
        base=parts[:, -1],
        output=np.asarray(output, np.float64),
        scale="log-odds" if model.task == "binary" else "value",
        explainer=explainer,
        background_rows=0,
    )


def _in_order(phi: Scores, model: Model, rows: pd.DataFrame) -> Scores:
    """Put the model's feature order back into the declared order."""
    placed = np.zeros((len(rows), rows.shape[1]))
    for index, name in enumerate(ordered(rows, model.feature_names)):
        placed[:, rows.columns.get_loc(name)] = phi[:, index]
    return placed
