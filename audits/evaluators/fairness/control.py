"""Groups compared within the levels of another feature (Simpson's paradox).

In Berkeley's admissions of 1973 men were admitted more often than women, and within
most departments it was the other way round (Bickel, Hammel and O'Connell 1975).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from audits.evaluators.estimates import Estimate, gap, usable
from audits.evaluators.fairness import bootstrap
from audits.evaluators.fairness.cells import Cells, Counts
from audits.evaluators.fairness.found import Found, by_group
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.homogeneity import Test
from audits.evaluators.fairness.options import Options
from audits.evaluators.rates import Floats, lacking

MOST_GROUPS = 300  # that the test's matrix is made for
TEST = "selection_rate_conditional_homogeneity_p"


def counts(grouping: Grouping, cells: Cells, outcome: str, name: str) -> Counts:
    """Rows by group, known level of the control, and whether selected."""
    both = grouping.counts(cells, name, outcome)
    return both.reshape(len(both), -1, 2)[:, : len(_levels(cells, name))]


def _levels(cells: Cells, name: str) -> list[str]:
    axis = next(axis for axis in cells.axes if axis.name == name)
    return [level for level in axis.levels if level is not None]


def compare_within(grouping: Grouping, within: Counts, options: Options) -> Found:
    """Measure selection rates of groups as if all had the same mix of the control."""
    reasons = [
        lacking(word, n, n, "rows", options.smallest)
        for word, n in zip(
            grouping.words, within.sum(axis=(1, 2)).tolist(), strict=True
        )
    ]
    rates, worst = bootstrap.by_group(
        within, _standardised, grouping.words, reasons, options, of=grouping.name
    )
    shares, _ = bootstrap.by_group(
        within, _demographic, grouping.words, reasons, options, of=grouping.name
    )
    numbers = {
        "adjusted_selection_rate": rates,
        "conditional_demographic_disparity": shares,
    }
    found = Found(measurements=by_group(grouping, numbers))
    feature, leave_out = grouping.name, options.leave_out
    name = "adjusted_demographic_parity_difference"
    found.measurements.append(
        gap(name, rates, worst, feature=feature, leave_out=leave_out)
    )
    found.tests[feature, TEST] = _test(rates, within, leave_out=leave_out)
    return found


def table(
    grouping: Grouping, within: Counts, cells: Cells, name: str
) -> dict[str, Any]:
    """Rows and selected rows by level of the control and group, as plain JSON."""
    return {
        "feature": grouping.name,
        "control": name,
        "levels": [
            {
                "level": level,
                "groups": [
                    {
                        "group": grouping.words[place],
                        "rows": int(within[place, number].sum()),
                        "selected": int(within[place, number, 1]),
                    }
                    for place in grouping.listed
                ],
            }
            for number, level in enumerate(_levels(cells, name))
        ],
    }


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


def _test(rates: list[Estimate], within: Counts, *, leave_out: bool) -> Test:
    _, because = usable(rates, leave_out=leave_out)
    if because:
        return Test(None, because=because)
    return _conditional(within[[not one.because for one in rates]])


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
