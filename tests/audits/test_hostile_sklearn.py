"""scikit-learn's compiled code is not given arrays that do not fit together."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import xgboost
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from audits.sandboxed.loading import load
from audits.sandboxed.refusal import Refused
from tests.audits import test_tasks as tasks


def numbers() -> Any:
    return tasks.numbers().fillna(0).to_numpy()


def dumped(model: Any, folder: Path) -> Path:
    path = folder / "m.skops"
    skops.io.dump(model, path)
    return path


def test_boosting_that_writes_beyond_its_columns_is_refused(tmp_path: Path) -> None:
    model = GradientBoostingClassifier(n_estimators=4).fit(
        numbers(), tasks.classes() > 0
    )
    model.estimators_ = model.estimators_.reshape(2, 2)  # K columns into one
    with pytest.raises(Refused, match="does not count its trees"):
        load(dumped(model, tmp_path), format="skops")
    model.n_trees_per_iteration_ = 2
    with pytest.raises(Refused, match="does not fit its classes"):
        load(dumped(model, tmp_path), format="skops")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_n_support", np.array([10**6, 10**6], np.int32)),
        ("_n_support", np.array([-5, 300], np.int32)),
        ("_dual_coef_", np.zeros((1, 2))),
        ("_intercept_", np.zeros(0)),
        ("support_vectors_", np.zeros((4, 1))),
        ("_probA", np.zeros(9)),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    name: str, value: Any, tmp_path: Path
) -> None:
    model = SVC().fit(numbers(), tasks.classes() > 0)
    setattr(model, name, value)
    with pytest.raises(Refused, match="do not fit together"):
        load(dumped(model, tmp_path), format="skops")


def test_a_search_tree_is_grown_again(tmp_path: Path) -> None:
    """Its indexes point into memory: what the file says of them is not used."""
    model = KNeighborsClassifier(algorithm="kd_tree").fit(numbers(), tasks.classes())
    expected = model.predict_proba(numbers())
    state = list(model._tree.__getstate__())
    state[1] = np.full_like(state[1], 10**9)  # where the points are
    model._tree.__setstate__(tuple(state))
    loaded = load(dumped(model, tmp_path), format="skops")
    scores = loaded.score(pd.DataFrame(numbers(), columns=list("abcd")), "1")
    np.testing.assert_allclose(scores, expected)
    model._fit_X = np.full((400, 4), np.nan)
    with pytest.raises(Refused, match="not points"):
        load(dumped(model, tmp_path), format="skops")


def test_a_booster_inside_skops_is_refused_with_a_way_out(tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=2).fit(numbers(), tasks.classes() > 0)
    with pytest.raises(Refused, match="Upload the booster by itself"):
        load(dumped(model, tmp_path), format="skops")
