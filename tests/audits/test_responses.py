"""What a model answers to changed rows, through the real sandbox."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression

from audits.answers import Limits, Source
from audits.evaluators import monotonicity, robustness
from audits.evaluators.robustness import Responses
from audits.responses import respond
from audits.sampling import choose_rows
from audits.sandbox import SandboxRefused
from tests.audits import zoo

LIMITS = Limits(timeout_seconds=120)


def source_of(exhibit: zoo.Exhibit) -> Source:
    return Source(
        model=exhibit.path,
        format=exhibit.format,
        data=exhibit.data,
        media_type=zoo.CSV,
        features=tuple(zoo.features()),
        positive="1",
    )


def asked(source: Source, **more: object) -> Responses:
    said = {"asked": 60, "noise": 0.1, "seed": 0, "monotonic": {}, **more}
    rows = choose_rows(said.pop("of", 2380), 400, seed=0)
    return respond(source, rows=rows, limits=LIMITS, **said)[0]


@pytest.mark.parametrize("name", ["logistic", "histogram"])
def test_a_pipeline_responds_to_every_feature(name: str, tmp_path: Path) -> None:
    exhibit = zoo.skops_file(tmp_path, name)
    found = asked(source_of(exhibit))
    np.testing.assert_allclose(found.base, exhibit.expected[found.rows], atol=1e-9)
    assert {one.feature for one in found.single} == set(zoo.features())
    assert [level for level, _ in found.joint] == [0.05, 0.1, 0.2]
    by = {(one.feature, one.kind): one for one in found.single}
    assert by["afam", "swap"].scores is not None
    assert ("pirat", "swap") not in by
    moved = robustness.changes(found.base, by["pirat", "up"].scores)
    assert moved.max() > 0
    result = robustness.evaluate(
        found, task="binary", target=zoo.target()[found.rows], config={}
    )
    largest = result.get("noise_response_largest").value
    assert largest is not None
    assert 0 < largest < 0.2
    assert result.get("extreme_failures").value == 0
    assert result.get("joint_noise_auc_drop[noise=0.1]").lower is not None


def booster(folder: Path, *, constrained: bool) -> zoo.Exhibit:
    """An XGBoost model of all features; the ratio of debts may only raise it."""
    frame = zoo.numeric()[zoo.features()]
    matrix = xgboost.DMatrix(frame, zoo.target())
    rules = [int(constrained and name == "pirat") for name in zoo.features()]
    settings = {
        "objective": "binary:logistic",
        "max_depth": 4,
        "nthread": 2,
        "monotone_constraints": str(tuple(rules)),
    }
    made = xgboost.train(settings, matrix, 30)
    path = folder / "model.json"
    made.save_model(path)
    data = zoo.write_csv(folder, words=False)
    return zoo.Exhibit(path, "xgboost-json", data, made.predict(matrix), made)


def test_a_constrained_model_keeps_its_direction_and_a_free_one_is_caught(
    tmp_path: Path,
) -> None:
    shares = {}
    for constrained in (True, False):
        source = source_of(booster(tmp_path, constrained=constrained))
        found = asked(source, monotonic={"pirat": 1})
        measured = monotonicity.evaluate(found.curves)
        shares[constrained] = measured.get("monotonic_violation_share[feature=pirat]")
        if constrained:
            (curve,) = found.curves
            wrong = monotonicity.evaluate([replace(curve, direction=-1)])
            wrong_share = wrong.get("monotonic_violation_share[feature=pirat]")
            assert wrong_share.value > 0.9
    assert shares[True].value == 0
    assert shares[True].upper < 0.1
    assert shares[False].value > 0.3


def trained(folder: Path, estimator: object, target: object) -> Source:
    """A bare estimator on three columns, one of which has two values."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": random.normal(size=200),
            "count": random.integers(0, 9, 200),
            "flag": random.integers(0, 2, 200),
        }
    )
    estimator.fit(frame, target(frame))
    skops.io.dump(estimator, folder / "model.skops")
    frame.to_csv(folder / "data.csv", index=False)
    return Source(
        model=folder / "model.skops",
        format="skops",
        data=folder / "data.csv",
        media_type=zoo.CSV,
        features=tuple(frame.columns),
        positive="1",
    )


def test_the_same_seed_gives_the_same_changes_and_another_gives_others(
    tmp_path: Path,
) -> None:
    source = trained(tmp_path, LinearRegression(), lambda f: f["a"] + f["flag"])
    one, again, other = (asked(source, of=200, seed=seed) for seed in (0, 0, 1))
    for first, second in zip(one.single, again.single, strict=True):
        np.testing.assert_array_equal(first.scores, second.scores)
    assert any(
        not np.array_equal(first.scores, second.scores)
        for first, second in zip(one.single, other.single, strict=True)
    )


def test_a_model_that_takes_no_gaps_says_so_and_the_rest_is_measured(
    tmp_path: Path,
) -> None:
    source = trained(
        tmp_path, LogisticRegression(), lambda f: (f["a"] + f["flag"] > 0).astype(int)
    )
    found = asked(source, of=200)
    by = {(one.feature, one.kind): one for one in found.single}
    assert by["a", "missing"].scores is None
    assert "NaN" in by["a", "missing"].refused
    assert by["a", "noise"].scores is not None
    assert by["flag", "swap"].scores is not None
    result = robustness.evaluate(found, task="binary")
    assert result.get("missing_response[feature=a]").value is None
    assert result.get("missing_response_largest").value is None
    assert result.get("noise_response_largest").value > 0


def test_whole_numbers_stay_whole_and_values_are_predicted(tmp_path: Path) -> None:
    """The answer is the count itself: noise moves it by whole numbers only."""
    source = trained(tmp_path, LinearRegression(), lambda f: f["count"] * 1.0)
    found = asked(source, of=200, noise=0.5, monotonic={"count": 1})
    by = {(one.feature, one.kind): one for one in found.single}
    moved = by["count", "noise"].scores
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-9)
    assert (moved != found.base).any()
    assert moved.min() >= -1e-9
    assert moved.max() <= 8 + 1e-9
    np.testing.assert_allclose(by["a", "noise"].scores, found.base, atol=1e-9)
    assert robustness.changes(by["count", "up"].scores, found.base).max() > 0.5
    result = monotonicity.evaluate(found.curves)
    assert result.get("monotonic_violation_share[feature=count]").value == 0


def test_answers_that_are_no_numbers_are_not_believed(tmp_path: Path) -> None:
    source = trained(tmp_path, LinearRegression(), lambda f: f["count"] * 1.0)
    broken = LinearRegression()
    broken.coef_, broken.intercept_ = np.array([np.nan, 0, 0]), 0.0
    broken.feature_names_in_ = np.array(source.features, dtype=object)
    broken.n_features_in_ = 3
    skops.io.dump(broken, tmp_path / "nan.skops")
    with pytest.raises(SandboxRefused, match="not finite"):
        asked(replace(source, model=tmp_path / "nan.skops"), of=200)


def test_rows_and_features_that_are_not_there_are_refused(tmp_path: Path) -> None:
    source = trained(tmp_path, LinearRegression(), lambda f: f["count"] * 1.0)
    with pytest.raises(SandboxRefused, match="rows that the data do not have"):
        asked(source, of=2000)
    with pytest.raises(SandboxRefused, match="'wage' is not among"):
        asked(source, of=200, monotonic={"wage": 1})


def test_text_has_no_direction(tmp_path: Path) -> None:
    source = source_of(zoo.skops_file(tmp_path, "logistic"))
    with pytest.raises(SandboxRefused, match="'afam' is text"):
        asked(source, monotonic={"afam": 1})
