"""Classes, categories and values: each library's own answers, in every format."""

import functools
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pandas as pd
import pytest
import skops.io
import xgboost
from onnx import TensorProto, helper
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, TweedieRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVR

from audits.answers import (
    Limits,
    ModelFacts,
    Predictions,
    Source,
    check_model,
    joined,
    predict,
)
from audits.artifacts import detect
from audits.sandbox import SandboxRefused
from audits.sandboxed.loading import load
from audits.sandboxed.refusal import Refused

catboost = pytest.importorskip("catboost", reason="the catboost extra is missing")
ROUNDS = 4
NAMES = ["a", "b", "c", "word", "grade"]
LIMITS = Limits(timeout_seconds=60)
QUIET: dict[str, Any] = {
    "iterations": ROUNDS,
    "depth": 3,
    "verbose": 0,
    "allow_writing_files": False,
    "thread_count": 2,
}


@functools.cache
def frame() -> pd.DataFrame:
    """Three numbers with gaps, words, and grades that are numbers."""
    random = np.random.default_rng(0)
    made = pd.DataFrame(random.normal(size=(400, 3)), columns=list("abc"))
    made.loc[random.random(400) < 0.1, "b"] = np.nan
    made["word"] = random.choice(["x", "y", "größer"], 400)
    made["grade"] = random.choice([10, 20, 30, 40, 50], 400)
    return made


def value() -> Any:
    """What there is to predict, as a number."""
    bonus = (frame()["word"] == "y") * 2 + (frame()["grade"] % 20 == 0)
    return (frame()["a"] + bonus).to_numpy()


def classes() -> Any:
    """The same in three classes."""
    return np.digitize(value(), [0.3, 1.5])


def coded() -> pd.DataFrame:
    """The frame with pandas categories."""
    return frame().astype({"word": "category", "grade": "category"})


def numbers() -> pd.DataFrame:
    """The frame without the words."""
    return frame().drop(columns="word")


def asked(path: Path, data: pd.DataFrame, positive: str = "1") -> Any:
    """Load a file as the child does and score the data as they come from a CSV."""
    csv = path.with_suffix(".csv")
    data.to_csv(csv, index=False)
    model = load(path, format=detect(path).format)
    return model, model.score(pd.read_csv(csv), positive)


# XGBoost 3.2, the last for Python 3.11, writes fewer bytes of a word than it has.
_CUT = pytest.mark.skipif(
    xgboost.__version__.startswith("3.2."), reason="XGBoost 3.2 cuts such words"
)


@pytest.mark.parametrize("word", [pytest.param("größer", marks=_CUT), "greater"])
@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize("one_hot", [1, 20], ids=["sets", "one-hot"])
def test_xgboost_splits_on_categories(
    suffix: str, one_hot: int, word: str, tmp_path: Path
) -> None:
    data = frame().replace({"word": {"größer": word}})
    kinds = {"word": "category", "grade": "category"}
    matrix = xgboost.DMatrix(data.astype(kinds), classes(), enable_categorical=True)
    settings = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3}
    booster = xgboost.train(settings | {"max_cat_to_onehot": one_hot}, matrix, ROUNDS)
    path = tmp_path / f"m.{suffix}"
    booster.save_model(path)
    model, scores = asked(path, data)
    assert (model.task, model.classes) == ("multiclass", ("0", "1", "2"))
    assert model.categorical
    np.testing.assert_allclose(scores, booster.predict(matrix), atol=1e-6)
    with pytest.raises(Refused, match="category 'neu', which the model was not"):
        model.score(data.assign(word="neu"), "1")


