"""Resampled cells: as many rows as before, block by block, repeatable, and bounded."""

import numpy as np
import pytest

from audits.evaluators.fairness import bootstrap

COUNTS = np.array([[5, 0, 20, 7], [0, 3, 30, 9]])


def each(drawn):
    return drawn.reshape(len(drawn), -1).astype(float)


def test_every_round_draws_all_rows_and_empty_cells_stay_empty():
    drawn = bootstrap.replicates(COUNTS, each, rounds=300, seed=1)
    assert drawn.shape == (300, 8)
    assert set(drawn.sum(axis=1)) == {COUNTS.sum()}
    assert drawn[:, [1, 4]].max() == 0
    assert drawn.mean(axis=0) == pytest.approx(COUNTS.ravel(), abs=1)


def test_variances_are_those_of_the_multinomial():
    drawn = bootstrap.replicates(COUNTS, each, rounds=20_000, seed=2)
    shares = COUNTS.ravel() / COUNTS.sum()
    expected = COUNTS.sum() * (np.diag(shares) - np.outer(shares, shares))
    assert np.cov(drawn.T) == pytest.approx(expected, abs=1)


def test_blocks_do_not_repeat_each_other(monkeypatch):
    monkeypatch.setattr(bootstrap, "BLOCK", COUNTS.size * 10)
    drawn = bootstrap.replicates(COUNTS, each, rounds=45, seed=1)
    assert len(drawn) == 45
    assert not (drawn[:10] == drawn[10:20]).all()


def test_a_seed_repeats_and_another_does_not():
    one, same, other = (
        bootstrap.replicates(COUNTS, each, rounds=50, seed=seed) for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert not (one == other).all()


def test_an_interval_bears_few_lost_rounds_only():
    values = np.arange(200.0)[:, None].repeat(2, axis=1)
    values[:20, 0] = np.nan
    values[:21, 1] = np.nan
    kept, lost = bootstrap.limits(values)
    assert kept == pytest.approx(tuple(np.quantile(np.arange(20, 200), [0.025, 0.975])))
    assert lost is None


def test_very_many_cells_are_drawn_less_often():
    assert bootstrap.rounds_for(120, 2000) == 2000
    assert bootstrap.rounds_for(40_000, 2000) == 500
    assert bootstrap.rounds_for(10**7, 2000) == 200
    assert bootstrap.rounds_for(10**7, 150) == 150


def test_an_interval_never_leaves_out_its_value():
    assert bootstrap.stretched("g", 0.1, (0.2, 0.3), 9, "").limits == (0.1, 0.3)
    assert bootstrap.stretched("g", 0.4, (0.2, 0.3), 9, "").limits == (0.2, 0.4)
    assert bootstrap.stretched("g", 0.4, None, 9, "").limits is None
