"""Edited categories, tables, leaves and vectors are refused before native code."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from audits.answers import Limits, check_model
from audits.sandbox import SandboxRefused
from audits.sandboxed import catboost_structure, lightgbm_structure, xgboost_structure
from audits.sandboxed.loading import load
from audits.sandboxed.refusal import Refused
from tests.audits import test_tasks as tasks

catboost = pytest.importorskip("catboost", reason="the catboost extra is missing")
LIMITS = Limits(timeout_seconds=60)
Edit = Callable[[Any], Any]


@pytest.fixture(scope="module")
def trees_with_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    matrix = xgboost.DMatrix(tasks.coded(), tasks.value(), enable_categorical=True)
    booster = xgboost.train({"max_cat_to_onehot": 1, "max_depth": 3}, matrix, 3)
    path = tmp_path_factory.mktemp("x") / "m.json"
    booster.save_model(path)
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def first(document: dict[str, Any]) -> dict[str, Any]:
    """The first tree that splits on categories."""
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    return next(tree for tree in trees if tree["categories"])


def put(name: str, place: int, value: Any) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        first(document)[name][place] = value

    return edit


def no_types(document: dict[str, Any]) -> None:
    document["learner"]["feature_types"] = ["float"] * 5


def labels(document: dict[str, Any], change: Edit) -> None:
    change(document["learner"]["gradient_booster"]["model"]["cats"]["enc"])


XGBOOST_EDITS: dict[str, tuple[Edit, str]] = {
    "category far away": (put("categories", 0, 2**31 - 1), "out of range"),
    "category below": (put("categories", 0, -1), "out of range"),
    "begin elsewhere": (put("categories_segments", 0, 10**6), "overlap"),
    "size too large": (put("categories_sizes", 0, 10**6), "overlap|out of range"),
    "size of nothing": (put("categories_sizes", 0, 0), "overlap"),
    "node elsewhere": (put("categories_nodes", 0, 10**6), "do not belong"),
    "kind unknown": (put("split_type", 0, 7), "unknown kind"),
    "leaf with categories": (put("split_type", -1, 1), "do not belong"),
    "word as category": (put("categories", 0, "x"), "not whole numbers"),
    "no such feature": (no_types, "no such feature|for a feature without"),
    "label twice": (
        lambda d: labels(d, lambda enc: enc[4].update(values=[1, 1, 2, 3, 4])), "twice",
    ),
    "labels cut": (
        lambda d: labels(d, lambda enc: enc[3].update(offsets=[0, 1, 99])),
        "cut wrongly",
    ),
    "half a letter": (
        lambda d: labels(
            d, lambda enc: enc[3].update(offsets=[0, 1, 2, 3], values=[-61, 120, 121])
        ),
        "cut wrongly",
    ),
    "labels are objects": (
        lambda d: labels(d, lambda enc: enc[4].update(values=[{}])), "not numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", XGBOOST_EDITS)
def test_edited_categories_of_xgboost_are_refused(
    name: str, trees_with_sets: dict[str, Any]
) -> None:
    edit, words = XGBOOST_EDITS[name]
    document = copy.deepcopy(trees_with_sets)
    edit(document)
    assert document != trees_with_sets
    with pytest.raises(Refused, match=words):
        xgboost_structure.checked(document)


@pytest.fixture(scope="module")
def text_with_sets(tmp_path_factory: pytest.TempPathFactory) -> str:
    settings = {
        "objective": "multiclass", "num_class": 3, "verbose": -1, "num_leaves": 6,
        "max_cat_to_onehot": 1, "cat_smooth": 1, "min_data_per_group": 5,
    }  # fmt: skip
    data = lightgbm.Dataset(tasks.coded(), tasks.classes())
    booster = lightgbm.train(settings, data, 3)
    text: str = booster.model_to_string()
    assert "num_cat=2" in text
    return text


@pytest.fixture(scope="module")
def linear_text() -> str:
    settings = {"objective": "regression", "linear_tree": True, "verbose": -1}
    data = lightgbm.Dataset(tasks.numbers().fillna(0), tasks.value())
    text: str = lightgbm.train(settings | {"num_leaves": 5}, data, 3).model_to_string()
    return text


def change(name: str, old: str, new: str) -> Callable[[str], str]:
    """Change one line of the first tree that has it."""

    def edit(text: str) -> str:
        return re.sub(rf"(?m)^({name}=){old}", rf"\g<1>{new}", text, count=1)

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (change("cat_boundaries", "0 1", "0 9"), "empty or overlaps|fit together"),
        (change("cat_boundaries", "0 1 2", "0 1 999"), "fit together"),
        (change("cat_threshold", r"\d+", "-1"), "not made of bits"),
        (change("cat_threshold", r"\d+", str(2**33)), "not made of bits"),
        (change("num_cat", r"[12]", "999"), "fit together"),
        (change("num_class", "3", "2"), "classes wrongly"),
        (change("num_tree_per_iteration", "3", "9"), "classes wrongly"),
        (change("objective", "multiclass num_class:3", "multiclass num_class:99"),
         "classes wrongly"),
        (change("feature_infos", r"\[", "7:8["), "which feature each list"),
        (lambda text: text.replace('[["', '[[{}, "'), "wrong type|not words"),
        (lambda text: text.replace("decision_type=1", "decision_type=2"), ""),
    ],
)  # fmt: skip
def test_edited_categories_of_lightgbm_are_refused(
    edit: Callable[[str], str], words: str, text_with_sets: str, tmp_path: Path
) -> None:
    text = edit(text_with_sets)
    path = tmp_path / "m.txt"
    path.write_text(text)
    if not words:  # a split of another kind is another model, and a sound one
        load(path, format="lightgbm").score(tasks.frame(), "1")
        return
    assert text != text_with_sets
    with pytest.raises(Refused, match=words):
        lightgbm_structure.checked(path)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (change("leaf_features", r"\d+", "9999"), "does not exist"),
        (change("leaf_coeff", r"[-\d.e]+", "nan"), "finite"),
        (change("leaf_const", r"[-\d.e]+", "inf"), "finite"),
        (change("num_features", r"\d+", "9"), "no coefficient"),
        (change("num_features", r"\d+", "-1"), "one for each leaf"),
        (change("is_linear", "1", "2"), "neither linear nor not"),
    ],
)
def test_edited_linear_leaves_are_refused(
    edit: Callable[[str], str], words: str, linear_text: str, tmp_path: Path
) -> None:
    start, mark, rest = linear_text.partition("Tree=1")  # the first tree is constant
    path = tmp_path / "m.txt"
    path.write_text(start + mark + edit(rest))
    with pytest.raises(Refused, match=words):
        lightgbm_structure.checked(path)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """CatBoost as JSON: with tables of categories, and with trees of nodes."""
    folder = tmp_path_factory.mktemp("cat")
    pool = catboost.Pool(tasks.frame(), tasks.classes() > 0, cat_features=[3, 4])
    words = catboost.CatBoost(
        tasks.QUIET | {"loss_function": "Logloss", "one_hot_max_size": 3}
    ).fit(pool)
    words.save_model(str(folder / "words"), format="json", pool=pool)
    nodes = catboost.CatBoost(
        tasks.QUIET | {"loss_function": "RMSE", "grow_policy": "Lossguide"}
    ).fit(catboost.Pool(tasks.numbers(), tasks.value()))
    nodes.save_model(str(folder / "nodes"), format="json")
    return {
        name: json.loads((folder / name).read_bytes()) for name in ("words", "nodes")
    }


def split(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first split of that kind."""
    found: dict[str, Any] = next(
        one
        for tree in document["oblivious_trees"]
        for one in tree["splits"]
        if one["split_type"] == kind
    )
    return found