@pytest.mark.parametrize("objective", ["multi:softmax", "reg:squarederror"])
def test_xgboost_classes_and_values(objective: str, tmp_path: Path) -> None:
    several = objective.startswith("multi")
    matrix = xgboost.DMatrix(numbers(), classes() if several else value())
    settings = {"objective": objective, "max_depth": 3} | (
        {"num_class": 3} if several else {}
    )
    booster = xgboost.train(settings, matrix, ROUNDS)
    path = tmp_path / "m.json"
    booster.save_model(path)
    model, scores = asked(path, numbers())
    if several:
        assert list(scores.argmax(axis=1)) == list(booster.predict(matrix))
        np.testing.assert_allclose(scores.sum(axis=1), 1)
    else:
        assert (model.task, model.classes) == ("regression", ())
        np.testing.assert_allclose(scores, booster.predict(matrix))


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "multiclass", "num_class": 3},
        {"objective": "binary", "min_data_per_group": 5, "max_cat_to_onehot": 1},
        {"objective": "regression", "max_cat_to_onehot": 20},
    ],
    ids=lambda settings: settings["objective"],
)
def test_lightgbm_splits_on_categories(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    kind = settings["objective"]
    target = {"multiclass": classes(), "binary": classes() > 0}.get(kind, value())
    data = lightgbm.Dataset(coded(), target)
    quiet = {"verbose": -1, "num_leaves": 6, "cat_smooth": 1, "num_threads": 2}
    booster = lightgbm.train(settings | quiet, data, ROUNDS)
    path = tmp_path / "m.txt"
    booster.save_model(path)
    model, scores = asked(path, frame())
    assert model.task == kind
    assert model.categorical
    np.testing.assert_allclose(scores, booster.predict(coded()), atol=1e-12)
    new = coded().assign(word=pd.Categorical([None] * 400, ["x", "y", "größer"]))
    np.testing.assert_allclose(  # what it never saw is missing, as in the library
        model.score(frame().assign(word="neu"), "1"), booster.predict(new)
    )


def test_lightgbm_leaves_may_be_linear(tmp_path: Path) -> None:
    settings = {"objective": "regression", "linear_tree": True, "verbose": -1}
    data = lightgbm.Dataset(numbers().fillna(0), value())
    booster = lightgbm.train(settings | {"num_leaves": 5}, data, ROUNDS)
    path = tmp_path / "m.txt"
    booster.save_model(path)
    model, scores = asked(path, numbers().fillna(0))
    assert model.linear
    np.testing.assert_allclose(scores, booster.predict(numbers().fillna(0)))


CATBOOSTS: dict[str, tuple[dict[str, Any], Callable[[], Any], str]] = {
    "binary": ({"loss_function": "Logloss"}, lambda: classes() > 0, "binary"),
    "words": (
        {"loss_function": "Logloss"}, lambda: np.where(value() > 1, "yes", "no"),
        "binary",
    ),
    "classes": ({"loss_function": "MultiClass"}, classes, "multiclass"),
    "value": ({"loss_function": "RMSE"}, value, "regression"),
    "count": (
        {"loss_function": "Poisson"}, lambda: np.abs(value()).round(), "regression",
    ),
    "depthwise": (
        {"loss_function": "RMSE", "grow_policy": "Depthwise"}, value, "regression",
    ),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["cbm", "json"])
@pytest.mark.parametrize("name", CATBOOSTS)
def test_catboost_answers_as_itself(name: str, suffix: str, tmp_path: Path) -> None:
    settings, target, task = CATBOOSTS[name]
    pool = catboost.Pool(frame(), target(), cat_features=["word", "grade"])
    if name == "depthwise":  # such trees take no tables of categories
        pool = catboost.Pool(numbers(), target())
    booster = catboost.CatBoost(QUIET | settings).fit(pool)
    path = tmp_path / f"m.{suffix}"
    booster.save_model(str(path), format=suffix, pool=pool)
    model, scores = asked(path, frame() if name != "depthwise" else numbers())
    assert model.task == task
    kind = "Exponent" if name == "count" else "RawFormulaVal"
    expected = booster.predict(
        pool, prediction_type=kind if task == "regression" else "Probability"
    )
    expected = expected[:, 1] if task == "binary" else expected
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    if name == "words":
        assert model.classes == ("no", "yes")


SKLEARN = {
    "forest": RandomForestClassifier(5, max_depth=4, random_state=0, n_jobs=2),
    "logistic": LogisticRegression(),
    "neighbours": KNeighborsClassifier(),
}


@pytest.mark.parametrize("name", SKLEARN)
def test_sklearn_gives_the_classes_in_their_order(name: str, tmp_path: Path) -> None:
    words = np.array(["high", "low", "middle"])[classes()]
    data = numbers().fillna(0)
    model = SKLEARN[name].fit(data, words)
    path = tmp_path / "m.skops"
    skops.io.dump(model, path)
    loaded, scores = asked(path, data)
    assert loaded.classes == ("high", "low", "middle")
    assert loaded.estimator.__dict__.get("n_jobs") is None
    np.testing.assert_allclose(scores, model.predict_proba(data))


@pytest.mark.parametrize(
    "model",
    [GradientBoostingRegressor(n_estimators=3), TweedieRegressor(power=0), SVR()],
    ids=lambda model: type(model).__name__,
)
def test_sklearn_predicts_values(model: Any, tmp_path: Path) -> None:
    data = numbers().fillna(0)
    model.fit(data, value())
    path = tmp_path / "m.skops"
    skops.io.dump(model, path)
    loaded, scores = asked(path, data)
    assert loaded.task == "regression"
    np.testing.assert_allclose(scores, model.predict(data))


def onnx_classes(path: Path, *, named: bool, words: bool = False) -> Any:
    """Three classes as ONNX: a matrix, or (ZipMap) a dictionary for each row."""
    model = LogisticRegression().fit(numbers().fillna(0), classes())
    labels = {"classlabels_strings": ["high", "low", "middle"]}
    nodes = [
        helper.make_node(
            "LinearClassifier", ["input"], ["label", "scores"], domain="ai.onnx.ml",
            coefficients=model.coef_.ravel().tolist(), post_transform="SOFTMAX",
            intercepts=model.intercept_.tolist(),
            **(labels if words else {"classlabels_ints": [0, 1, 2]}),
        ),
        helper.make_node("ZipMap", ["scores"], ["probabilities"], domain="ai.onnx.ml",
                         **labels),
    ]  # fmt: skip
    matrix = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 3])
    inner = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.STRING, inner)
    )
    zipped = helper.make_value_info("probabilities", maps)
    kind = TensorProto.STRING if words else TensorProto.INT64
    label = helper.make_tensor_value_info("label", kind, [None])
    graph = helper.make_graph(
        nodes if named else nodes[:1],
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 4])],
        [label, zipped if named else matrix],
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=9), path)
    return model.predict_proba(numbers().fillna(0))


