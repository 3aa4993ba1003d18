"""Explainers of categories, encoded columns, and models without trees."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shap

from audits.sandboxed.explainers import Asked, prepare
from tests.audits import small_models as small
from tests.audits.test_explainers import (
    FEW,
    MANY,
    SAME,
    assert_adds_up,
    complete,
    explainer_of,
)

pytestmark = pytest.mark.filterwarnings("ignore:Ignoring params argument")


@pytest.mark.parametrize("kind", ["binary", "regression", "multiclass"])
def test_catboost_explains_itself(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("catboost", reason="the catboost extra is missing")
    model = small.catboost_model(tmp_path, kind)
    data = complete(model).iloc[:30]
    explainer = explainer_of(model, tmp_path, rows=MANY)
    found = explainer.explain(data)
    assert explainer.name.startswith("catboost ShapValues")
    assert_adds_up(found)
    again = explainer.again(data.iloc[:10])
    assert again is not None
    np.testing.assert_allclose(found.phi[:, :10], again, atol=SAME)
    behind = complete(model).iloc[50:90]
    against = explainer_of(model, tmp_path, rows=MANY, background=behind)
    others = against.explain(data)
    assert "woodelf" in against.name
    assert_adds_up(others)
    np.testing.assert_allclose(others.phi, against.again(data), atol=SAME)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_splits_on_categories_are_left_to_the_library(
    library: str, tmp_path: Path
) -> None:
    data = small.frame(missing=False)
    data["flag"] = (data["rate"] * 2).round() % 5
    model = small.categorical_model(tmp_path, library, data)
    asked = Asked("1", 0, MANY, False, next(tmp_path.iterdir()))
    explainer = prepare(model, sample=data, background=data[:20], asked=asked)
    found = explainer.explain(data)
    assert library in explainer.name
    assert_adds_up(found)
    assert np.abs(found.phi[0, :, 4]).max() > 0
    # No second engine reads these splits, and nobody says that one did.
    assert explainer.again(data[:5]) is None
    against = Asked("1", 0, MANY, True, asked.file)
    asking = prepare(model, sample=data, background=data[:20], asked=against)
    assert_adds_up(asking.explain(data[:5]))


@pytest.mark.parametrize("last", ["forest", "histogram", "logistic"])
def test_encoded_columns_are_summed_back(last: str, tmp_path: Path) -> None:
    """Also for a category that is not among the rows that show the encoding."""
    data = small.frame(missing=False)
    data["town"] = ["rare" if i % 60 == 59 else "ab"[i % 2] for i in range(len(data))]
    model: Any = small.pipeline_model(tmp_path, last, data)
    common = data[data["town"] != "rare"]
    asked = Asked("1", 0, FEW, False, next(tmp_path.iterdir()))
    explainer = prepare(model, sample=common[:80], background=common[:20], asked=asked)
    assert "Permutation" not in explainer.name
    assert "ExactExplainer" not in explainer.name
    found = explainer.explain(data)
    assert found.phi.shape == (1, len(data), 7)
    assert_adds_up(found)
    if last != "logistic":
        steps = model.estimator
        matrix = steps[:-1].transform(data)
        values = np.asarray(shap.TreeExplainer(steps[-1]).shap_values(matrix))
        values = values[:, :, 1] if values.ndim == 3 else values
        town = values[:, 6:].sum(axis=1)
        np.testing.assert_allclose(found.phi[0, :, 6], town, atol=SAME)
    again = explainer.again(data[:5])
    assert again is not None


@pytest.mark.parametrize("features", [3, 6, 12])
def test_any_other_model_is_asked(features: int, tmp_path: Path) -> None:
    model = small.network_model(tmp_path, features)
    data = small.wide(features)
    asked = Asked("1", 3, FEW, False, next(tmp_path.iterdir()))
    explainer = prepare(model, sample=data, background=data[:12], asked=asked)
    rows = data[20:24].reset_index(drop=True)
    found = explainer.explain(rows)
    assert_adds_up(found)
    mean = model.score(data[:12], "1").mean()
    np.testing.assert_allclose(found.base, mean, atol=1e-9)
    again = explainer.again(rows)
    assert again is not None
    if explainer.exact:
        np.testing.assert_allclose(found.phi, again, atol=1e-9)
    else:  # two estimates are close, but not the same
        assert 0 < np.abs(found.phi - again).max() < 0.2
        np.testing.assert_array_equal(found.phi, explainer.explain(rows).phi)
    assert explainer.exact is (features <= 8)
    # Two million questions to the model, whatever it costs.
    each = 2**features if explainer.exact else 10 * (2 * features + 1)
    assert explainer.most_rows == 2_000_000 // (each * 12)


def test_zeros_that_count_as_missing_are_left_to_the_library(tmp_path: Path) -> None:
    model = small.lightgbm_model(tmp_path, zero_as_missing=True)
    explainer = explainer_of(model, tmp_path, rows=MANY)
    assert "lightgbm pred_contrib" in explainer.name
    assert_adds_up(explainer.explain(complete(model)))


def test_leaves_that_are_linear_models_are_asked(tmp_path: Path) -> None:
    model = small.lightgbm_model(tmp_path, "regression", linear_tree=True)
    explainer = explainer_of(model, tmp_path, rows=FEW)
    assert "ExactExplainer" in explainer.name
    data = complete(model)[:4].reset_index(drop=True)
    found = explainer.explain(data)
    assert_adds_up(found)
    np.testing.assert_allclose(found.phi, explainer.again(data), atol=1e-9)
