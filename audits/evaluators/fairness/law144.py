"""New York City's Local Law 144: the tables that a bias audit must publish.

Rules of the City of New York, title 6, section 5-301: the rate of each category by the
highest rate, for each feature and each two together. The law knows sex, race/ethnicity
and both; which features are these is for the reader to pick.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from audits.evaluators.fairness.cells import Cells, count
from audits.evaluators.fairness.groups import Grouping, grouping
from audits.evaluators.fairness.question import ABOVE, Question
from audits.evaluators.intervals import ratio, wilson

SMALL = 0.02  # of the sample: may be left out of the calculation, section 5-301 (d)
FOUR_FIFTHS = 0.8
Pair = tuple[int, int]  # selected, and all
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
        "scoring": tables(cells, question.features, ABOVE),
        "sample_median": question.median,
        "rule": "strictly beyond the median of the full sample, unknowns included",
    }


def _table(groups: Grouping, selected: list[int]) -> dict[str, Any]:
    total = int(groups.rows.sum())
    every = list(zip(selected, groups.rows.tolist(), strict=True))
    large = [pair for pair in every if not _small(pair, total)]
    best, best_of_large = _best(every), _best(large)
    return {
        "features": list(groups.features),
        "categories": [
            {
                "category": groups.words[place],
                **_category(every[place], total),
                **_impact(every[place], best),
                "impact_ratio_without_small": None
                if _small(every[place], total) or best_of_large is None
                else _by_best(every[place], best_of_large),
            }
            for place in groups.listed
        ],
        "categories_in_all": len(every),
        "applicants": total,
        "unknown": groups.unknown,
        "because": ""
        if best
        else "not applicable: the highest rate is 0, so there is no impact ratio",
    }


def _small(pair: Pair, total: int) -> bool:
    return pair[1] < SMALL * total


def _best(pairs: Sequence[Pair]) -> Pair | None:
    """The category with the highest rate; none where nobody is selected."""
    best = max(pairs, key=lambda pair: pair[0] / pair[1], default=None)
    return best if best and best[0] else None


def _by_best(pair: Pair, best: Pair) -> float:
    return (pair[0] / pair[1]) / (best[0] / best[1])


def _category(pair: Pair, total: int) -> dict[str, Any]:
    selected, n = pair
    lower, upper = wilson(selected, n)
    return {
        "n": n,
        "selected": selected,
        "rate": selected / n,
        "lower": lower,
        "upper": upper,
        "share_of_sample": n / total,
        "below_2_percent": _small(pair, total),
    }


def _impact(pair: Pair, best: Pair | None) -> dict[str, Any]:
    """The impact ratio; the best category's is 1 and has no interval."""
    impact = None if best is None else _by_best(pair, best)
    lower, upper = None, None
    if best is not None and pair != best:
        lower, upper = ratio(*pair, *best)
    return {
        "impact_ratio": impact,
        "impact_ratio_lower": lower,
        "impact_ratio_upper": upper,
        # On the unrounded number: 0.7999 reads as 0.80 and is below.
        "below_four_fifths": None if impact is None else impact < FOUR_FIFTHS,
    }