CATBOOST_EDITS: dict[str, tuple[Edit, str]] = {
    "index far away": (
        lambda d: split(d, "FloatFeature").update(split_index=10**6), "does not exist",
    ),
    "index below": (
        lambda d: split(d, "FloatFeature").update(split_index=-1), "does not exist",
    ),
    "feature far away": (
        lambda d: split(d, "FloatFeature").update(float_feature_index=77),
        "not the one of its index",
    ),
    "other kind": (
        lambda d: split(d, "FloatFeature").update(split_type="OnlineCtr"),
        "not the one of its index",
    ),
    "other border": (
        lambda d: split(d, "FloatFeature").update(border=0.123),
        "not the one of its index",
    ),
    "leaf missing": (
        lambda d: d["oblivious_trees"][0]["leaf_values"].pop(), "number of leaves",
    ),
    "leaf infinite": (
        lambda d: d["oblivious_trees"][0]["leaf_values"].__setitem__(0, float("inf")),
        "not a finite",
    ),
    "weight missing": (
        lambda d: d["oblivious_trees"][0]["leaf_weights"].pop(), "number of leaves",
    ),
    "no trees": (lambda d: d["oblivious_trees"].clear(), "no trees"),
    "borders fall": (
        lambda d: d["features_info"]["float_features"][0]["borders"].reverse(),
        "do not rise",
    ),
    "feature numbers": (
        lambda d: d["features_info"]["float_features"][0].update(flat_feature_index=99),
        "number its features",
    ),
    "classes": (lambda d: d["scale_and_bias"].__setitem__(1, [0, 0, 0]), "classes"),
    "bias": (lambda d: d["scale_and_bias"].__setitem__(1, [float("nan")]), "finite"),
    "no tables": (lambda d: d.pop("ctr_data"), "lacks a table"),
    "table cut": (
        lambda d: next(iter(d["ctr_data"].values()))["hash_map"].pop(), "cut short",
    ),
    "text features": (
        lambda d: d["features_info"].update(text_features=[{}]), "not accepted",
    ),
    "other loss": (
        lambda d: d["model_info"]["params"]["loss_function"].update(type="PairLogit"),
        "loss 'PairLogit'",
    ),
    "list as document": (lambda d: d.update(oblivious_trees=3), "wrong type"),
}  # fmt: skip


