"""Predictions that a data set declares: checked against the model, or all there is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audits.answers import Floats, ModelFacts, Predictions
from audits.column_roles import YES_AND_NO, scores_from
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
        # By the size of each row: one huge value must not excuse all others.
        usual = max(float(np.median(np.abs(found.scores))), 1e-3)
        size = np.maximum(np.abs(found.scores), usual)
        return compare_scores(scores_from(table, name), found.scores, scale=size)
    declared_scores = _scores(table, name, classes=[], positive=positive)
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
        said = _scores(table, name, classes=classes, positive=positive)
        return _answer("binary", said)
    scores = scores_from(table, name)
    within = bool(((scores >= 0) & (scores <= 1)).all())
    if len(classes) == 2 and not within:
        raise UnusableEvidence(
            f"The prediction {name!r} must be a class, or a probability between 0 and "
            "1, since the target has two classes."
        )
    if len(classes) == 2 or (target is None and within):
        said = _scores(table, name, classes=classes, positive=positive)
        return _answer("binary", said)
    return _answer("regression", scores)


def _scores(
    table: Table, name: str, *, classes: Sequence[str], positive: str
) -> Floats:
    """Take declared classes, or probabilities of the positive one, for scores.

    A column of 0 and 1 only holds classes. Text must be one of `classes` (of its own
    when none are given). Raises UnusableEvidence where no word can mean the positive
    class: everybody would be negative, and all groups treated alike.
    """
    if name not in table.texts:
        scores = scores_from(table, name)
        classes_only = positive == "0" and np.isin(scores, (0, 1)).all()
        return 1.0 - scores if classes_only else scores
    words = [_plain(word) for word in _words(table, name)]
    said, meant = set(words), _plain(positive)
    known = {_plain(word) for word in classes} or said
    if not classes and said <= {"0", "1"}:
        known = {"0", "1"}
    if meant not in known or not said <= known:
        raise UnusableEvidence(
            f"The prediction {name!r} says {', '.join(map(repr, sorted(said)[:5]))}; "
            "expected are the classes of the target, and one that means "
            f"{positive!r}."
        )
    return np.array([word == meant for word in words], np.float64)


def _plain(word: str) -> str:
    """The word, or 1 and 0 where it says yes and no."""
    for no_and_yes in YES_AND_NO:
        if word.lower() in no_and_yes:
            return str(no_and_yes.index(word.lower()))
    return word


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
