"""Partial sums of explanations: any split of the rows merges to the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators.importances import merged, partial

KEEP = 7


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(1, 120),
    cuts=st.lists(st.integers(0, 120), max_size=6),
)
def test_any_split_merges_to_the_whole(seed: int, rows: int, cuts: list[int]) -> None:
    chance = np.random.default_rng(seed)
    phi = chance.normal(size=(rows, 3)) * [1.0, 1e6, 1e-6]
    keys = chance.permutation(rows).astype(np.uint64)
    whole = partial(phi, keys=keys, keep=KEEP)
    edges = sorted({0, rows, *(cut for cut in cuts if cut < rows)})
    parts = [
        partial(phi[low:high], keys=keys[low:high], keep=KEEP)
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    chance.shuffle(parts)  # type: ignore[arg-type]
    found = merged(parts, keep=KEEP)
    assert found.n == rows
    np.testing.assert_allclose(found.absolute, whole.absolute, rtol=1e-12)
    np.testing.assert_allclose(found.squares, whole.squares, rtol=1e-12)
    size = float(np.abs(phi).sum())
    np.testing.assert_allclose(found.total, whole.total, atol=1e-12 * size)
    np.testing.assert_array_equal(found.keys, whole.keys)
    np.testing.assert_array_equal(found.sample, whole.sample)
    np.testing.assert_array_equal(found.keys, np.sort(keys)[:KEEP])


def test_a_partial_says_what_numpy_says() -> None:
    phi = np.random.default_rng(0).normal(size=(400, 2)) + [0.0, 5.0]
    found = partial(phi)
    np.testing.assert_allclose(found.importance, np.abs(phi).mean(axis=0))
    np.testing.assert_allclose(found.mean, phi.mean(axis=0))
    lower, upper = found.interval(1)
    half = 1.96 * np.abs(phi[:, 1]).std(ddof=1) / 20
    assert upper - lower == pytest.approx(2 * half, rel=1e-3)
    assert partial(phi[:1]).interval(0)[0] >= 0


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match="nothing"):
        merged([], keep=1)
