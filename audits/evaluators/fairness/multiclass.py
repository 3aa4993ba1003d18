"""Several classes: each against the rest, and the averages over all."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.comparison import Found, compare
from audits.evaluators.fairness.estimates import gap
from audits.evaluators.fairness.groups import Grouping, fitted
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.rates import (
    CORRECT,
    RATES,
    SELECTION,
    Floats,
    lacking,
    one_against_rest,
)

NAMED = 60  # characters of a class beside the name of a group
# One against rest, nearly every row is "right" for a rare class.
_ONE = {name: rate for name, rate in RATES.items() if name != "accuracy"}


def compare_classes(
    grouping: Grouping, counts: Counts, classes: Sequence[str], options: Options
) -> Found:
    """Measure each class against the rest, and accuracy and averages of all.

    `counts` is group by true class by predicted class.
    """
    k = len(classes)
    right = counts.reshape(-1, k, k).trace(axis1=1, axis2=2)
    found = compare(
        grouping,
        np.stack([counts.sum(axis=1) - right, right], axis=1),
        CORRECT,
        options,
    )
    found.add(_averages(grouping, counts, k, options))
    for number, name in enumerate(classes):
        of = f" | class {fitted(name, NAMED)}"
        one = one_against_rest(counts, number, k)
        found.add(compare(grouping, one, _ONE, options, of=of))
    return found


def compare_choices(
    grouping: Grouping, counts: Counts, classes: Sequence[str], options: Options
) -> Found:
    """Without a target: how often each class is predicted for each group."""
    found = Found()
    for number, name in enumerate(classes):
        chosen = counts[:, number]
        both = np.stack([counts.sum(axis=1) - chosen, chosen], axis=1)
        of = f" | class {fitted(name, NAMED)}"
        found.add(compare(grouping, both, SELECTION, options, of=of))
    return found


def _averages(
    grouping: Grouping, counts: Counts, classes: int, options: Options
) -> Found:
    reasons = [
        lacking(word, n, n, "rows", options.smallest)
        for word, n in zip(grouping.words, grouping.rows.tolist(), strict=True)
    ]
    found = Found()
    for name, of_classes in (("balanced_accuracy", recalls), ("macro_f1", f1s)):
        averaged = partial(_average, of_classes=of_classes, classes=classes)
        groups, worst = bootstrap.by_group(
            counts, averaged, grouping.words, reasons, options, of=grouping.name
        )
        found.measurements += [
            groups[place].measured(name, grouping.labels[place])
            for place in grouping.listed
        ]
        found.measurements.append(
            gap(
                f"{name}_difference",
                groups,
                worst,
                feature=grouping.name,
                leave_out=options.leave_out,
            )
        )
    return found


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
