"""What another threshold would do, from the counts that a report keeps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import Measurement
from audits.evaluators.estimates import Estimate, difference, smallest_ratio
from audits.evaluators.rates import (
    RATES,
    Rate,
    differences,
    estimates,
    lacking,
    ratios,
)
from governance.web.limits import Limit

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
# Of all rows, and of groups; what has a limit is told in any case.
OVERALL = ("accuracy", "selection_rate", "true_positive_rate", "false_positive_rate")
OF_GROUPS = ("selection_rate", "true_positive_rate", "false_positive_rate")
_OF = {**differences(RATES), **ratios(RATES)}
# What reports of performance call the rates.
_SAID = {"recall": "true_positive_rate", "specificity": "true_negative_rate"}
ODDS = "equalized_odds_difference"
GAPS = ("demographic_parity_difference", "equal_opportunity_difference", ODDS)


@dataclass(frozen=True)
class Feature:
    """The groups of one sensitive feature; `counts` is group by outcome by threshold.

    Outcomes are seen from the favourable one, in the order of
    `audits.evaluators.rates.Rate`. Small groups have a size and no counts.
    """

    name: str
    words: tuple[str, ...]
    rows: tuple[int, ...]
    counted: tuple[bool, ...]
    counts: Counts

    @property
    def small(self) -> list[tuple[str, int]]:
        """The groups without counts, and their rows."""
        every = zip(self.words, self.rows, self.counted, strict=True)
        return [(word, rows) for word, rows, told in every if not told]


@dataclass(frozen=True)
class Explored:
    """The counts of a report at every threshold that it keeps."""

    thresholds: Floats
    in_force: float
    smallest: int
    leave_out: bool
    favourable: int
    everyone: Feature
    features: tuple[Feature, ...]

    def place(self, threshold: float) -> int:
        """The place of the nearest threshold that counts are kept for."""
        return int(np.abs(self.thresholds - threshold).argmin())

    def feature(self, name: str) -> Feature | None:
        """The feature of that name, else the first."""
        named = (one for one in self.features if one.name == name)
        return next(named, next(iter(self.features), None))

    def overall(self, name: str, place: int) -> Estimate:
        """A rate of all rows."""
        counts = self.everyone.counts[:, :, place]
        return estimates(_rate(name), counts, self.everyone.words, smallest=1)[0]

    def of_groups(self, feature: Feature, name: str, place: int) -> list[Estimate]:
        """A rate of every group, as the fairness evaluator answers it."""
        found = estimates(
            _rate(name),
            feature.counts[:, :, place],
            feature.words,
            smallest=self.smallest,
        )
        return [
            one
            if told
            else Estimate(one.group, n=rows, because=self._lacking(one, rows))
            for one, told, rows in zip(
                found, feature.counted, feature.rows, strict=True
            )
        ]

    def _lacking(self, one: Estimate, rows: int) -> str:
        return lacking(one.group, rows, rows, "rows", self.smallest) or (
            f"no counts are kept of group {one.group}: only of the largest groups"
        )

    def gap(self, feature: Feature, name: str, place: int) -> Measurement:
        """How far groups are apart, as the fairness evaluator answers it."""
        if name == ODDS:
            return self._odds(feature, place)
        measure = smallest_ratio if name.endswith("_ratio") else difference
        return measure(
            name,
            self.of_groups(feature, _OF[name], place),
            feature=feature.name,
            leave_out=self.leave_out,
        )

    def _odds(self, feature: Feature, place: int) -> Measurement:
        names = ("equal_opportunity_difference", "false_positive_rate_difference")
        parts = [self.gap(feature, name, place) for name in names]
        known = [one.value for one in parts if one.value is not None]
        because = next((one.because for one in parts if one.because), "")
        return Measurement(
            ODDS,
            None if because else max(known),
            n=max(one.n for one in parts),
            group=feature.name,
            because=because,
        )

    def curve(self, name: str) -> Floats:
        """A rate of all rows at every threshold; NaN where it is 0 out of 0."""
        found: Floats = self._values(self.everyone, name)[0]
        return found

    def gaps(self, feature: Feature, name: str) -> Floats:
        """The same gap at every threshold; NaN where it cannot be estimated."""
        if name == ODDS:
            parts = ("true_positive_rate", "false_positive_rate")
            return np.maximum(*(self._apart(feature, one) for one in parts))
        return self._apart(feature, _OF[name], ratio=name.endswith("_ratio"))

    def _values(self, feature: Feature, name: str) -> Floats:
        smallest = 1 if feature is self.everyone else self.smallest
        hits, trials = _rate(name).shares(np.moveaxis(feature.counts, 1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = _rate(name).carried(
                np.where(trials >= smallest, hits / trials, np.nan)
            )
        return found

    def _apart(self, feature: Feature, name: str, *, ratio: bool = False) -> Floats:
        if not feature.words:
            return np.full(len(self.thresholds), np.nan)
        values = self._values(feature, name)
        known = np.isfinite(values)
        high = np.where(known, values, -np.inf).max(axis=0)
        low = np.where(known, values, np.inf).min(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = low / high if ratio else high - low
        usable = known.sum(axis=0) >= 2 if self.leave_out else known.all(axis=0)
        found: Floats = np.where(usable & (known.sum(axis=0) >= 2), apart, np.nan)
        return found

    def keeps(self, limits: Mapping[str, Limit]) -> NDArray[np.bool_]:
        """At which thresholds every limit holds that a threshold can move.

        What cannot be estimated holds no limit.
        """
        found = np.ones(len(self.thresholds), dtype=bool)
        for name in self.bound(limits):
            if not self.features:
                found &= _holds(self.curve(name), limits[name])
            for feature in self.features:
                found &= _holds(self.gaps(feature, name), limits[name])
        return found

    def bound(self, limits: Mapping[str, Limit]) -> list[str]:
        """The measurements with limits that a threshold can move."""
        movable = {*_OF, ODDS} if self.features else {*RATES, *_SAID}
        return [name for name in limits if name in movable]


def _rate(name: str) -> Rate:
    return RATES[_SAID.get(name, name)]


def _holds(values: Floats, limit: Limit) -> NDArray[np.bool_]:
    return np.array([bool(np.isfinite(v)) and limit.holds(float(v)) for v in values])


def spans(
    kept: Sequence[bool], thresholds: Sequence[float]
) -> list[tuple[float, float]]:
    """The stretches of thresholds that are kept, as first and last of each."""
    found: list[tuple[float, float]] = []
    before = False
    for keeps, threshold in zip(kept, thresholds, strict=True):
        if keeps and before:
            found[-1] = (found[-1][0], threshold)
        elif keeps:
            found.append((threshold, threshold))
        before = keeps
    return found


@lru_cache(maxsize=64)
def explored(document: str) -> Explored | None:
    """Read a report once; None where it keeps no counts (it is older, or has more than
    two classes, or no truth)."""
    summary = json.loads(document).get("summary") or {}
    kept = summary.get("threshold_counts")
    if not kept:
        return None
    favourable = int(summary.get("favourable", 1))
    everyone = {"group": "", "rows": int(summary["rows"]), **kept["all"]}
    return Explored(
        thresholds=np.array(kept["thresholds"]),
        in_force=float(summary["threshold"]),
        smallest=int(summary.get("minimum_group_size", 1)),
        leave_out=summary.get("small_groups") == "leave out",
        favourable=favourable,
        everyone=_feature("", [everyone], favourable, len(kept["thresholds"])),
        features=tuple(
            _feature(one["feature"], one["groups"], favourable, len(kept["thresholds"]))
            for one in kept["features"]
        ),
    )


def _feature(
    name: str, groups: Sequence[Mapping[str, Any]], favourable: int, size: int
) -> Feature:
    nothing = [0] * size
    by_class = np.array(
        [
            [group.get("negative", nothing), group.get("positive", nothing)]
            for group in groups
        ],
        dtype=np.int64,
    ).reshape(len(groups), 2, size)
    above = by_class[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    below = by_class.sum(axis=2)[:, :, None] - above
    # True negatives, false positives, false negatives, true positives of the outcome
    # that is good for the person.
    parts = (
        (below[:, 0], above[:, 0], below[:, 1], above[:, 1])
        if favourable
        else (above[:, 1], below[:, 1], above[:, 0], below[:, 0])
    )
    return Feature(
        name=name,
        words=tuple(str(group["group"]) for group in groups),
        rows=tuple(int(group["rows"]) for group in groups),
        counted=tuple("positive" in group for group in groups),
        counts=np.stack(parts, axis=1),
    )
