"""Several classes: each against the rest, and the averages over all."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import UnusableEvidence
from audits.evaluators.estimates import gap
from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Cells, Counts, count, numbered
from audits.evaluators.fairness.comparison import compare
from audits.evaluators.fairness.found import Found, by_group
from audits.evaluators.fairness.groups import Grouping, fitted, groupings
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.question import LABEL, PREDICTION, Question
from audits.evaluators.rates import (
    CORRECT,
    RATES,
    SELECTION,
    Floats,
    lacking,
    one_against_rest,
)

MOST_CLASSES = 100
ONE_BY_ONE = 20  # classes that are compared with the rest
NAMED = 60  # characters of a class beside the name of a group
# One against rest, nearly every row is "right" for a rare class.
_ONE = {name: rate for name, rate in RATES.items() if name != "accuracy"}


def measure(question: Question) -> Found:
    """Compare predicted classes, with the true ones where these are known.

    Raises UnusableEvidence.
    """
    target, k = question.target, len(question.classes)
    if not 2 <= k <= MOST_CLASSES or question.scores.shape[1:] != (k,):
        raise UnusableEvidence(
            f"Fairness is measured for 2 to {MOST_CLASSES} classes, with a score for "
            "each row and class."
        )
    if len(set(question.classes)) < k:
        raise UnusableEvidence("Two classes have the same name.")
    if target is not None and not ((target >= 0) & (target < k)).all():
        raise UnusableEvidence("The target holds values that are no class.")
    chosen = question.scores.argmax(axis=1).astype(np.uint8)
    outcomes = {PREDICTION: numbered(PREDICTION, chosen, k)}
    if target is not None:
        label = numbered(LABEL, target.astype(np.uint8), k)
        outcomes = {LABEL: label, **outcomes}
    cells = count([*question.columns, *outcomes.values()])
    found = Found(groupings(cells, question.features))
    told = _largest([cells.over([name]) for name in outcomes], k)
    compare_one = _choices if target is None else _classes
    for grouping in found.groupings:
        counts = grouping.counts(cells, *outcomes)
        found.add(compare_one(grouping, counts, question, told))
    found.summary = {"classes": list(question.classes)}
    if len(told) < k:
        found.warnings.append(
            f"Only the {len(told)} most frequent of {k} classes are compared with the "
            "rest; accuracy and averages are of all."
        )
    return found


def _largest(outcomes: Sequence[Cells], classes: int) -> list[int]:
    """The classes to be told one by one: predicted, or true, in most rows."""
    rows = np.zeros(classes, dtype=np.int64)
    for cells in outcomes:
        rows[cells.keys] += cells.counts
    most: list[int] = np.argsort(-rows, kind="stable")[:ONE_BY_ONE].tolist()
    return sorted(most)


def _classes(
    grouping: Grouping, counts: Counts, question: Question, told: Sequence[int]
) -> Found:
    """Each class against the rest, and accuracy and averages of all.

    `counts` is group by true class by predicted class.
    """
    k, options = len(question.classes), question.options
    right = counts.reshape(-1, k, k).trace(axis1=1, axis2=2)
    both = np.stack([counts.sum(axis=1) - right, right], axis=1)
    found = compare(grouping, both, CORRECT, options)
    found.add(_averages(grouping, counts, k, options))
    for number in told:
        one = one_against_rest(counts, number, k)
        named = grouping.named(_suffix(question.classes[number]))
        found.add(compare(named, one, _ONE, options))
    return found


def _choices(
    grouping: Grouping, counts: Counts, question: Question, told: Sequence[int]
) -> Found:
    """Without a target: how often each class is predicted for each group."""
    found = Found()
    for number in told:
        chosen = counts[:, number]
        both = np.stack([counts.sum(axis=1) - chosen, chosen], axis=1)
        named = grouping.named(_suffix(question.classes[number]))
        found.add(compare(named, both, SELECTION, question.options))
    return found


def _suffix(name: str) -> str:
    return f" | class {fitted(name, NAMED)}"


def _averages(
    grouping: Grouping, counts: Counts, classes: int, options: Options
) -> Found:
    reasons = [
        lacking(word, n, n, "rows", options.smallest)
        for word, n in zip(grouping.words, grouping.rows.tolist(), strict=True)
    ]
    numbers, gaps = {}, []
    for name, of_classes in (("balanced_accuracy", recalls), ("macro_f1", f1s)):
        averaged = partial(_average, of_classes=of_classes, classes=classes)
        groups, worst = bootstrap.by_group(
            counts, averaged, grouping.words, reasons, options, of=grouping.name
        )
        numbers[name] = groups
        feature, leave_out = grouping.name, options.leave_out
        gaps.append(
            gap(
                f"{name}_difference",
                groups,
                worst,
                feature=feature,
                leave_out=leave_out,
            )
        )
    return Found(measurements=[*by_group(grouping, numbers), *gaps])


def recalls(table: Counts) -> Floats:
    """The recall of each class; the last two axes are truth and prediction."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        found: Floats = right / table.sum(axis=-1)
    return found


def f1s(table: Counts) -> Floats:
    """The F1 of each class; the last two axes are truth and prediction."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        found: Floats = 2 * right / (table.sum(axis=-1) + table.sum(axis=-2))
    return found


def _average(
    drawn: Counts,
    _places: NDArray[np.int64],
    *,
    of_classes: Callable[[Counts], Floats],
    classes: int,
) -> Floats:
    """The mean over the classes, NaN where one of them does not occur."""
    found: Floats = of_classes(drawn.reshape(*drawn.shape[:-1], classes, classes)).mean(
        axis=-1
    )
    return found
