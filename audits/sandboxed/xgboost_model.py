"""XGBoost models from JSON or UBJSON, checked before the native parser."""

from pathlib import Path

import numpy as np
import pandas as pd

from audits import artifacts
from audits.sandboxed import xgboost_structure
from audits.sandboxed.loading import (
    Model,
    Scores,
    numbers,
    ordered,
    refuse_class_zero,
    softmax,
)
from audits.sandboxed.refusal import Refused
from audits.sandboxed.threads import threads
from audits.sandboxed.without import without
from audits.sandboxed.xgboost_structure import Checked

with without("sklearn"):
    import xgboost


class XgboostModel(Model):
    """A booster of trees; its features are numbers in the booster's own order."""

    library = "xgboost"

    def __init__(self, booster: xgboost.Booster, found: Checked) -> None:
        self.booster = booster
        self.task = found.task
        self.classes = tuple(map(str, range(found.classes)))
        self.feature_names = found.feature_names
        self.found = found
        self.width = booster.num_features()  # settles the objective, too

    @property
    def categorical(self) -> bool:
        """Whether trees split on categories."""
        return self.found.categorical

    def matrix(self, frame: pd.DataFrame) -> xgboost.DMatrix:
        names = ordered(frame, self.feature_names)
        if len(names) != self.width:
            raise Refused(
                f"The model takes {self.width} features, but {len(names)} are declared."
            )
        values = numbers(frame, names, self.found.labels)
        self._require_known(frame, names, values)
        return xgboost.DMatrix(
            values,
            feature_names=list(self.feature_names) or None,
            feature_types=list(self.found.feature_types) or None,
            enable_categorical=self.categorical,
        )

    def _require_known(
        self, frame: pd.DataFrame, names: list[str], values: Scores
    ) -> None:
        """Refuse a category that the model was not trained on, as XGBoost does."""
        for place in self.found.labels:
            lost = np.isnan(values[:, place]) & frame[names[place]].notna().to_numpy()
            if lost.any():
                stranger = str(frame[names[place]][lost].iloc[0])[:60]
                raise Refused(
                    f"The feature {names[place]!r} has the category {stranger!r}, "
                    "which the model was not trained on."
                )

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        if self.task == "multiclass":
            return softmax(self.ask(self.matrix(frame), output_margin=True))
        if self.task == "binary":
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
    found = xgboost_structure.checked(document)
    booster = xgboost.Booster({"nthread": threads()})
    try:
        booster.load_model(bytearray(found.canonical))
        return XgboostModel(booster, found)
    except xgboost.core.XGBoostError as trouble:
        raise _refused(trouble) from trouble


def _refused(trouble: Exception) -> Refused:
    lines = str(trouble).splitlines() or [""]
    return Refused(f"XGBoost does not accept the model: {lines[0][-200:].rstrip('.')}.")
