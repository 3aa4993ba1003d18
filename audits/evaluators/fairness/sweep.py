"""What other thresholds would do: rates and their gaps from the bins of the scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from audits.evaluators.fairness.cells import Counts
from audits.evaluators.fairness.groups import Grouping
from audits.evaluators.fairness.options import Options
from audits.evaluators.fairness.scores import BINS
from audits.evaluators.rates import Floats

STEP = 32  # every 32nd bin: 33 thresholds
SHOWN = 12  # groups whose own lines are kept
DIGITS = 6


def shown(grouping: Grouping, options: Options) -> list[int]:
    """The largest groups that are large enough, in their order."""
    largest = np.argsort(-grouping.rows, kind="stable")[:SHOWN]
    return sorted(int(p) for p in largest if grouping.rows[p] >= options.smallest)


def sweep(grouping: Grouping, histogram: Counts, options: Options) -> dict[str, Any]:
    """Selection, true and false positive rate at each threshold, exact at these.

    `histogram` is group by label (of the score's class) by bin. All are seen from the
    favourable outcome. Gaps are those of all groups that are large enough.
    """
    above = np.cumsum(histogram[:, :, ::-1], axis=2)[:, :, ::-1][:, :, ::STEP]
    rows = histogram.sum(axis=2)
    chosen = above if options.favourable else rows[:, :, None] - above
    deserved = options.favourable
    rates = {
        "selection_rate": (chosen.sum(axis=1), rows.sum(axis=1)),
        "true_positive_rate": (chosen[:, deserved], rows[:, deserved]),
        "false_positive_rate": (chosen[:, 1 - deserved], rows[:, 1 - deserved]),
    }
    values = {n: _divided(*parts, options.smallest) for n, parts in rates.items()}
    selection, true, false = values.values()
    return {
        "feature": grouping.name,
        "thresholds": (np.arange(0, BINS + 1, STEP) / BINS).tolist(),
        "groups": [
            {
                "group": grouping.words[place],
                **{name: _plain(each[place]) for name, each in values.items()},
            }
            for place in shown(grouping, options)
        ],
        "demographic_parity_difference": _plain(_gap(selection)),
        "demographic_parity_ratio": _plain(_ratio(selection)),
        "equalized_odds_difference": _plain(np.maximum(_gap(true), _gap(false))),
    }


def _divided(hits: Counts, trials: Counts, smallest: int) -> Floats:
    enough = trials >= smallest
    found = np.full(hits.shape, np.nan)
    found[enough] = hits[enough] / trials[enough][:, None]
    return found


def _gap(values: Floats) -> Floats:
    used = values[np.isfinite(values).all(axis=1)]
    if len(used) < 2:
        return np.full(values.shape[1], np.nan)
    found: Floats = np.ptp(used, axis=0)
    return found


def _ratio(values: Floats) -> Floats:
    used = values[np.isfinite(values).all(axis=1)]
    if len(used) < 2:
        return np.full(values.shape[1], np.nan)
    with np.errstate(invalid="ignore"):
        found: Floats = used.min(axis=0) / used.max(axis=0)
    return found


def _plain(values: Sequence[float] | Floats) -> list[float | None]:
    return [round(float(v), DIGITS) if np.isfinite(v) else None for v in values]