@pytest.mark.parametrize("name", CATBOOST_EDITS)
def test_edited_catboost_is_refused(name: str, documents: dict[str, Any]) -> None:
    edit, words = CATBOOST_EDITS[name]
    document = copy.deepcopy(documents["words"])
    catboost_structure.checked(document)
    edit(document)
    with pytest.raises(Refused, match=words):
        catboost_structure.checked(document)


def test_edited_nodes_of_catboost_are_refused(documents: dict[str, Any]) -> None:
    document = copy.deepcopy(documents["nodes"])
    catboost_structure.checked(document)
    node = document["trees"][0]
    node["split"]["split_index"] = 10**6
    with pytest.raises(Refused, match="does not exist"):
        catboost_structure.checked(document)
    del node["split"]
    with pytest.raises(Refused, match="lacks a part"):
        catboost_structure.checked(document)
    node["value"] = [1, 2]
    with pytest.raises(Refused, match="not whole"):
        catboost_structure.checked(document)


def test_damaged_cbm_files_are_refused_or_sound(tmp_path: Path) -> None:
    """Most damaged bytes load in CatBoost; what then is no whole model is refused."""
    pool = catboost.Pool(tasks.numbers(), tasks.classes() > 0)
    booster = catboost.CatBoost(tasks.QUIET | {"loss_function": "Logloss"}).fit(pool)
    path = tmp_path / "m.cbm"
    booster.save_model(str(path))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SandboxRefused, match="CatBoost does not accept"):
        check_model(path, format="catboost-cbm", limits=LIMITS)
    random = np.random.default_rng(0)
    for _ in range(3):
        data = bytearray(whole)
        data[int(random.integers(8, len(whole)))] ^= 255
        path.write_bytes(bytes(data))
        try:
            assert check_model(path, format="catboost-cbm", limits=LIMITS).library
        except SandboxRefused as refused:
            assert str(refused).endswith(".")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=5,
)


@given(data=st.data())
def test_any_edit_of_a_catboost_document_is_refused_or_sound(
    data: st.DataObject, documents: dict[str, Any]
) -> None:
    document = copy.deepcopy(documents[data.draw(st.sampled_from(["words", "nodes"]))])
    place: Any = document
    for _ in range(data.draw(st.integers(1, 6))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            place[key] = data.draw(JUNK)
            break
        place = place[key]
    try:
        catboost_structure.checked(document)
    except Refused as refused:
        assert str(refused).endswith(".")
