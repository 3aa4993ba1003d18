"""Models of a few trees on small data, in every format that trees come in."""

import warnings
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pandas as pd
import skops.io
import xgboost
from onnx import helper
from sklearn import ensemble, linear_model, tree
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from audits.sandboxed.loading import Model, load

FEATURES = ("income", "debt", "age", "rate", "flag", "same")
ROWS = 240
TREES = 6


def frame(rows: int = ROWS, *, missing: bool = True) -> pd.DataFrame:
    """Six columns: one with gaps, one of zeros and ones, one that never changes."""
    chance = np.random.default_rng(7)
    values = chance.normal(size=(rows, 6)).astype(np.float32).astype(float)
    values[:, 4] = values[:, 4] > 0
    values[:, 5] = 1.5
    if missing:
        values[chance.random(rows) < 0.2, 1] = np.nan
    return pd.DataFrame(values, columns=list(FEATURES))


def target(data: pd.DataFrame) -> Any:
    """A number that depends on the features and on how two of them meet."""
    known = data.fillna(0.4)
    return (
        known["income"] * known["age"]
        + np.sin(2 * known["debt"])
        + known["flag"] * known["rate"]
    ).to_numpy()


def labels(data: pd.DataFrame, kind: str) -> Any:
    """The target as 0 and 1, as three classes, or as it is."""
    values = target(data)
    if kind == "binary":
        return (values > 0.2).astype(int)
    if kind == "multiclass":
        return np.digitize(values, [-0.3, 0.5])
    return values


def xgboost_model(folder: Path, kind: str = "binary", **more: Any) -> Model:
    """A booster of XGBoost."""
    data = frame()
    objective = {
        "binary": {"objective": "binary:logistic"},
        "multiclass": {"objective": "multi:softprob", "num_class": 3},
        "regression": {"objective": "reg:squarederror"},
        "counts": {"objective": "count:poisson"},
    }[kind]
    known = labels(data, kind) if kind != "counts" else np.round(target(data) + 5)
    booster = xgboost.train(
        {"max_depth": 3, "nthread": 1, **objective, **more},
        xgboost.DMatrix(data, known),
        TREES,
    )
    booster.save_model(folder / "x.json")
    return load(folder / "x.json", format="xgboost-json")


def lightgbm_model(folder: Path, kind: str = "binary", **more: Any) -> Model:
    """A booster of LightGBM."""
    data = frame()
    objective = {"regression": "regression", "binary": "binary"}
    settings = {
        "objective": objective.get(kind, kind),
        "num_leaves": 6,
        "min_data_in_leaf": 5,
        "verbose": -1,
        "num_threads": 1,
        **({"num_class": 3} if kind == "multiclass" else {}),
        **more,
    }
    known = lightgbm.Dataset(data, labels(data, kind))
    booster = lightgbm.train(settings, known, TREES)
    booster.save_model(folder / "l.txt")
    return load(folder / "l.txt", format="lightgbm")


def catboost_model(folder: Path, kind: str = "binary") -> Model:
    """A booster of CatBoost; skips where it is not installed."""
    import catboost  # noqa: PLC0415 - an extra

    data = frame()
    loss = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
    model = catboost.CatBoost(
        {
            "loss_function": loss[kind],
            "iterations": TREES,
            "depth": 3,
            "verbose": False,
            "thread_count": 1,
            "random_seed": 0,
            "allow_writing_files": False,
        }
    )
    model.fit(catboost.Pool(data, labels(data, kind)))
    model.save_model(str(folder / "c.cbm"))
    return load(folder / "c.cbm", format="catboost-cbm")


SKLEARN: dict[str, Any] = {
    "histogram": ensemble.HistGradientBoostingClassifier(
        max_iter=TREES, max_depth=3, random_state=0
    ),
    "histogram regression": ensemble.HistGradientBoostingRegressor(
        max_iter=TREES, max_depth=3, random_state=0
    ),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=TREES, random_state=0),
    "boosting regression": ensemble.GradientBoostingRegressor(
        n_estimators=TREES, random_state=0
    ),
    "forest": ensemble.RandomForestClassifier(TREES, max_depth=4, random_state=0),
    "deep forest": ensemble.RandomForestClassifier(3, random_state=0),
    "forest regression": ensemble.RandomForestRegressor(
        TREES, max_depth=4, random_state=0
    ),
    "extra trees": ensemble.ExtraTreesClassifier(TREES, max_depth=4, random_state=0),
    "tree": tree.DecisionTreeClassifier(max_depth=3, random_state=0),
    "logistic": linear_model.LogisticRegression(),
    "ridge": linear_model.Ridge(),
}
# These take no missing values.
COMPLETE = {"boosting", "boosting regression", "extra trees", "logistic", "ridge"}


def sklearn_model(folder: Path, name: str, kind: str = "binary") -> Model:
    """A bare estimator of SKLEARN, fitted on names of features."""
    data = frame(missing=name not in COMPLETE)
    model = SKLEARN[name]
    known = labels(data, kind if is_classifier(model) else "regression")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = model.fit(data, known)
    skops.io.dump(model, folder / "s.skops")
    return load(folder / "s.skops", format="skops")


