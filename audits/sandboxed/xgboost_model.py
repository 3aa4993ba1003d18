"""XGBoost models from JSON or UBJSON, checked before the native parser."""

from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

from audits import artifacts
from audits.sandboxed import xgboost_structure
from audits.sandboxed.loading import (
    Model,
    Scores,
    numbers,
    ordered,
    refuse_class_zero,
)
from audits.sandboxed.refusal import Refused


class XgboostModel(Model):
    """A booster of trees; its features are numbers in the booster's own order."""

    library = "xgboost"
    classes = ("0", "1")

    def __init__(
        self, booster: xgboost.Booster, *, task: str, feature_names: tuple[str, ...]
    ) -> None:
        self.booster = booster
        self.task = task
        self.feature_names = feature_names

    def matrix(self, frame: pd.DataFrame) -> xgboost.DMatrix:
        names = ordered(frame, self.feature_names)
        if len(names) != self.booster.num_features():
            raise Refused(
                f"The model takes {self.booster.num_features()} features, but "
                f"{len(names)} are declared."
            )
        return xgboost.DMatrix(
            numbers(frame, names), feature_names=list(self.feature_names) or None
        )

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        refuse_class_zero(positive)
        return self.ask(self.matrix(frame))

    def ask(self, matrix: xgboost.DMatrix, **options: bool) -> Scores:
        """Predict with XGBoost's own options. Raises Refused."""
        try:
            return np.asarray(self.booster.predict(matrix, **options), np.float64)
        except xgboost.core.XGBoostError as trouble:
            raise _refused(trouble) from trouble


def load(path: Path, *, format: str) -> Model:
    """Check the document, then hand a copy written by us to the library."""
    document = xgboost_structure.read_document(
        path, binary_json=format == artifacts.XGBOOST_UBJ
    )
    canonical, task, names = xgboost_structure.checked(document)
    booster = xgboost.Booster({"nthread": 2})
    try:
        booster.load_model(bytearray(canonical))
    except xgboost.core.XGBoostError as trouble:
        raise _refused(trouble) from trouble
    return XgboostModel(booster, task=task, feature_names=names)


def _refused(trouble: Exception) -> Refused:
    lines = str(trouble).splitlines() or [""]
    return Refused(f"XGBoost does not accept the model: {lines[0][-200:]}")
