"""LightGBM models from text, checked before the native parser."""

from pathlib import Path

import numpy as np
import pandas as pd

from audits.sandboxed import lightgbm_structure
from audits.sandboxed.lightgbm_structure import Checked
from audits.sandboxed.loading import (
    Model,
    Scores,
    numbers,
    ordered,
    refuse_class_zero,
)
from audits.sandboxed.refusal import Refused, told
from audits.sandboxed.threads import threads
from audits.sandboxed.without import without

with without("sklearn"):
    import lightgbm


class LightgbmModel(Model):
    """A booster of trees; its features are numbers in the booster's own order."""

    library = "lightgbm"

    def __init__(self, booster: lightgbm.Booster, found: Checked) -> None:
        self.booster = booster
        self.task = found.task
        self.classes = tuple(map(str, range(found.classes)))
        self.found = found
        names = found.feature_names
        # LightGBM invents Column_0, Column_1 ... when it was trained without names.
        invented = tuple(f"Column_{index}" for index in range(len(names)))
        self.feature_names = () if names == invented else names

    @property
    def categorical(self) -> bool:
        """Whether trees split on categories."""
        return self.found.categorical

    @property
    def linear(self) -> bool:
        """Whether leaves hold linear models."""
        return self.found.linear

    def matrix(self, frame: pd.DataFrame) -> Scores:
        names = ordered(frame, self.feature_names)
        if len(names) != self.booster.num_feature():
            raise Refused(
                f"The model takes {self.booster.num_feature()} features, but "
                f"{len(names)} are declared."
            )
        return numbers(frame, names, self.found.labels)

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        if self.task == "binary":
            refuse_class_zero(positive)
        scores = self.booster.predict(self.matrix(frame), num_threads=threads())
        return np.asarray(scores, np.float64)


def load(path: Path, *, format: str) -> Model:
    """Check the text, then hand a copy written by us to the library."""
    found = lightgbm_structure.checked(path)
    try:
        booster = lightgbm.Booster(model_str=found.canonical)
    except lightgbm.basic.LightGBMError as trouble:
        raise Refused(
            f"LightGBM does not accept the file: {told(trouble)}."
        ) from trouble
    return LightgbmModel(booster, found)
