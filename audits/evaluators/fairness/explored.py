"""Rows by group, class and score, so that other thresholds can be tried later."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from audits.evaluators import threshold_counts
from audits.evaluators.fairness.cells import Cells, Coded, count, numbered
from audits.evaluators.fairness.groups import MANY, Grouping
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.question import LABEL, Question

REACHED = "\0reached"
MOST = 40  # groups of a feature whose counts are kept


def counted(
    question: Question, label: Coded, groupings: Sequence[Grouping]
) -> dict[str, Any]:
    """Counts of all rows, and of each group that is large enough.

    Of smaller groups only their size is kept: counts of few rows would tell the score
    of single people.
    """
    places = threshold_counts.thresholds(question.options.threshold)
    codes = threshold_counts.reached(question.scores, places)
    reached = numbered(REACHED, codes, len(places))
    cells = count([*question.columns, label, reached])
    every = cells.over([LABEL, REACHED])
    counts = np.zeros(2 * len(places), dtype=np.int64)
    counts[every.keys] = every.counts
    return {
        "thresholds": places.tolist(),
        "all": threshold_counts.plain(counts.reshape(2, -1)),
        "features": [
            _feature(grouping, cells, question.options, len(places))
            for grouping in groupings
            if len(grouping.keys) <= MANY
        ],
    }


def _feature(
    grouping: Grouping, cells: Cells, options: Options, size: int
) -> dict[str, Any]:
    counts = grouping.counts(cells, LABEL, REACHED).reshape(-1, 2, size)
    largest = np.argsort(-grouping.rows, kind="stable")[:MOST]
    told = {int(p) for p in largest if grouping.rows[p] >= options.smallest}
    return {
        "feature": grouping.name,
        "groups": [
            {"group": word, "rows": int(grouping.rows[place])}
            | (threshold_counts.plain(counts[place]) if place in told else {})
            for place, word in enumerate(grouping.words)
        ],
    }