def categorical_model(folder: Path, library: str, data: pd.DataFrame) -> Model:
    """A booster that splits the column `flag` into sets of categories."""
    known = (data["flag"].isin([1.0, 3.0])).astype(int)
    if library == "lightgbm":
        settings = {"objective": "binary", "min_data_in_leaf": 5, "verbose": -1}
        settings |= {"num_threads": 1, "max_cat_to_onehot": 1, "cat_smooth": 1.0}
        part = lightgbm.Dataset(data, known, categorical_feature=["flag"])
        lightgbm.train(settings, part, TREES).save_model(folder / "l.txt")
        return load(folder / "l.txt", format="lightgbm")
    types = ["float"] * 4 + ["c", "float"]
    matrix = xgboost.DMatrix(
        data.to_numpy(),
        known,
        feature_names=list(FEATURES),
        feature_types=types,
        enable_categorical=True,
    )
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}
    settings |= {"max_cat_to_onehot": 1}
    xgboost.train(settings, matrix, TREES).save_model(folder / "x.json")
    return load(folder / "x.json", format="xgboost-json")


def pipeline_model(folder: Path, last: str, data: pd.DataFrame) -> Model:
    """A model behind scaled numbers and a one-hot encoded word."""
    encode = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list(FEATURES)),
            ("words", OneHotEncoder(sparse_output=False), ["town"]),
        ]
    )
    known = ((small_target(data) + (data["town"] == "b")) > 0.5).astype(int)
    model = Pipeline([("encode", encode), ("model", clone(SKLEARN[last]))])
    skops.io.dump(model.fit(data, known), folder / "s.skops")
    return load(folder / "s.skops", format="skops")


def small_target(data: pd.DataFrame) -> Any:
    """The target of the six columns."""
    return target(data[list(FEATURES)])


def wide(features: int) -> pd.DataFrame:
    """Columns of chance."""
    values = np.random.default_rng(3).normal(size=(80, features))
    return pd.DataFrame(values, columns=[f"f{i}" for i in range(features)])


def network_model(folder: Path, features: int) -> Model:
    """A small network: no explainer knows its inside."""
    data = wide(features)
    known = (data["f0"] * data["f1"] > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((4,), max_iter=20, random_state=0).fit(data, known)
    skops.io.dump(model, folder / "s.skops")
    return load(folder / "s.skops", format="skops")


def deep_model(folder: Path) -> Model:
    """Two trees that learnt noise by heart."""
    chance = np.random.default_rng(5)
    data = pd.DataFrame(chance.normal(size=(900, 16)), columns=wide(16).columns)
    model = ensemble.ExtraTreesClassifier(2, max_features=1, random_state=0)
    skops.io.dump(model.fit(data, chance.integers(0, 2, 900)), folder / "s.skops")
    return load(folder / "s.skops", format="skops")


def onnx_forest(folder: Path, *, regression: bool = False) -> Model:
    """A forest as a TreeEnsemble operator, written as skl2onnx writes it."""
    data = frame(missing=False)
    name = "forest regression" if regression else "forest"
    model = SKLEARN[name].fit(
        data, labels(data, "regression" if regression else "binary")
    )
    what = "target" if regression else "class"
    attributes = _tree_attributes(model, what)
    kind = "Regressor" if regression else "Classifier"
    outputs = ["score"] if regression else ["label", "probabilities"]
    if regression:
        attributes |= {"n_targets": 1}
    else:
        attributes |= {"classlabels_int64s": [0, 1]}
    node = helper.make_node(
        f"TreeEnsemble{kind}",
        ["input"],
        outputs,
        domain="ai.onnx.ml",
        post_transform="NONE",
        **attributes,
    )
    floats, ints = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    shapes = [helper.make_tensor_value_info("score", floats, [None, 1])]
    if not regression:
        shapes = [
            helper.make_tensor_value_info("label", ints, [None]),
            helper.make_tensor_value_info("probabilities", floats, [None, 2]),
        ]
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("input", floats, [None, 6])],
        shapes,
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    file = helper.make_model(graph, opset_imports=imports, ir_version=9)
    onnx.save(file, str(folder / "o.onnx"))
    return load(folder / "o.onnx", format="onnx")


def _tree_attributes(model: Any, what: str) -> dict[str, list[Any]]:
    nodes: dict[str, list[Any]] = {}

    def add(name: str, value: Any) -> None:
        nodes.setdefault(name, []).append(value)

    for number, part in enumerate(model.estimators_):
        inner = part.tree_
        for place in range(inner.node_count):
            leaf = inner.children_left[place] < 0
            add("nodes_treeids", number)
            add("nodes_nodeids", place)
            add("nodes_featureids", 0 if leaf else int(inner.feature[place]))
            add("nodes_values", 0.0 if leaf else float(inner.threshold[place]))
            add("nodes_modes", "LEAF" if leaf else "BRANCH_LEQ")
            add("nodes_truenodeids", 0 if leaf else int(inner.children_left[place]))
            add("nodes_falsenodeids", 0 if leaf else int(inner.children_right[place]))
            for output, value in enumerate(inner.value[place, 0] if leaf else ()):
                add(f"{what}_treeids", number)
                add(f"{what}_nodeids", place)
                add(f"{what}_ids", output)
                add(f"{what}_weights", float(value) / len(model.estimators_))
    return nodes
