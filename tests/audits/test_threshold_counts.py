"""Counts by threshold are those of the rows, also of scores on a threshold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators.threshold_counts import STEPS, overall, reached, thresholds

SHARES = st.one_of(
    st.floats(0, 1), st.integers(0, STEPS).map(lambda step: step / STEPS)
)
ROWS = st.lists(st.tuples(st.integers(0, 1), SHARES), min_size=1, max_size=60)


@given(ROWS, SHARES)
def test_counts_are_those_of_the_rows_at_every_threshold(rows, in_force):
    target = np.array([row[0] for row in rows])
    scores = np.array([row[1] for row in rows], dtype=float)
    kept = overall(target, scores, in_force)
    assert in_force in kept["thresholds"]
    assert kept["thresholds"] == sorted(set(kept["thresholds"]))
    for name, label in (("positive", 1), ("negative", 0)):
        counts = kept["all"][name]
        assert sum(counts) == int((target == label).sum())
        for place, threshold in enumerate(kept["thresholds"]):
            chosen = (scores >= threshold) & (target == label)
            assert sum(counts[place:]) == int(chosen.sum())


def test_what_people_type_is_a_threshold_that_is_kept():
    places = thresholds(0.5).tolist()
    assert [float(f"0.{step:02}") for step in range(STEPS)] == places[:-1]


def test_rows_beyond_one_chunk_are_placed(monkeypatch):
    monkeypatch.setattr("audits.evaluators.threshold_counts.CHUNK", 3)
    scores = np.linspace(0, 1, 11)
    assert reached(scores, thresholds(0.5)).tolist() == [
        round(100 * score) for score in scores
    ]
