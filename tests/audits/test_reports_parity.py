"""Declared predictions against recomputed ones: what counts as the same."""

import numpy as np
import pytest

from audits.answers import ModelFacts, Predictions
from audits.datasets import Inspection, Table, Texts
from audits.evaluators.base import UnusableEvidence
from audits.measuring import declared

ROWS = 50


def said(values: np.ndarray) -> Table:
    """Data with one column of numbers that a submitter declared."""
    nothing = Inspection(rows=len(values), columns=(), level="test")
    return Table(len(values), {"said": values}, Texts({}), nothing)


def found(scores: np.ndarray, task: str) -> Predictions:
    facts = ModelFacts(task, "test", {}, (), (), "test", 0.0, 0.0, 0)
    return Predictions(scores, facts)


def compared(values: np.ndarray, scores: np.ndarray, task: str, positive: str = "1"):
    return declared.parity(
        said(values), "said", found(scores, task), positive=positive, threshold=0.5
    )


def test_one_huge_value_excuses_no_other():
    """Measured by the largest value, every wrong number below 1e8 would pass."""
    scores = np.linspace(1.0, 2.0, ROWS)
    scores[0] = 1e12
    wrong = scores.copy()
    wrong[1:] += 0.5
    with pytest.raises(UnusableEvidence, match=f"differ in {ROWS - 1} of {ROWS}"):
        compared(wrong, scores, "regression")
    single = scores.astype(np.float32).astype(float)
    assert compared(single, scores, "regression").value < 1e-6


def test_values_near_nought_are_measured_by_the_usual_size():
    scores = np.linspace(-1000.0, 1000.0, 2 * ROWS + 1)
    assert abs(scores[ROWS]) < 1e-9
    assert compared(scores + 1e-3, scores, "regression").value < 1e-4


@pytest.mark.parametrize(("positive", "right"), [("1", True), ("0", False)])
def test_a_column_of_nought_and_one_holds_classes(positive, right):
    """Where 0 is the positive class, its probability is high where 0 is declared."""
    classes = np.arange(ROWS) % 2 * 1.0
    scores = np.where(classes == 1, 0.9, 0.1)
    answer = compared(classes, scores if right else 1 - scores, "binary", positive)
    assert answer.value == 0
    with pytest.raises(UnusableEvidence, match="decisions differ"):
        compared(classes, 1 - scores if right else scores, "binary", positive)


def test_no_rows_do_not_differ():
    assert declared.compare_labels(np.zeros(0, bool), np.zeros(0, bool)).value == 0
    assert declared.compare_scores(np.zeros(0), np.zeros(0), scale=1.0).value == 0
