"""New York City's Local Law 144: the tables that a bias audit must publish.

Rules of the City of New York, title 6, section 5-301: the rate of each category by the
highest rate, for each feature and each two together. The law knows sex, race/ethnicity
and both; which features are these is for the reader to pick.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from audits.evaluators.fairness.cells import Cells, count
from audits.evaluators.fairness.groups import Grouping, grouping
from audits.evaluators.fairness.question import ABOVE, Question
from audits.evaluators.intervals import ratio, wilson

SMALL = 0.02  # of the sample: may be left out of the calculation, section 5-301 (d)
FOUR_FIFTHS = 0.8
PAIRS = 15  # tables of two features together


def tables(cells: Cells, features: Sequence[str], outcome: str) -> list[dict[str, Any]]:
    """Rates and impact ratios by category; `outcome` is 1 where selected.

    Unknowns are counted and in no category. Categories below 2 % are in the table with
    their number and rate, and there are two impact ratios: with and without them.
    """
    asked: list[tuple[str, ...]] = [(name,) for name in features]
    asked += list(combinations(features, 2))[:PAIRS]
    found = []
    for names in asked:
        groups = grouping(cells, names)
        counts = groups.counts(cells, outcome)
        found.append(_table(groups, counts[:, 1].tolist()))
    return found


def scoring(question: Question) -> dict[str, Any]:
    """The same for scores: selected is whoever is beyond the full sample's median."""
    cells = count([*question.columns, question.above])
    return {
        "scoring": tables(cells, question.compared, ABOVE),
        "sample_median": float(np.median(question.scores)),
        "rule": "strictly beyond the median of the full sample, unknowns included",
    }


def _table(groups: Grouping, selected: list[int]) -> dict[str, Any]:
    total = int(groups.rows.sum())
    rows = [int(n) for n in groups.rows]
    small = [n < SMALL * total for n in rows]
    every = list(zip(selected, rows, strict=True))
    best = _best(every)
    best_kept = _best(
        [pair for pair, left in zip(every, small, strict=True) if not left]
    )
    categories = [
        {
            "category": groups.words[place],
            "n": every[place][1],
            "selected": every[place][0],
            "share_of_sample": every[place][1] / total,
            "below_2_percent": small[place],
            **_rate(*every[place]),
            **_impact(*every[place], best),
            "impact_ratio_without_small": None
            if small[place] or best_kept is None
            else _by_best(*every[place], best_kept),
        }
        for place in groups.listed
    ]
    return {
        "features": list(groups.features),
        "categories": categories,
        "categories_in_all": len(rows),
        "applicants": total,
        "unknown": groups.unknown,
        "because": ""
        if best
        else "not applicable: the highest rate is 0, so there is no impact ratio",
    }


def _best(pairs: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The category with the highest rate; none where nobody is selected."""
    best = max(pairs, key=lambda pair: pair[0] / pair[1], default=None)
    return best if best and best[0] else None


def _by_best(hits: int, n: int, best: tuple[int, int]) -> float:
    return (hits / n) / (best[0] / best[1])


def _rate(hits: int, n: int) -> dict[str, float]:
    lower, upper = wilson(hits, n)
    return {"rate": hits / n, "lower": lower, "upper": upper}


def _impact(hits: int, n: int, best: tuple[int, int] | None) -> dict[str, Any]:
    if best is None:
        return {
            "impact_ratio": None,
            "impact_ratio_lower": None,
            "impact_ratio_upper": None,
            "below_four_fifths": None,
        }
    impact = _by_best(hits, n, best)
    same = (hits, n) == best
    lower, upper = (None, None) if same else ratio(hits, n, *best)
    return {
        "impact_ratio": impact,
        "impact_ratio_lower": lower,
        "impact_ratio_upper": upper,
        # On the unrounded number: 0.7999 reads as 0.80 and is below.
        "below_four_fifths": impact < FOUR_FIFTHS,
    }
