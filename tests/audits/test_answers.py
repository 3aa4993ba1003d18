"""Predictions from the sandbox equal those of the model's own library."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audits.answers import Limits, Source, check_model, joined, predict
from audits.explanations import explain
from audits.sampling import choose_rows
from audits.sandbox import SandboxRefused
from tests.audits import zoo

LIMITS = Limits(timeout_seconds=120)
MAKERS = {
    **{name: lambda f, n=name: zoo.skops_file(f, n) for name in zoo.MODELS},
    "xgboost-json": lambda folder: zoo.xgboost_file(folder, "json"),
    "xgboost-ubj": lambda folder: zoo.xgboost_file(folder, "ubj"),
    "lightgbm": zoo.lightgbm_file,
    "onnx": zoo.onnx_file,
}


def source_of(exhibit: zoo.Exhibit) -> Source:
    return Source(
        model=exhibit.path,
        format=exhibit.format,
        data=exhibit.data,
        media_type=zoo.CSV,
        features=tuple(zoo.features()),
        positive="1",
    )


@pytest.mark.parametrize("name", ["boosting", "xgboost-ubj", "lightgbm", "onnx"])
def test_predictions_are_the_librarys_own(name: str, tmp_path: Path) -> None:
    exhibit = MAKERS[name](tmp_path)
    found = predict(source_of(exhibit), rows=2380, limits=LIMITS)
    tolerance = 1e-5 if exhibit.format == "onnx" else 1e-7  # ONNX counts in float32
    np.testing.assert_allclose(found.scores, exhibit.expected, atol=tolerance)
    assert found.facts.task == "binary"
    assert found.facts.versions


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "xgboost-ubj"])
def test_explanations_add_up_to_the_model(name: str, tmp_path: Path) -> None:
    exhibit = MAKERS[name](tmp_path)
    sample = (choose_rows(2380, 30, seed=1), choose_rows(2380, 20, seed=2), 0)
    found = explain(source_of(exhibit), samples=[sample], limits=LIMITS)
    (one,) = found.samples
    tolerance = 1e-5 if exhibit.format == "onnx" else 1e-7
    np.testing.assert_allclose(one.scores, exhibit.expected[one.rows], atol=tolerance)
    total = one.base + one.phi.sum(axis=1)
    np.testing.assert_allclose(total, one.output, atol=1e-5)
    said = 1 / (1 + np.exp(-total)) if found.scale == "log-odds" else total
    np.testing.assert_allclose(said, exhibit.expected[one.rows], atol=1e-5)


def test_linear_explanation_is_the_closed_form_on_raw_features(tmp_path: Path) -> None:
    exhibit = zoo.skops_file(tmp_path, "logistic")
    rows, background = choose_rows(2380, 50, seed=1), choose_rows(2380, 100, seed=2)
    found = explain(source_of(exhibit), samples=[(rows, background, 0)], limits=LIMITS)
    steps = exhibit.estimator
    frame = zoo.pd.read_csv(exhibit.data)[zoo.features()]
    encoded = steps[0].transform(frame)
    parts = (encoded[rows] - encoded[background].mean(axis=0)) * steps[1].coef_[0]
    names = list(steps[0].get_feature_names_out())
    one_hot = [i for i, n in enumerate(names) if n.startswith("words__afam_")]
    assert len(one_hot) == 2
    place = zoo.features().index("afam")
    np.testing.assert_allclose(
        found.samples[0].phi[:, place], parts[:, one_hot].sum(axis=1), atol=1e-9
    )
    place, column = zoo.features().index("pirat"), names.index("numbers__pirat")
    np.testing.assert_allclose(found.samples[0].phi[:, place], parts[:, column])


def test_booster_needs_its_features_as_numbers(tmp_path: Path) -> None:
    exhibit = zoo.xgboost_file(tmp_path)
    source = source_of(exhibit)
    with pytest.raises(SandboxRefused, match="needs the feature 'pirat'"):
        predict(replace(source, features=("hirat",)), rows=2380, limits=LIMITS)
    with pytest.raises(SandboxRefused, match="'phist' holds text"):
        words = replace(source, data=zoo.write_csv(tmp_path))
        predict(words, rows=2380, limits=LIMITS)
    with pytest.raises(SandboxRefused, match="class 0 cannot be the positive"):
        predict(replace(source, positive="0"), rows=2380, limits=LIMITS)


def test_pipeline_says_what_it_lacks(tmp_path: Path) -> None:
    source = source_of(zoo.skops_file(tmp_path, "logistic"))
    with pytest.raises(SandboxRefused, match="needs the features afam"):
        predict(replace(source, features=("pirat", "hirat")), rows=2380, limits=LIMITS)
    with pytest.raises(SandboxRefused, match="no column 'salary'"):
        predict(replace(source, features=("salary",)), rows=2380, limits=LIMITS)
    with pytest.raises(SandboxRefused, match="knows the classes 0, 1"):
        predict(replace(source, positive="2"), rows=2380, limits=LIMITS)


def test_rows_beyond_the_data_are_refused(tmp_path: Path) -> None:
    source = source_of(zoo.skops_file(tmp_path, "logistic"))
    with pytest.raises(SandboxRefused, match="0 to 2381 were asked for"):
        predict(source, rows=2381, limits=LIMITS)
    with pytest.raises(SandboxRefused, match="the data have 2380"):
        predict(source, first=2380, rows=1, limits=LIMITS)


def test_parts_join_to_the_whole(tmp_path: Path) -> None:
    source = source_of(zoo.lightgbm_file(tmp_path))
    whole = predict(source, rows=2380, limits=LIMITS)
    parts = [
        predict(source, first=first, rows=rows, limits=LIMITS)
        for first, rows in ((0, 1000), (1000, 1380))
    ]
    together = joined(parts)
    np.testing.assert_array_equal(together.scores, whole.scores)
    assert together.facts.cpu_seconds == pytest.approx(
        sum(part.facts.cpu_seconds for part in parts), abs=0.01
    )


def test_model_says_what_it_is(tmp_path: Path) -> None:
    exhibit = zoo.skops_file(tmp_path, "forest")
    facts = check_model(exhibit.path, format="skops", limits=LIMITS)
    assert facts.task == "binary"
    assert facts.classes == ("0", "1")
    assert list(facts.feature_names) == zoo.features()
    assert facts.peak_memory_bytes > 10**7
