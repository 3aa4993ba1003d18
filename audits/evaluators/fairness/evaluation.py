"""Fairness from end to end: rows in, measurements, tables and limits out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import Evaluation, UnusableEvidence, versions_of
from audits.evaluators.fairness import control, law144, scores, sweep
from audits.evaluators.fairness.cells import (
    Cells,
    Coded,
    Words,
    coded,
    count,
    numbered,
)
from audits.evaluators.fairness.comparison import (
    Found,
    compare,
    rates_equal,
    unknown,
)
from audits.evaluators.fairness.groups import Grouping, fitted, groupings
from audits.evaluators.fairness.limits import limits, warnings
from audits.evaluators.fairness.means import means, plain
from audits.evaluators.fairness.multiclass import compare_choices, compare_classes
from audits.evaluators.fairness.options import Options, options
from audits.evaluators.fairness.rates import CHOSEN, RATES, SCORING
from audits.evaluators.fairness.regression import compare_values

Floats = NDArray[np.float64]
# No column of a person's data is called so.
LABEL, PREDICTION, BIN, ABOVE = "\0label", "\0prediction", scores.BIN, "\0above"
MOST_CLASSES = 50


@dataclass(frozen=True)
class Question:
    """What is to be compared: rows by group, what was predicted, and the truth."""

    columns: tuple[Coded, ...]
    scores: Floats
    target: NDArray[Any] | None
    options: Options

    @property
    def compared(self) -> list[str]:
        """The features whose groups are compared: all but the control."""
        names = [column.axis.name for column in self.columns]
        return [name for name in names if name != self.options.control]


def evaluate(
    *,
    target: NDArray[Any] | None,
    scores: Floats,
    sensitive: Mapping[str, Words | Coded],
    task: str = "binary",
    classes: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Compare groups: each sensitive feature alone and, if several, all together.

    `sensitive` are words with None for unknown, or codes (`cells`). By task:
    "binary": `target` is 0 or 1, `scores` the probability of 1; "multiclass": `target`
    the place of the class in `classes`, `scores` a probability for each row and class;
    "regression": both are numbers. Without a target (None) only predictions are
    compared: selection rates, and the share above the median.

    Settings: `threshold` (0 to 1, default 0.5), `favourable` (0 or 1, default 1: which
    outcome, or end of the scale, is good for the person), `minimum_group_size` (rows
    that a rate must rest on, default 30), `small_groups` ("refuse", the default, or
    "leave out"), `bootstrap_rounds` (default 2000), `seed`, `cross_check` (also ask
    fairlearn), `control` (a sensitive feature within whose levels the others are
    compared). Raises UnusableEvidence.
    """
    asked = options(config or {})
    columns = tuple(
        words if isinstance(words, Coded) else coded(name, words)
        for name, words in sensitive.items()
    )
    _check(target, scores, columns, asked)
    question = Question(columns, scores, target, asked)
    if task == "binary":
        return _binary(question)
    if task == "multiclass":
        return _multiclass(question, classes)
    if task == "regression":
        return _regression(question)
    raise UnusableEvidence(f"Fairness is not measured for the task {task!r}.")


def _check(
    target: NDArray[Any] | None,
    scores: Floats,
    columns: Sequence[Coded],
    asked: Options,
) -> None:
    if not columns:
        raise UnusableEvidence("The data declare no sensitive feature.")
    lengths = {len(scores), *(len(column.codes) for column in columns)}
    if target is not None:
        lengths.add(len(target))
    if len(lengths) != 1 or lengths == {0}:
        raise UnusableEvidence("Targets, scores and groups differ in length.")
    if not np.isfinite(scores).all():
        raise UnusableEvidence("The scores hold values that are not finite numbers.")
    for column in columns:
        if not column.known:
            name = fitted(column.axis.name)
            raise UnusableEvidence(f"The sensitive feature {name!r} is empty.")
        if column.axis.name.startswith("\0"):
            raise UnusableEvidence("No column's name may begin with a zero byte.")
    if asked.control and asked.control not in {c.axis.name for c in columns}:
        raise UnusableEvidence(
            f"The setting 'control' names {asked.control!r}, which is not a sensitive "
            "feature of these data."
        )
    if asked.control and len(columns) == 1:
        raise UnusableEvidence("Beside the control there is no feature to compare.")


