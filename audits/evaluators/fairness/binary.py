"""Two classes: rates, scores, thresholds, and what the law of New York asks for."""

from typing import Any

import numpy as np

from audits.evaluators.base import UnusableEvidence, versions_of
from audits.evaluators.fairness import control, explored, law144, scores, sweep
from audits.evaluators.fairness.cells import Cells, count
from audits.evaluators.fairness.comparison import compare
from audits.evaluators.fairness.found import Found
from audits.evaluators.fairness.groups import MANY, Grouping, groupings
from audits.evaluators.fairness.means import means, plain
from audits.evaluators.fairness.question import (
    ABOVE,
    BIN,
    LABEL,
    PREDICTION,
    Question,
    bits,
)
from audits.evaluators.rates import CHOSEN, RATES


def measure(question: Question) -> Found:
    """Compare decisions at the threshold, with the truth where it is known.

    Raises UnusableEvidence for scores outside [0, 1] and other targets than 0 and 1.
    """
    _check(question)
    asked = question.options
    chosen = bits(
        PREDICTION, (question.scores >= asked.threshold) == bool(asked.favourable)
    )
    if question.target is None:
        cells = count([*question.columns, chosen, question.above])
        found = Found(groupings(cells, question.features, control=asked.control))
        for grouping in found.groupings:
            counts = grouping.counts(cells, PREDICTION, ABOVE)
            found.add(compare(grouping, counts, CHOSEN, asked))
    else:
        label = bits(LABEL, question.target == 1)
        binned = scores.binned(question.scores)
        cells = count([*question.columns, label, chosen, binned])
        found = _labelled(question, cells)
        found.summary["threshold_counts"] = explored.counted(
            question, label, found.groupings
        )
        if asked.cross_check:
            predicted = chosen.codes
            found.summary["cross_check"] = _cross_check(question, found, predicted)
    if asked.control:
        _add_control(found, cells, asked.control, question)
    found.summary["local_law_144"] = {
        "selection": law144.tables(cells, question.features, PREDICTION),
        **law144.scoring(question),
    }
    return found


def _check(question: Question) -> None:
    target = question.target
    if target is not None and not ((target == 0) | (target == 1)).all():
        raise UnusableEvidence("The target holds values other than 0 and 1.")
    if question.scores.ndim != 1:
        raise UnusableEvidence("Two classes need one score for each row.")
    if question.scores.min() < 0 or question.scores.max() > 1:
        raise UnusableEvidence(
            "The scores are not probabilities between 0 and 1; declare the task as "
            "regression if they are points on another scale."
        )


def _labelled(question: Question, cells: Cells) -> Found:
    """Rates, scores, sweep and calibration where the truth is known."""
    asked = question.options
    found = Found(groupings(cells, question.features, control=asked.control))
    sweeps, calibrations = [], []
    confusion = cells.over([axis.name for axis in cells.axes if axis.name != BIN])
    for grouping in found.groupings:
        counts = grouping.counts(confusion, LABEL, PREDICTION)
        if not asked.favourable:  # the label is the class's, rates are the person's
            counts = counts[:, [2, 3, 0, 1]]
        found.add(compare(grouping, counts, RATES, asked))
        if len(grouping.keys) > MANY:
            continue
        histogram = scores.histogram(grouping, cells)
        found.add(_scored(question, grouping, histogram))
        sweeps.append(sweep.sweep(grouping, histogram, asked))
        shown = sweep.shown(grouping, asked)
        calibrations.append(scores.calibration_table(grouping, histogram, shown))
    found.summary = {"threshold_sweep": sweeps, "calibration_by_group": calibrations}
    return found


def _scored(question: Question, grouping: Grouping, histogram: Any) -> Found:
    places = grouping.of_rows(question.columns)
    averages = means(plain(question.scores), places, len(grouping.keys))
    return scores.compare_scores(grouping, histogram, averages, question.options)


def _add_control(found: Found, cells: Cells, name: str, question: Question) -> None:
    tables = []
    for grouping in found.groupings:
        if name in grouping.features:
            continue
        within = control.counts(grouping, cells, PREDICTION, name)
        found.add(control.compare_within(grouping, within, question.options))
        tables.append(control.table(grouping, within, cells, name))
    found.summary["control"] = tables


def _cross_check(question: Question, found: Found, predicted: Any) -> dict[str, Any]:
    # On demand: its import costs a second and 160 MiB.
    from audits.evaluators.fairness import reference  # noqa: PLC0415

    truth = np.asarray(question.target == question.options.favourable, np.uint8)
    agreed = 0
    for grouping in found.groupings:
        places = grouping.of_rows(question.columns)
        agreed += reference.check(
            found.measurements, grouping, places, truth, predicted
        )
    return {
        "reference": "fairlearn MetricFrame",
        "numbers_that_agree": agreed,
        "agreement": reference.AGREEMENT,
        "versions": versions_of("fairlearn", "scikit-learn"),
    }
