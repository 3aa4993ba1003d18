"""Stability: the worst pair of samples counts."""

import numpy as np
import pytest

from audits.evaluators.stability import stability

BASE = np.array([8.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.1])


def by_name(*importances: np.ndarray) -> dict[str, float | None]:
    return {one.name: one.value for one in stability(importances)}


def test_equal_samples_are_perfectly_stable() -> None:
    found = by_name(BASE, BASE.copy(), BASE.copy())
    assert found["importance_stability"] == pytest.approx(1)
    assert found["top_features_overlap"] == 1
    assert found["importance_change"] == 0


def test_the_worst_pair_counts() -> None:
    other = BASE.copy()
    other[[4, 5]] = other[[5, 4]]  # the fifth and the sixth change places
    other[0] = 6.0
    found = by_name(BASE, BASE.copy(), other)
    assert found["top_features_overlap"] == pytest.approx(0.8)
    assert found["importance_change"] == pytest.approx(0.5)  # 2 to 1
    assert (found["importance_stability"] or 0) < 1


def test_one_sample_says_nothing_of_stability() -> None:
    assert all(one.value is None and one.because for one in stability([BASE]))


def test_no_importance_at_all_is_not_stable() -> None:
    found = by_name(BASE * 0, BASE * 0)
    assert found["importance_stability"] is None
    assert found["importance_change"] is None


def test_fewer_than_five_features_overlap_by_their_own_number() -> None:
    assert by_name(BASE[:2], BASE[:2])["top_features_overlap"] == 1
