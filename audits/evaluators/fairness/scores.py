"""Scores by group: order (AUC), calibration and mean, from bins of 1/1024.

Bins are a power of two wide, so that no score is rounded into the wrong one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.discrimination import Ranking, auc_variance, logit_interval
from audits.evaluators.estimates import Estimate, difference, gap
from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Cells, Coded, Counts, numbered
from audits.evaluators.fairness.found import Found, by_group
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.means import Means, mean_estimates
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.question import BIN, LABEL
from audits.evaluators.rates import lacking

Floats = NDArray[np.float64]
BINS = 1024
SIZE = BINS + 1  # a score of 1 has a bin of its own: it reaches every threshold
WIDE = 10  # bins of the calibration
# The ten bins of performance, to the nearest fine bin.
_EDGES = np.round(np.linspace(0, BINS, WIDE + 1)).astype(np.int64)
_MIDDLES = np.minimum((np.arange(SIZE) + 0.5) / BINS, 1.0)


def binned(scores: Floats) -> Coded:
    """The bin of each score, which must lie within [0, 1]."""
    codes = np.empty(len(scores), dtype=np.uint16)
    np.multiply(scores, BINS, out=codes, casting="unsafe")
    return numbered(BIN, codes, SIZE)


def histogram(grouping: Grouping, cells: Cells) -> Counts:
    """Rows by group, label (of the score's class) and bin."""
    return grouping.counts(cells, LABEL, BIN).reshape(-1, 2, SIZE)


def compare_scores(
    grouping: Grouping, histogram: Counts, means: Means, options: Options
) -> Found:
    """Measure AUC, calibration error and mean score of each group, and their gaps.

    `histogram` is group by label by bin; the label is 1 for the class that the score
    is the probability of.
    """
    by_name = {
        "roc_auc": [
            _auc(word, each, options.smallest)
            for word, each in zip(grouping.words, histogram, strict=True)
        ],
        "mean_score": mean_estimates(means, grouping, smallest=options.smallest),
    }
    errors, worst = _calibration(grouping, histogram, options)
    found = Found(measurements=by_group(grouping, {**by_name, "ece": errors}))
    feature, leave_out = grouping.name, options.leave_out
    found.measurements += [
        difference(f"{name}_difference", groups, feature=feature, leave_out=leave_out)
        for name, groups in by_name.items()
    ]
    found.measurements.append(
        gap("ece_difference", errors, worst, feature=feature, leave_out=leave_out)
    )
    return found


def _auc(word: str, histogram: Counts, smallest: int) -> Estimate:
    negatives, positives = histogram
    rows, fewer = int(histogram.sum()), int(min(negatives.sum(), positives.sum()))
    because = lacking(word, rows, fewer, "rows of one of the two classes", smallest)
    if because:
        return Estimate(word, n=rows, because=because)
    # Highest score first, as a ranking is.
    ranked = Ranking(_MIDDLES[::-1], positives[::-1], negatives[::-1])
    area, variance = auc_variance(ranked)
    together = float(positives @ negatives) / (positives.sum() * negatives.sum()) / 2
    lower, upper = logit_interval(area, variance) if variance > 0 else (None, None)
    return Estimate(
        word,
        area,
        lower,
        upper,
        n=rows,
        method=f"bins of 1/{BINS}, exact to {together:.1e}; DeLong interval",
    )


def _calibration(
    grouping: Grouping, histogram: Counts, options: Options
) -> tuple[list[Estimate], Estimate]:
    """Expected calibration error of each group, and the largest minus the smallest."""
    counts, means = _wide(histogram)

    def errors(drawn: Counts, places: NDArray[np.int64]) -> Floats:
        rows = drawn.sum(axis=2)
        gaps = np.abs(drawn[:, :, 1] - rows * means[places]).sum(axis=2)
        with np.errstate(invalid="ignore"):
            found: Floats = gaps / rows.sum(axis=2)
        return found

    reasons = [
        lacking(word, n, n, "rows", options.smallest)
        for word, n in zip(grouping.words, grouping.rows.tolist(), strict=True)
    ]
    found, worst = bootstrap.by_group(
        counts, errors, grouping.words, reasons, options, of=grouping.name
    )
    method = f"{WIDE} bins, scores to 1/{2 * BINS}; {worst.method}"
    named = [one if one.because else replace(one, method=method) for one in found]
    return named, replace(worst, method=method)


def _wide(histogram: Counts) -> tuple[Counts, Floats]:
    """Group by label by wide bin, and the mean score of group and wide bin."""
    counts = np.add.reduceat(histogram, _EDGES[:-1], axis=2)
    both = histogram.sum(axis=1)
    totals = np.add.reduceat(both * _MIDDLES, _EDGES[:-1], axis=1)
    rows = np.add.reduceat(both, _EDGES[:-1], axis=1)
    means: Floats = totals / np.maximum(rows, 1)
    return counts, means


def calibration_table(
    grouping: Grouping, histogram: Counts, places: Sequence[int]
) -> dict[str, Any]:
    """Mean score and share of positives by bin, for a chart of some groups."""
    counts, means = _wide(histogram)
    edges = (_EDGES / BINS).tolist()
    groups = []
    for place in places:
        bins = []
        for number in range(WIDE):
            negatives, positives = counts[place, :, number].tolist()
            rows = negatives + positives
            bins.append(
                {
                    "from": edges[number],
                    "to": edges[number + 1],
                    "rows": rows,
                    "mean_score": float(means[place, number]) if rows else None,
                    "share_positive": positives / rows if rows else None,
                }
            )
        groups.append({"group": grouping.words[place], "bins": bins})
    return {"feature": grouping.name, "groups": groups}
