"""Edited model files are refused with a sentence, before native code crashes."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from audits.answers import Limits, check_model
from audits.sandbox import SandboxRefused
from audits.sandboxed import lightgbm_structure, xgboost_structure
from audits.sandboxed.refusal import Refused
from tests.audits import zoo

LIMITS = Limits(timeout_seconds=60)
Edit = Callable[[dict[str, Any]], Any]


def refusal(path: Path, format: str) -> str:
    with pytest.raises(SandboxRefused) as caught:
        check_model(path, format=format, limits=LIMITS)
    said = str(caught.value)
    assert "Traceback" not in said
    assert "ended with an error" not in said
    return said


def forest(document: dict[str, Any]) -> list[dict[str, Any]]:
    trees: list[dict[str, Any]] = document["learner"]["gradient_booster"]["model"][
        "trees"
    ]
    return trees


def child_out_of_range(document: dict[str, Any]) -> None:
    forest(document)[0]["left_children"][0] = 10**6


def circle(document: dict[str, Any]) -> None:
    forest(document)[0]["left_children"][1] = 0


def two_parents(document: dict[str, Any]) -> None:
    tree = forest(document)[0]
    tree["right_children"][0] = tree["left_children"][0]


def feature_out_of_range(document: dict[str, Any]) -> None:
    forest(document)[0]["split_indices"][0] = 9999


def feature_negative(document: dict[str, Any]) -> None:
    forest(document)[0]["split_indices"][0] = -1


def short_array(document: dict[str, Any]) -> None:
    forest(document)[0]["split_conditions"].pop()


def too_few_trees(document: dict[str, Any]) -> None:
    forest(document).pop()


def unknown_group(document: dict[str, Any]) -> None:
    document["learner"]["gradient_booster"]["model"]["tree_info"][0] = 7


def no_booster(document: dict[str, Any]) -> None:
    del document["learner"]["gradient_booster"]


def text_index(document: dict[str, Any]) -> None:
    forest(document)[0]["left_children"][0] = "1"


def not_a_number(document: dict[str, Any]) -> None:
    forest(document)[0]["split_conditions"][0] = float("nan")


def other_objective(document: dict[str, Any]) -> None:
    document["learner"]["objective"]["name"] = "multi:softprob"


def wrong_rounds(document: dict[str, Any]) -> None:
    document["learner"]["gradient_booster"]["model"]["iteration_indptr"][-1] = 500


def negative_size(document: dict[str, Any]) -> None:
    """Found by fuzzing: crashes the loader of XGBoost 3.4.1."""
    forest(document)[0]["tree_param"]["size_leaf_vector"] = "-1"


def false_deletion(document: dict[str, Any]) -> None:
    forest(document)[0]["split_indices"][0] = 2**31 - 1


def negative_weight(document: dict[str, Any]) -> None:
    forest(document)[0]["sum_hessian"][0] = -1.0


def read_in_two_ways(document: dict[str, Any]) -> None:
    forest(document)[0]["tree_param"]["num_nodes"] += "_0"


def classes_of_the_objective(document: dict[str, Any]) -> None:
    document["learner"]["objective"]["softmax_multiclass_param"] = {"num_class": "99"}


XGBOOST_EDITS: dict[Edit, str] = {
    read_in_two_ways: "wrong type",
    classes_of_the_objective: "classes wrongly",
    child_out_of_range: "out of range",
    circle: "circle",
    two_parents: "two parents|circle",
    feature_out_of_range: "feature that does not exist",
    feature_negative: "feature that does not exist",
    short_array: "differ in length",
    too_few_trees: "trees that it counts",
    unknown_group: "class that does not exist",
    no_booster: "lacks a part",
    text_index: "whole numbers",
    not_a_number: "finite",
    other_objective: "classes wrongly",
    wrong_rounds: "boosting rounds",
    negative_size: "several targets",
    false_deletion: "does not match",
    negative_weight: "negative weight",
}


@pytest.fixture(scope="module")
def xgboost_document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    exhibit = zoo.xgboost_file(tmp_path_factory.mktemp("xgb"))
    document: dict[str, Any] = json.loads(exhibit.path.read_bytes())
    return document


@pytest.mark.parametrize("edit", XGBOOST_EDITS, ids=lambda edit: edit.__name__)
def test_edited_xgboost_is_refused(
    edit: Edit, xgboost_document: dict[str, Any]
) -> None:
    document = copy.deepcopy(xgboost_document)
    edit(document)
    assert str(document) != str(xgboost_document)
    with pytest.raises(Refused, match=XGBOOST_EDITS[edit]):
        xgboost_structure.checked(document)


def test_edited_files_are_refused_in_the_sandbox_too(
    xgboost_document: dict[str, Any], tmp_path: Path
) -> None:
    document = copy.deepcopy(xgboost_document)
    child_out_of_range(document)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    assert "out of range" in refusal(path, "xgboost-json")
    path = zoo.lightgbm_file(tmp_path).path
    path.write_text(replace("left_child", 1, "0")(path.read_text()))
    assert "circle" in refusal(path, "lightgbm")


def test_what_xgboost_itself_refuses_is_a_sentence(
    xgboost_document: dict[str, Any], tmp_path: Path
) -> None:
    document = copy.deepcopy(xgboost_document)
    document["learner"]["learner_model_param"]["base_score"] = "[2E0]"
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    assert "XGBoost does not accept the model" in refusal(path, "xgboost-json")


def test_broken_json_and_ubjson_are_refused(tmp_path: Path) -> None:
    whole = zoo.xgboost_file(tmp_path, "ubj").path.read_bytes()
    path = tmp_path / "x"
    for damaged in (whole[:-20], whole + b"x", whole[:1] + b"L" + b"\x7f" * 8):
        path.write_bytes(damaged)
        with pytest.raises(Refused, match="UBJSON"):
            xgboost_structure.read_document(path, binary_json=True)
    for text, words in {
        '{"learner": ': "not valid JSON",
        "[" * 100_000: "not valid JSON",
        '{"learner": {}, "learner": {}}': "twice",
    }.items():
        path.write_text(text)
        with pytest.raises(Refused, match=words):
            xgboost_structure.read_document(path, binary_json=False)


@pytest.fixture(scope="module")
def lightgbm_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return zoo.lightgbm_file(tmp_path_factory.mktemp("lgb")).path.read_text()


def replace(name: str, index: int, value: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        lines = text.split("\n")
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{name}="))
        entries = lines[at].removeprefix(f"{name}=").split(" ")
        entries[index] = value
        lines[at] = f"{name}={' '.join(entries)}"
        return "\n".join(lines)

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (replace("left_child", 0, "999999"), "out of range"),
        (replace("left_child", 0, "-999999"), "out of range"),
        (replace("left_child", 1, "0"), "circle"),
        (replace("split_feature", 0, "5000"), "feature that does not exist"),
        (replace("split_feature", 0, "-5"), "feature that does not exist"),
        (replace("num_leaves", 0, "5000000"), "impossible"),
        (replace("num_leaves", 0, "3"), "entries"),
        (replace("leaf_value", 0, "nan"), "finite"),
        (replace("leaf_value", 0, "x"), "finite"),
        (replace("left_child", 0, "1_0"), "finite"),  # 10 for Python, 1 for C
        (replace("split_feature", 0, "\u0661"), "finite"),  # an Arabic 1
        (replace("num_leaves", 0, "8_"), "wrong type"),
        (replace("leaf_count", 0, str(2**40)), "finite"),
        (replace("decision_type", 0, "1"), "no list of them"),
        (replace("max_feature_idx", 0, "4000000"), "feature names"),
        (replace("num_class", 0, "3"), "classes wrongly"),
        (lambda text: text[: len(text) // 4], "cut short"),
        (lambda text: text.replace("Tree=1\n", "Tree=5\n"), "not in order"),
        (lambda text: text.replace("num_cat=0", "num_cat=0\nnum_cat=0"), "twice"),
    ],
)
def test_edited_lightgbm_is_refused(
    edit: Callable[[str], str], words: str, lightgbm_text: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.txt"
    path.write_text(edit(lightgbm_text))
    with pytest.raises(Refused, match=words):
        lightgbm_structure.checked(path)


def test_lying_tree_sizes_change_nothing(tmp_path: Path) -> None:
    path = zoo.lightgbm_file(tmp_path).path
    path.write_text(replace("tree_sizes", 0, "99999999")(path.read_text()))
    facts = check_model(path, format="lightgbm", limits=LIMITS)
    assert facts.library == "lightgbm"


class Stranger(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A class that no server knows."""