def _binary(question: Question) -> Evaluation:
    asked, target = question.options, question.target
    if target is not None and not np.isin(target, (0, 1)).all():
        raise UnusableEvidence("The target holds values other than 0 and 1.")
    if question.scores.min() < 0 or question.scores.max() > 1:
        raise UnusableEvidence(
            "The scores are not probabilities between 0 and 1; declare the task as "
            "regression if they are points on another scale."
        )
    predicted = _bits((question.scores >= asked.threshold) == asked.favourable)
    above = numbered(ABOVE, _above_median(question.scores, asked.favourable), 2)
    chosen = numbered(PREDICTION, predicted, 2)
    found = Found()
    summary: dict[str, Any] = {}
    if target is None:
        cells = count([*question.columns, chosen, above])
        compared = groupings(cells, question.compared)
        for grouping in compared:
            counts = grouping.counts(cells, PREDICTION, ABOVE)
            found.add(compare(grouping, counts, CHOSEN, asked))
    else:
        label = numbered(LABEL, _bits(target == 1), 2)
        binned = scores.binned(question.scores)
        cells = count([*question.columns, label, chosen, binned])
        compared = groupings(cells, question.compared)
        found, summary = _labelled(question, cells, compared)
        if asked.cross_check:
            summary["cross_check"] = _cross_check(question, found, compared, predicted)
    if asked.control:
        summary["control"] = _controlled(found, cells, compared, asked)
    summary["local_law_144"] = {
        "selection": law144.tables(cells, question.compared, PREDICTION),
        **_scoring(question, above),
    }
    return _evaluation(question, found, compared, summary)


def _labelled(
    question: Question, cells: Cells, compared: Sequence[Grouping]
) -> tuple[Found, dict[str, Any]]:
    """Rates, scores, sweep and calibration where the truth is known."""
    asked, found = question.options, Found()
    sweeps, calibrations = [], []
    confusion = cells.over([axis.name for axis in cells.axes if axis.name != BIN])
    for grouping in compared:
        counts = grouping.counts(confusion, LABEL, PREDICTION)
        if not asked.favourable:  # the label is of the class; rates are of the good
            counts = counts[:, [2, 3, 0, 1]]
        found.add(compare(grouping, counts, RATES, asked))
        if len(grouping.keys) > scores.SCORED:
            continue
        histogram = grouping.counts(cells, LABEL, BIN)
        histogram = histogram.reshape(-1, 2, scores.SIZE)
        places = grouping.of_rows(question.columns)
        averages = means(plain(question.scores), places, len(grouping.keys))
        found.add(scores.compare_scores(grouping, histogram, averages, asked))
        sweeps.append(sweep.sweep(grouping, histogram, asked))
        shown = sweep.shown(grouping, asked)
        calibrations.append(scores.calibration_table(grouping, histogram, shown))
    return found, {"threshold_sweep": sweeps, "calibration_by_group": calibrations}


def _multiclass(question: Question, classes: Sequence[str]) -> Evaluation:
    target, k = question.target, len(classes)
    if not 2 <= k <= MOST_CLASSES or question.scores.shape[1:] != (k,):
        raise UnusableEvidence(
            f"Fairness is measured for 2 to {MOST_CLASSES} classes, with a score for "
            "each row and class."
        )
    if target is not None and not ((target >= 0) & (target < k)).all():
        raise UnusableEvidence("The target holds values that are no class.")
    chosen = numbered(PREDICTION, question.scores.argmax(axis=1).astype(np.uint8), k)
    outcomes = [chosen]
    if target is not None:
        outcomes.insert(0, numbered(LABEL, target.astype(np.uint8), k))
    cells = count([*question.columns, *outcomes])
    compared, found = groupings(cells, question.compared), Found()
    for grouping in compared:
        counts = grouping.counts(cells, *(outcome.axis.name for outcome in outcomes))
        measure = compare_choices if target is None else compare_classes
        found.add(measure(grouping, counts, classes, question.options))
    return _evaluation(question, found, compared, {"classes": list(classes)})


