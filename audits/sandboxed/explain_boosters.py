"""XGBoost, LightGBM and CatBoost: what of them is explained, and in which scale."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed import explain_reading as reading
from audits.sandboxed.explain_with_trees import Subject, explained_trees
from audits.sandboxed.explainers import Asked, Explainer
from audits.sandboxed.loading import (
    Model,
    Scores,
    class_column,
    numbers,
    ordered,
    refuse_class_zero,
)
from audits.sandboxed.threads import threads

SAME = 1e-4


def prepare(
    model: Model, *, sample: pd.DataFrame, background: pd.DataFrame, asked: Asked
) -> Explainer | None:
    """Explain the margin; None when the score is not made of it in a known way."""
    if getattr(model, "linear", False):  # LightGBM explains constant leaves only
        return None
    kinds: dict[str, Any] = {
        "xgboost": _Xgboost,
        "lightgbm": _Lightgbm,
        "catboost": _Catboost,
    }
    ask = kinds[model.library](model)
    sign = _sign(model, asked.positive)
    margins = sign * ask.margins(sample)
    scale = scale_of(model.task, margins, model.score(sample, asked.positive))
    if scale is None:
        return None
    layers = len(model.classes) if model.task == "multiclass" else 1
    subject = Subject(
        library=model.library,
        scale=scale,
        encode=ask.encode,
        owners=_owners(model, sample),
        margins=lambda frame: sign * ask.margins(frame),
        trees=lambda: ask.trees(layers),
        native=ask.native,
        native_name=ask.name,
        layers=tuple(range(layers)),
        sign=sign,
    )
    return explained_trees(subject, background=background, asked=asked)


def _sign(model: Model, positive: str) -> float:
    """-1 when the margin of two classes speaks of the other one."""
    if model.task != "binary":
        return 1.0
    if model.library == "catboost":
        return 1.0 if class_column(model.classes, positive) == 1 else -1.0
    refuse_class_zero(positive)
    return 1.0


def scale_of(task: str, margins: Scores, scores: Scores) -> str | None:
    """Say how scores follow from margins (layers x rows), by trying; None: unknown."""
    if task == "multiclass":
        powers = np.exp(margins - margins.max(axis=0))
        same = np.allclose((powers / powers.sum(axis=0)).T, scores, atol=SAME)
        return "log-odds" if same else None
    if task == "binary":
        odds = np.exp(-np.clip(margins[0], -700, 700))
        return "log-odds" if np.allclose(1 / (1 + odds), scores, atol=SAME) else None
    if np.allclose(margins[0], scores, rtol=SAME):
        return "value"
    logs = np.exp(np.clip(margins[0], -700, 700))
    return "log" if np.allclose(logs, scores, rtol=SAME) else None


def _owners(model: Model, frame: pd.DataFrame) -> NDArray[np.int64]:
    names = list(map(str, frame.columns))
    return np.array([names.index(n) for n in ordered(frame, model.feature_names)])


def _numbers(model: Any, frame: pd.DataFrame) -> Scores:
    labels = getattr(getattr(model, "found", None), "labels", None)
    return numbers(frame, ordered(frame, model.feature_names), labels)


def _as_layers(values: Any) -> Scores:
    """Rows, or rows x outputs, as outputs x rows in double precision."""
    values = np.asarray(values, np.float64)
    return values.reshape(1, -1) if values.ndim == 1 else np.ascontiguousarray(values.T)


class _Xgboost:
    name = "xgboost pred_contribs"

    def __init__(self, model: Any) -> None:
        self.model = model

    def encode(self, frame: pd.DataFrame) -> Scores:
        return _numbers(self.model, frame)

    def margins(self, frame: pd.DataFrame) -> Scores:
        matrix = self.model.matrix(frame)
        return _as_layers(self.model.ask(matrix, output_margin=True))

    def native(self, frame: pd.DataFrame) -> tuple[Scores, Scores]:
        parts = self.model.ask(self.model.matrix(frame), pred_contribs=True)
        parts = parts[:, None, :] if parts.ndim == 2 else parts
        return _split(np.moveaxis(parts, 1, 0))

    def trees(self, layers: int) -> Any:
        return reading.of_xgboost(self.model.booster, layers)


class _Lightgbm:
    name = "lightgbm pred_contrib"

    def __init__(self, model: Any) -> None:
        self.model = model

    def encode(self, frame: pd.DataFrame) -> Scores:
        return _numbers(self.model, frame)

    def margins(self, frame: pd.DataFrame) -> Scores:
        return _as_layers(self._ask(frame, raw_score=True))

    def native(self, frame: pd.DataFrame) -> tuple[Scores, Scores]:
        parts = np.asarray(self._ask(frame, pred_contrib=True), np.float64)
        width = self.model.booster.num_feature() + 1
        return _split(np.moveaxis(parts.reshape(len(frame), -1, width), 1, 0))

    def trees(self, layers: int) -> Any:
        return reading.of_lightgbm(self.model.booster, layers)

    def _ask(self, frame: pd.DataFrame, **options: bool) -> Any:
        booster = self.model.booster
        return booster.predict(
            self.model.matrix(frame), num_threads=threads(), **options
        )


class _Catboost:
    name = "catboost ShapValues"

    def __init__(self, model: Any) -> None:
        self.model = model

    def encode(self, frame: pd.DataFrame) -> Scores:
        return _numbers(self.model, frame)

    def margins(self, frame: pd.DataFrame) -> Scores:
        pool = self.model.matrix(frame)
        return _as_layers(self.model.ask(pool, "RawFormulaVal"))

    def native(self, frame: pd.DataFrame) -> tuple[Scores, Scores]:
        pool = self.model.matrix(frame)
        parts = self.model.booster.get_feature_importance(
            pool, type="ShapValues", thread_count=threads()
        )
        parts = np.asarray(parts, np.float64)
        parts = parts[:, None, :] if parts.ndim == 2 else parts
        return _split(np.moveaxis(parts, 1, 0))

    def trees(self, layers: int) -> Any:
        return reading.of_catboost(self.model.booster, layers)


def _split(parts: Scores) -> tuple[Scores, Scores]:
    """Cut (phi, base) out of contributions whose last column is the base."""
    return np.ascontiguousarray(parts[:, :, :-1]), np.ascontiguousarray(parts[:, :, -1])
