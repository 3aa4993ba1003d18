"""LightGBM models from text, checked before the native parser."""

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

from audits.sandboxed import lightgbm_structure
from audits.sandboxed.loading import (
    Model,
    Scores,
    numbers,
    ordered,
    refuse_class_zero,
)
from audits.sandboxed.refusal import Refused


class LightgbmModel(Model):
    """A booster of trees; its features are numbers in the booster's own order."""

    library = "lightgbm"
    classes = ("0", "1")

    def __init__(
        self, booster: lightgbm.Booster, *, task: str, feature_names: tuple[str, ...]
    ) -> None:
        self.booster = booster
        self.task = task
        # LightGBM invents Column_0, Column_1 ... when it was trained without names.
        invented = tuple(f"Column_{index}" for index in range(len(feature_names)))
        self.feature_names = () if feature_names == invented else feature_names

    def matrix(self, frame: pd.DataFrame) -> Scores:
        names = ordered(frame, self.feature_names)
        if len(names) != self.booster.num_feature():
            raise Refused(
                f"The model takes {self.booster.num_feature()} features, but "
                f"{len(names)} are declared."
            )
        return numbers(frame, names)

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        refuse_class_zero(positive)
        scores = self.booster.predict(self.matrix(frame), num_threads=2)
        return np.asarray(scores, np.float64)


def load(path: Path, *, format: str) -> Model:
    """Check the text, then hand a copy written by us to the library."""
    canonical, task, names = lightgbm_structure.checked(path)
    try:
        booster = lightgbm.Booster(model_str=canonical, params={"verbose": -1})
    except lightgbm.basic.LightGBMError as trouble:
        raise Refused(f"LightGBM does not accept the file: {trouble}") from trouble
    return LightgbmModel(booster, task=task, feature_names=names)