def _regression(question: Question) -> Evaluation:
    target = question.target
    if target is not None and not np.isfinite(target).all():
        raise UnusableEvidence("The target holds values that are not finite numbers.")
    asked = question.options
    above = numbered(ABOVE, _above_median(question.scores, asked.favourable), 2)
    cells = count([*question.columns, above])
    compared, found = groupings(cells, question.compared), Found()
    for grouping in compared:
        values = compare_values(
            grouping, question.columns, question.scores, target, asked
        )
        rates = compare(grouping, grouping.counts(cells, ABOVE), SCORING, asked)
        found.add(joined(values, rates))
    summary = {"local_law_144": _scoring(question, above)}
    return _evaluation(question, found, compared, summary)


def joined(values: Found, rates: Found) -> Found:
    """Both as one: the tables of the same groups side by side, groups counted once."""
    for one, other in zip(values.tables, rates.tables, strict=True):
        for mine, theirs in zip(one["groups"], other["groups"], strict=True):
            mine["rates"] |= theirs["rates"]
    kept = [m for m in rates.measurements if m.name != "count"]
    return Found(values.measurements + kept, values.tables, values.tests | rates.tests)


def _scoring(question: Question, above: Coded) -> dict[str, Any]:
    cells = count([*question.columns, above])
    return {
        "scoring": law144.tables(cells, question.compared, ABOVE),
        "sample_median": float(np.median(question.scores)),
        "rule": "strictly beyond the median of the full sample, unknowns included",
    }


def _above_median(values: Floats, favourable: int) -> NDArray[np.uint8]:
    """1 where a score is better than the median of all."""
    median = np.median(values)
    return _bits(values > median if favourable else values < median)


def _bits(flags: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return flags.view(np.uint8)


def _controlled(
    found: Found, cells: Cells, compared: Sequence[Grouping], asked: Options
) -> list[dict[str, Any]]:
    for grouping in compared:
        found.add(control.compare_within(grouping, cells, PREDICTION, asked))
    return [
        control.levels(grouping, cells, PREDICTION, asked.control)
        for grouping in compared
    ]


def _cross_check(
    question: Question,
    found: Found,
    compared: Sequence[Grouping],
    predicted: NDArray[np.uint8],
) -> dict[str, Any]:
    # On demand: its import costs a second and 160 MiB.
    from audits.evaluators.fairness import reference  # noqa: PLC0415

    truth = np.asarray(question.target == question.options.favourable, np.uint8)
    agreed = sum(
        reference.check(
            found.measurements,
            grouping,
            grouping.of_rows(question.columns),
            truth,
            predicted,
        )
        for grouping in compared
    )
    return {
        "reference": "fairlearn MetricFrame",
        "numbers_that_agree": agreed,
        "agreement": reference.AGREEMENT,
        "versions": versions_of("fairlearn", "scikit-learn"),
    }


def _evaluation(
    question: Question,
    found: Found,
    compared: Sequence[Grouping],
    summary: Mapping[str, Any],
) -> Evaluation:
    return Evaluation(
        measurements=(
            *found.measurements,
            *(unknown(grouping) for grouping in compared),
            *rates_equal(found.tests),
        ),
        summary={
            "rows": len(question.scores),
            **question.options.summary,
            "features": found.tables,
            "p_values": {
                f"{feature}: {name.removesuffix('_homogeneity_p')}": {
                    "p": test.p,
                    "method": test.method,
                    "because": test.because,
                }
                for (feature, name), test in found.tests.items()
            },
            **summary,
        },
        warnings=warnings(compared, question.options),
        limits=limits(question.options, has_target=question.target is not None),
        versions=versions_of("numpy", "scipy"),
    )
