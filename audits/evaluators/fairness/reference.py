"""The same numbers once more from fairlearn's MetricFrame, when somebody asks.

MetricFrame takes some twenty seconds for a million rows, and its import a second: this
module is loaded on demand only.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    count,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_negative_rate,
    true_positive_rate,
)
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_score

from audits.evaluators.base import Measurement, UnusableEvidence
from audits.evaluators.fairness.composites import ODDS
from audits.evaluators.fairness.groups import Grouping, Places
from audits.evaluators.rates import RATES, differences, ratios

AGREEMENT = 1e-12
METRICS: Mapping[str, Any] = {
    "count": count,
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_negative_rate": false_negative_rate,
    "false_positive_rate": false_positive_rate,
    "true_negative_rate": true_negative_rate,
    "accuracy": accuracy_score,
    "precision": partial(precision_score, zero_division=0),
    "f1": partial(f1_score, zero_division=0),
}
_WAYS = {"": "between_groups", "_to_overall": "to_overall"}


def check(
    measurements: Sequence[Measurement],
    grouping: Grouping,
    places: Places,
    truth: NDArray[np.integer],
    predicted: NDArray[np.integer],
) -> int:
    """Compare what was measured of a grouping; answer how many numbers agree.

    `places` are the groups of the rows, -1 where unknown. Raises UnusableEvidence
    where a number differs by more than 1e-12. What is not estimable is not compared:
    fairlearn says 0 there.
    """
    ours = {one.key: one.value for one in measurements if one.value is not None}
    theirs = _numbers(grouping, ours, places, truth, predicted)
    both = ours.keys() & theirs.keys()
    for key in sorted(both):
        if not abs(ours[key] - theirs[key]) <= AGREEMENT:
            raise UnusableEvidence(
                f"fairlearn's {key} is {theirs[key]}, ours is {ours[key]}: this "
                "report cannot be trusted."
            )
    return len(both)


def _numbers(
    grouping: Grouping,
    ours: Mapping[str, float],
    places: Places,
    truth: NDArray[np.integer],
    predicted: NDArray[np.integer],
) -> dict[str, float]:
    """All that fairlearn says of a grouping, by the keys of our measurements."""
    known = places >= 0
    if not known.any():
        return {}
    frame = MetricFrame(
        metrics=dict(METRICS),
        y_true=truth[known],
        y_pred=predicted[known],
        sensitive_features=places[known],
    )
    found = {
        f"{name}[{grouping.labels[place]}]": float(frame.by_group.loc[place, name])
        for place in grouping.listed
        for name in METRICS
    }
    # A group that was left out would be in fairlearn's difference.
    whole = [
        rate
        for rate in RATES
        if all(f"{rate}[{label}]" in ours for label in grouping.labels)
    ]
    return found | _comparisons(frame, grouping.name, whole)


def _comparisons(
    frame: MetricFrame, feature: str, rates: Sequence[str]
) -> dict[str, float]:
    """Differences and ratios of these rates, both ways, of the whole frame."""
    found: dict[str, float] = {}
    asked = {rate: RATES[rate] for rate in rates}
    for suffix, way in _WAYS.items():
        gaps, parts = frame.difference(method=way), frame.ratio(method=way)
        for name, rate in differences(asked).items():
            found[f"{name}{suffix}[{feature}]"] = float(gaps[rate])
        for name, rate in ratios(asked).items():
            found[f"{name}{suffix}[{feature}]"] = float(parts[rate])
        if set(ODDS) <= asked.keys():
            odds = list(ODDS)
            name = f"equalized_odds_difference{suffix}[{feature}]"
            found[name] = float(max(gaps[odds]))
            found[f"equalized_odds_ratio{suffix}[{feature}]"] = float(min(parts[odds]))
    return found
