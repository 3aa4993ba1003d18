"""Any model: what it answers when features come from the background instead."""

from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import shap

from audits.sandboxed.explain_coalitions import shapley_by_coalitions
from audits.sandboxed.explain_shap import masker
from audits.sandboxed.explainers import Asked, Explainer, Layers
from audits.sandboxed.loading import Model, Scores

# Questions to the model for one sample of rows: seconds for a small network, minutes
# for a slow model. Never measured by the clock: a report must repeat.
MOST_QUESTIONS = 2_000_000
MOST_BACKGROUND = 50
FEWEST_ROWS = 20
ROUNDS = 10
# All 256 coalitions of 8 features cost as much as ten rounds of permutations of 12; of
# 12 features they would leave 20 rows only.
EXACT_FEATURES = 8


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


class AnyExplainer(Explainer):
    """Explains the score itself (a probability or a value) against the background.

    Exact over all coalitions for few features, else by shap's PermutationExplainer,
    seeded. KernelExplainer is not used: by default it keeps ten features (evidence.md
    0.5). The background is a mask of its full length (`explain_shap.masker`).
    """

    def __init__(self, model: Model, *, background: pd.DataFrame, asked: Asked) -> None:
        super().__init__()
        self.model, self.asked = model, asked
        self.background = background.iloc[:MOST_BACKGROUND]
        self.background_rows = len(self.background)
        self.scale = "value" if model.task == "regression" else "probability"
        features = background.shape[1]
        self.exact = features <= EXACT_FEATURES
        asked_each = 2**features if self.exact else ROUNDS * (2 * features + 1)
        affordable = MOST_QUESTIONS // (asked_each * self.background_rows)
        self.most_rows = max(FEWEST_ROWS, affordable)
        self.versions["shap"] = version("shap")
        self.name = (
            "shap ExactExplainer (exact, interventional)"
            if self.exact
            else f"shap PermutationExplainer ({ROUNDS} rounds, interventional)"
        )

    def explain(self, rows: pd.DataFrame) -> Layers:
        """Explain by asking the model about mixed rows."""
        return self._explain(rows, seed=self.asked.seed)

    def again(self, rows: pd.DataFrame) -> Scores:
        """Count the coalitions ourselves; or, by chance, with another seed."""
        if not self.exact:
            self.checked_by = "other random permutations"
            return self._explain(rows, seed=self.asked.seed + 7919).phi
        self.checked_by = "weights of all coalitions"
        coding = self._coding(rows)
        return shapley_by_coalitions(
            self._answer(coding), coding.encode(rows), coding.encode(self.background)
        )

    def _coding(self, rows: pd.DataFrame) -> Coding:
        return Coding(pd.concat([rows, self.background], ignore_index=True))

    def _answer(self, coding: Coding) -> Any:
        def answer(matrix: Scores) -> Scores:
            scores = self.model.score(coding.decode(matrix), self.asked.positive)
            return scores.reshape(len(matrix), -1)

        return answer

    def _explain(self, rows: pd.DataFrame, *, seed: int) -> Layers:
        coding = self._coding(rows)
        answer, behind = self._answer(coding), masker(coding.encode(self.background))
        matrix = coding.encode(rows)
        if self.exact:
            found = shap.ExactExplainer(answer, behind)(matrix, silent=True)
        else:
            explainer = shap.PermutationExplainer(answer, behind, seed=seed)
            most = ROUNDS * (2 * rows.shape[1] + 1)
            found = explainer(matrix, max_evals=most, silent=True)
        output = answer(matrix).T
        phi = np.asarray(found.values, np.float64)
        phi = phi.reshape(len(rows), rows.shape[1], len(output))
        base = np.asarray(found.base_values, np.float64).reshape(-1, len(output))
        base = np.broadcast_to(base, (len(rows), len(output)))
        return Layers(np.moveaxis(phi, 2, 0), base.T, output)


def prepare(
    model: Model, *, sample: pd.DataFrame, background: pd.DataFrame, asked: Asked
) -> Explainer:
    """Answer the explainer that works for every model."""
    del sample
    return AnyExplainer(model, background=background, asked=asked)
