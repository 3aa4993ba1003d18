"""Any model: shap's PermutationExplainer on what the model answers, seeded."""

from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import shap

from audits.sandboxed.explainers import Explained
from audits.sandboxed.loading import Model, Scores

# Permutations cost rows x rounds x (2 features + 1) x background evaluations.
MAX_ROWS = 100
MAX_BACKGROUND = 50
ROUNDS = 5


class Coding:
    """Writes each raw column as a number and back, so that shap can mix rows."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.columns = list(frame.columns)
        self.labels: dict[Any, Any] = {}
        for name in self.columns:
            if not pd.api.types.is_numeric_dtype(frame[name].dtype):
                self.labels[name] = pd.factorize(frame[name], use_na_sentinel=False)[1]
        self.frame = frame

    def encode(self, frame: pd.DataFrame) -> Scores:
        columns = []
        for name in self.columns:
            if name in self.labels:
                index = pd.Index(self.labels[name])
                columns.append(index.get_indexer(frame[name]).astype(np.float64))
            else:
                columns.append(frame[name].to_numpy(np.float64, na_value=np.nan))
        return np.column_stack(columns)

    def decode(self, matrix: Scores) -> pd.DataFrame:
        data: dict[Any, Any] = {}
        for index, name in enumerate(self.columns):
            values: Any = matrix[:, index]
            if name in self.labels:
                codes = np.rint(values).astype(int)
                values = pd.Index(self.labels[name]).take(codes)
            data[name] = pd.Series(values).astype(self.frame[name].dtype)
        return pd.DataFrame(data, columns=self.columns)


def explain(
    model: Model,
    *,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    positive: str,
    seed: int,
) -> Explained:
    """Explain the score itself (a probability or a value) against the background.

    The background is passed as a mask of its full length: shap would silently take
    100 rows of a longer one (shap issue 3174).
    """
    rows, background = rows.iloc[:MAX_ROWS], background.iloc[:MAX_BACKGROUND]
    coding = Coding(pd.concat([rows, background], ignore_index=True))
    reference = coding.encode(background)
    masker = shap.maskers.Independent(reference, max_samples=len(reference))

    def answer(matrix: Scores) -> Scores:
        return model.score(coding.decode(matrix), positive)

    explainer = shap.PermutationExplainer(answer, masker, seed=seed)
    features = rows.shape[1]
    found = explainer(
        coding.encode(rows), max_evals=ROUNDS * (2 * features + 1), silent=True
    )
    return Explained(
        phi=np.asarray(found.values, np.float64),
        base=np.asarray(found.base_values, np.float64).reshape(-1),
        output=model.score(rows, positive),
        scale="probability" if model.task == "binary" else "value",
        explainer=f"shap PermutationExplainer ({ROUNDS} rounds, interventional)",
        background_rows=len(background),
        versions={"shap": version("shap")},
    )