@pytest.mark.parametrize("named", [False, True], ids=["matrix", "ZipMap"])
def test_onnx_answers_several_classes(named: bool, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    expected = onnx_classes(path, named=named)
    model, scores = asked(path, numbers().fillna(0))
    words = ("high", "low", "middle") if named else ("0", "1", "2")
    assert (model.task, model.classes) == ("multiclass", words)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_onnx_names_its_classes_in_its_operator(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    expected = onnx_classes(path, named=False, words=True)
    model, scores = asked(path, numbers().fillna(0))
    assert model.classes == ("high", "low", "middle")
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_classes_go_through_the_sandbox_and_through_mlflow(tmp_path: Path) -> None:
    pool = catboost.Pool(frame(), classes(), cat_features=["word", "grade"])
    booster = catboost.CatBoost(QUIET | {"loss_function": "MultiClass"}).fit(pool)
    booster.save_model(str(tmp_path / "model.cb"))
    flavors = {"catboost": {"data": "model.cb"}, "python_function": {"code": None}}
    path = tmp_path / "folder.zip"
    with zipfile.ZipFile(path, "w") as folder:
        folder.write(tmp_path / "model.cb", "model/model.cb")
        folder.writestr("model/MLmodel", json.dumps({"flavors": flavors}))  # is YAML
        folder.writestr("model/conda.yaml", "name: anything")
    frame().to_parquet(tmp_path / "data", row_group_size=150)
    source = Source(
        model=path,
        format=detect(path).format,
        data=tmp_path / "data",
        media_type="application/vnd.apache.parquet",
        features=tuple(NAMES),
    )
    found = predict(source, rows=400, limits=LIMITS)
    assert found.facts.task == "multiclass"
    assert found.facts.classes == ("0", "1", "2")
    assert found.facts.library == "catboost"
    expected = booster.predict(pool, prediction_type="Probability")
    np.testing.assert_allclose(found.scores, expected, atol=1e-12)
    late = predict(source, first=310, rows=90, limits=replace(LIMITS, threads=1))
    np.testing.assert_array_equal(late.scores, found.scores[310:])


def test_parts_of_two_models_are_not_joined() -> None:
    facts = ModelFacts(
        task="binary", library="x", versions={}, classes=("0", "1"), feature_names=(),
        level="", seconds=1.0, cpu_seconds=1.0, peak_memory_bytes=5,
    )  # fmt: skip
    one = Predictions(scores=np.zeros(2), facts=facts)
    other = replace(one, facts=replace(facts, library="y"))
    assert len(joined([one, one]).scores) == 4
    with pytest.raises(SandboxRefused, match="broke the form"):
        joined([one, other])


def test_a_server_without_catboost_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.cbm"
    path.write_bytes(b"CBM1" + bytes(100))
    assert detect(path).format == "catboost-cbm"
    with pytest.raises(SandboxRefused, match="CatBoost does not accept the model"):
        check_model(path, format="catboost-cbm", limits=LIMITS)
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(Refused, match="install the extra 'catboost'"):
        load(path, format="catboost-cbm")
