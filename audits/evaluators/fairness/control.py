"""Groups compared within the levels of another feature (Simpson's paradox).

In Berkeley's admissions of 1973 men were admitted more often than women, and within
most departments it was the other way round (Bickel, Hammel and O'Connell 1975).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Cells, Counts
from audits.evaluators.fairness.comparison import Found
from audits.evaluators.fairness.estimates import gap, usable
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.homogeneity import Test
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.rates import Floats, lacking

MOST_GROUPS = 300  # that the test's matrix is made for
TEST = "selection_rate_conditional_homogeneity_p"


def compare_within(
    grouping: Grouping, cells: Cells, outcome: str, options: Options
) -> Found:
    """Measure selection rates of groups as if all had the same mix of the control.

    `outcome` is the axis that is 1 where selected; rows whose control is unknown are
    left out.
    """
    counts = _by_level(grouping, cells, outcome, options.control)
    found = Found()
    rows = counts.sum(axis=(1, 2)).tolist()
    reasons = [
        lacking(word, n, n, "rows", options.smallest)
        for word, n in zip(grouping.words, rows, strict=True)
    ]
    rates, worst = bootstrap.by_group(
        counts, _standardised, grouping.words, reasons, options, of=grouping.name
    )
    shares, _ = bootstrap.by_group(
        counts, _demographic, grouping.words, reasons, options, of=grouping.name
    )
    for place in grouping.listed:
        label = grouping.labels[place]
        found.measurements += [
            rates[place].measured("adjusted_selection_rate", label),
            shares[place].measured("conditional_demographic_disparity", label),
        ]
    feature, leave_out = grouping.name, options.leave_out
    found.measurements.append(
        gap(
            "adjusted_demographic_parity_difference",
            rates,
            worst,
            feature=feature,
            leave_out=leave_out,
        )
    )
    _, because = usable(rates, leave_out=leave_out)
    kept = np.array([not one.because for one in rates], dtype=bool)
    found.tests[feature, TEST] = (
        Test(None, because=because) if because else _conditional(counts[kept])
    )
    return found


def levels(
    grouping: Grouping, cells: Cells, outcome: str, control: str
) -> dict[str, Any]:
    """Rows and selected rows by group and level of the control, as plain JSON."""
    counts = _by_level(grouping, cells, outcome, control)
    names = _names(cells, control)
    return {
        "feature": grouping.name,
        "control": control,
        "levels": [
            {
                "level": name,
                "groups": [
                    {
                        "group": grouping.words[place],
                        "rows": int(counts[place, number].sum()),
                        "selected": int(counts[place, number, 1]),
                    }
                    for place in grouping.listed
                ],
            }
            for number, name in enumerate(names)
        ],
    }


def _names(cells: Cells, control: str) -> list[str]:
    axis = next(axis for axis in cells.axes if axis.name == control)
    return [level for level in axis.levels if level is not None]


def _by_level(grouping: Grouping, cells: Cells, outcome: str, control: str) -> Counts:
    """Counts by group, known level of the control, and whether selected."""
    both = grouping.counts(cells, control, outcome)
    return both.reshape(len(both), -1, 2)[:, : len(_names(cells, control))]


def _standardised(drawn: Counts, _places: NDArray[np.int64]) -> Floats:
    """Direct standardisation: each level weighs as it does in all groups together.

    NaN for a group without rows in one of the levels.
    """
    rows = drawn.sum(axis=-1)
    weight = rows.sum(axis=1, keepdims=True) / rows.sum(axis=(1, 2), keepdims=True)
    with np.errstate(invalid="ignore"):
        found: Floats = (drawn[..., 1] / rows * weight).sum(axis=-1)
    return found


def _demographic(drawn: Counts, _places: NDArray[np.int64]) -> Floats:
    """Conditional demographic disparity (Wachter, Mittelstadt and Russell 2021).

    A group's share of the refused minus its share of the selected, averaged over the
    levels by their rows; a level that treats all alike adds nothing.
    """
    totals = drawn.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = drawn / totals
    gaps = np.nan_to_num(shares[..., 0] - shares[..., 1])
    gaps *= (totals > 0).all(axis=-1)
    rows = drawn.sum(axis=(1, 3))
    found: Floats = (gaps * rows[:, None]).sum(axis=-1) / rows.sum(
        axis=1, keepdims=True
    )
    return found


def _conditional(counts: Counts) -> Test:
    """Cochran-Mantel-Haenszel test for several groups (Landis, Heyman, Koch 1978)."""
    groups = len(counts)
    if groups > MOST_GROUPS:
        return Test(None, because=f"not estimable: more than {MOST_GROUPS} groups")
    gaps, covariance = np.zeros(groups), np.zeros((groups, groups))
    for level in range(counts.shape[1]):
        rows = counts[:, level].sum(axis=1).astype(float)
        hits, total = float(counts[:, level, 1].sum()), rows.sum()
        if total < 2:
            continue
        share = hits / total
        gaps += counts[:, level, 1] - rows * share
        scale = share * (1 - share) / (total - 1)
        covariance += scale * (np.diag(rows) * total - np.outer(rows, rows))
    rank = int(np.linalg.matrix_rank(covariance))
    if rank == 0:
        return Test(1.0, "every level treats all alike")
    statistic = float(gaps @ np.linalg.pinv(covariance) @ gaps)
    return Test(float(chdtrc(rank, statistic)), "Cochran-Mantel-Haenszel test")
