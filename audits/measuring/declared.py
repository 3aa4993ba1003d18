"""Predictions that a data set declares: checked against the model, or all there is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audits.answers import Floats, ModelFacts, Predictions
from audits.column_roles import scores_from
from audits.datasets import DatasetProblem, Table
from audits.evaluators.base import Measurement, UnusableEvidence
from audits.evaluators.parity import compare_labels, compare_scores

NO_MODEL = "no model was run"
MOST_CLASSES = 100


def parity(
    table: Table, name: str, found: Predictions, *, positive: str, threshold: float
) -> Measurement:
    """Compare the declared predictions with what the model answered just now.

    Scores, or decisions where the column holds classes only. Raises UnusableEvidence
    when they differ, DatasetProblem when the column cannot be read.
    """
    if found.facts.task == "multiclass":
        classes = np.array(found.facts.classes, dtype=object)
        ours = classes[found.scores.argmax(axis=1)]
        return compare_labels(np.ones(len(ours), bool), _words(table, name) == ours)
    if found.facts.task == "regression":
        size = max(float(np.abs(found.scores).max()), 1e-3)
        return compare_scores(scores_from(table, name), found.scores, scale=size)
    if name in table.texts:
        declared = _words(table, name) == positive
        return compare_labels(declared, found.scores >= threshold)
    declared_scores = scores_from(table, name)
    if np.isin(declared_scores, (0, 1)).all():
        return compare_labels(declared_scores == 1, found.scores >= threshold)
    return compare_scores(declared_scores, found.scores, scale=1.0)


def predictions(
    table: Table, name: str, *, target: str | None, positive: str
) -> Predictions:
    """Take the declared predictions for scores: no model is there to be run.

    What they are follows from the truth: two classes, several, or a number. Raises
    UnusableEvidence and DatasetProblem.
    """
    classes = _classes(table, target)
    if name in table.texts:
        if len(classes) > 2:
            return _labels(table, name, classes)
        return _answer("binary", (_words(table, name) == positive).astype(np.float64))
    scores = scores_from(table, name)
    within = bool(((scores >= 0) & (scores <= 1)).all())
    if len(classes) == 2 and not within:
        raise UnusableEvidence(
            f"The prediction {name!r} must be a class, or a probability between 0 and "
            "1, since the target has two classes."
        )
    binary = len(classes) == 2 or (target is None and within)
    return _answer("binary" if binary else "regression", scores)


def _classes(table: Table, target: str | None) -> list[str]:
    """The classes of the target; none when there is no target, or it is a number."""
    if target is None:
        return []
    words = table.words(target)
    found = sorted({word for word in words if word is not None})
    return found if len(found) == 2 or target in table.texts else []


def _labels(table: Table, name: str, classes: Sequence[str]) -> Predictions:
    words = _words(table, name)
    known = sorted({*classes, *words})
    if len(known) > MOST_CLASSES:
        raise UnusableEvidence(
            f"The prediction {name!r} has {len(known)} classes; at most {MOST_CLASSES} "
            "can be compared."
        )
    scores = (words[:, None] == np.array(known, dtype=object)[None, :]).astype(float)
    return _answer("multiclass", scores, classes=tuple(known))


def _words(table: Table, name: str) -> NDArray[np.object_]:
    words = table.words(name)
    lost = sum(word is None for word in words)
    if lost:
        raise DatasetProblem(f"The prediction {name!r} is missing in {lost} rows.")
    return words


def _answer(task: str, scores: Floats, classes: tuple[str, ...] = ()) -> Predictions:
    facts = ModelFacts(
        task=task,
        library="declared predictions",
        versions={},
        classes=classes,
        feature_names=(),
        level=NO_MODEL,
        seconds=0.0,
        cpu_seconds=0.0,
        peak_memory_bytes=0,
    )
    return Predictions(scores=scores, facts=facts)