def shout(frame: Any) -> Any:
    return frame


def test_skops_with_untrusted_types_names_them(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(Stranger(), path)
    said = refusal(path, "skops")
    assert "Stranger" in said
    assert "does not trust" in said
    skops.io.dump(FunctionTransformer(shout), path)
    assert "shout" in refusal(path, "skops")


@pytest.mark.parametrize("damage", ["child", "feature", "circle"])
def test_skops_tree_with_a_wrong_index_is_refused(damage: str, tmp_path: Path) -> None:
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    model.fit(zoo.numeric()[zoo.features()].to_numpy(), zoo.target())
    nodes = model.tree_.__getstate__()["nodes"].copy()
    field, value = {
        "child": ("left_child", 10**7),
        "feature": ("feature", 10**7),
        "circle": ("left_child", 0),
    }[damage]
    nodes[field][0] = value
    state = model.tree_.__getstate__()
    state["nodes"] = nodes
    model.tree_.__setstate__(state)
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    assert "skops file" in refusal(path, "skops")


def test_skops_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump({"a": np.arange(3)}, path)
    assert "not a fitted model" in refusal(path, "skops")
    skops.io.dump(DecisionTreeClassifier(), path)
    assert "two or more classes" in refusal(path, "skops")


def test_damaged_onnx_is_refused(tmp_path: Path) -> None:
    path = zoo.onnx_file(tmp_path).path
    whole = bytearray(path.read_bytes())
    path.write_bytes(bytes(whole[:40]))
    assert "ONNX" in refusal(path, "onnx")
