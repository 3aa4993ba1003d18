"""CatBoost models from .cbm or JSON; the library is an optional extra."""

import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audits import artifacts
from audits.sandboxed import catboost_structure
from audits.sandboxed.catboost_structure import Checked
from audits.sandboxed.loading import Model, Scores, class_column, numbers, ordered
from audits.sandboxed.refusal import Refused, told
from audits.sandboxed.strict_json import read_json
from audits.sandboxed.threads import threads


class CatboostModel(Model):
    """Trees of CatBoost; `booster` is the loaded `catboost.CatBoost`."""

    library = "catboost"

    def __init__(self, booster: Any, found: Checked) -> None:
        self.booster = booster
        self.task = found.task
        self.exponent = found.exponent
        self.classes = _classes(booster, found.task)
        names = tuple(map(str, booster.feature_names_))
        # CatBoost numbers the features when it was trained without names.
        unnamed = names == tuple(map(str, range(len(names))))
        self.width = len(names)
        self.feature_names = () if unnamed else names
        self.word_places = frozenset(booster.get_cat_feature_indices())

    @property
    def categorical(self) -> bool:
        """Whether the model takes categories."""
        return bool(self.word_places)

    def matrix(self, frame: pd.DataFrame) -> Any:
        """Answer a `catboost.Pool`: numbers, and categories as words."""
        names = ordered(frame, self.feature_names)
        if len(names) != self.width:
            raise Refused(
                f"The model takes {self.width} features, but {len(names)} are declared."
            )
        plain = [name for at, name in enumerate(names) if at not in self.word_places]
        columns = (
            dict(zip(plain, numbers(frame, plain).T, strict=True)) if plain else {}
        )
        missing = [name for name in names if name not in frame.columns]
        if missing:
            raise Refused(f"The model needs the feature {missing[0]!r}.")
        data = pd.DataFrame(
            {
                name: columns[name] if name in columns else _words(frame[name])
                for name in names
            },
            columns=names,
        )
        pool = importlib.import_module("catboost").Pool
        return pool(data, cat_features=sorted(self.word_places), thread_count=threads())

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        kind = "Exponent" if self.exponent else "RawFormulaVal"
        answer = self.ask(
            self.matrix(frame), kind if self.task == "regression" else "Probability"
        )
        if self.task == "binary":
            return answer[:, class_column(self.classes, positive)]
        return answer

    def ask(self, pool: Any, kind: str) -> Scores:
        """Predict in one of CatBoost's own scales. Raises Refused."""
        try:
            found = self.booster.predict(
                pool, prediction_type=kind, thread_count=threads()
            )
        except _trouble() as trouble:
            raise _refused(trouble) from trouble
        return np.asarray(found, np.float64)


def load(path: Path, *, format: str) -> Model:
    """Load and check a model; see `catboost_structure` for what is checked."""
    try:
        catboost = importlib.import_module("catboost")
    except ModuleNotFoundError as trouble:
        raise Refused(
            "This server cannot read CatBoost models: its operator has to install the "
            "extra 'catboost' (pip install 'freigabe[catboost]')."
        ) from trouble
    try:
        document = (
            _exported(catboost.CatBoost(), path.read_bytes())
            if format == artifacts.CATBOOST_CBM
            else read_json(path.read_bytes(), "CatBoost")
        )
        found = catboost_structure.checked(document)
        booster = catboost.CatBoost()
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(found.canonical)
            file.flush()
            booster.load_model(file.name, format="json")
        return CatboostModel(booster, found)
    except _trouble() as trouble:
        raise _refused(trouble) from trouble


def _exported(booster: Any, data: bytes) -> Any:
    """What a .cbm holds, in CatBoost's own words; the loaded model is thrown away."""
    booster.load_model(blob=data)
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "model.json")
        booster.save_model(place, format="json")
        return json.loads(Path(place).read_bytes())


def _classes(booster: Any, task: str) -> tuple[str, ...]:
    if task == "regression":
        return ()
    found = tuple(map(_word, booster.classes_))
    return found or ("0", "1")  # CrossEntropy has no classes, only probabilities


def _word(label: Any) -> str:
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return {"True": "1", "False": "0"}.get(str(label), str(label))


def _words(column: "pd.Series[Any]") -> Any:
    """Write categories as CatBoost's own users do: text, `nan` where missing."""
    return (
        column.map(str, na_action="ignore").astype(object).where(column.notna(), "nan")
    )


def _trouble() -> tuple[type[Exception], ...]:
    return (importlib.import_module("catboost").CatBoostError, ValueError, OSError)


def _refused(trouble: Exception) -> Refused:
    return Refused(f"CatBoost does not accept the model: {told(trouble)}.")
