"""Which explainer for which model, all with one face (evidence.md 3.4)."""

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from audits.sandboxed.loading import Model, Scores

# Imported by name: only the explainer that is used is paid for.
BY_LIBRARY = {
    "xgboost": "audits.sandboxed.explain_boosters",
    "lightgbm": "audits.sandboxed.explain_boosters",
    "catboost": "audits.sandboxed.explain_boosters",
    "scikit-learn": "audits.sandboxed.explain_sklearn",
    "onnxruntime": "audits.sandboxed.explain_onnx",
}
ANY_MODEL = "audits.sandboxed.explain_any"
ADDITIVITY = 1e-4  # of the range of the output (evidence.md 3.4)
SMALLEST_RANGE = 1e-3


@dataclass(frozen=True)
class Layers:
    """SHAP values, one layer for each output that is explained.

    `phi` is layers x rows x features; `base` and `output` are layers x rows, and
    `base + phi.sum(axis=2)` should be `output`.
    """

    phi: Scores
    base: Scores
    output: Scores

    def miss(self) -> float:
        """The largest gap between sum and output, by the range of the output."""
        gaps = np.abs(self.base + self.phi.sum(axis=2) - self.output).max(axis=1)
        ranges = np.maximum(np.ptp(self.output, axis=1), SMALLEST_RANGE)
        worst = (gaps / ranges).max()
        return float(worst) if np.isfinite(worst) else float("inf")


@dataclass(frozen=True)
class Asked:
    """What is asked of an explainer."""

    positive: str
    seed: int
    rows: int  # how many rows will be explained in all
    interventional: bool  # with the background, also where trees need none
    file: Path


class Explainer(ABC):
    """A model made ready to be explained."""

    name = ""
    scale = "value"  # log-odds, log, probability or value: what adds up
    background_rows = 0  # 0: the explainer takes no background
    exact = True  # False: an estimate by sampling
    most_rows: int | None = None  # more would take too long
    checked_by = ""  # the second engine

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.warnings: list[str] = []

    @abstractmethod
    def explain(self, rows: pd.DataFrame) -> Layers:
        """Explain rows; the columns of `phi` follow the columns of `rows`."""

    @abstractmethod
    def again(self, rows: pd.DataFrame) -> Scores | None:
        """Answer `phi` of a few rows by another engine; None where there is none."""


def prepare(
    model: Model, *, sample: pd.DataFrame, background: pd.DataFrame, asked: Asked
) -> Explainer:
    """Answer the fastest exact explainer of a model, else permutations.

    `sample` are some rows of the data, to see how the model turns columns into numbers.
    """
    name = BY_LIBRARY.get(model.library)
    if name is not None:
        special = importlib.import_module(name)
        found: Explainer | None = special.prepare(
            model, sample=sample, background=background, asked=asked
        )
        if found is not None:
            return found
    general: Explainer = importlib.import_module(ANY_MODEL).prepare(
        model, sample=sample, background=background, asked=asked
    )
    return general
