"""Whether scores are probabilities: bins, calibration error, slope, tests, parts."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from audits.evaluators.base import Measurement, not_estimable
from audits.evaluators.discrimination import Ranking
from audits.evaluators.intervals import Z
from audits.evaluators.resampling import Blocks

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
BINS = 10
EDGE = 1e-6  # scores of 0 and 1 have no logit; they are moved by this much
CELLS = 65_536
STEPS = 50
ENOUGH = 1e-9
FAR = 50.0  # a coefficient beyond says that the classes are separated


def bin_of(scores: Floats) -> NDArray[np.int8]:
    """Answer the bin of each score; 1.0 belongs to the last."""
    return np.minimum((scores * BINS).astype(np.int8), np.int8(BINS - 1))


def calibration_bins(target: Labels, scores: Floats) -> list[dict[str, Any]]:
    """Ten bins of equal width: rows, mean score and share of positives in each."""
    place = bin_of(scores)
    rows = np.bincount(place, minlength=BINS)
    score = np.bincount(place, scores, BINS)
    hits = np.bincount(place, target, BINS)
    return [
        {
            "from": i / BINS,
            "to": (i + 1) / BINS,
            "rows": int(rows[i]),
            "mean_score": float(score[i] / rows[i]) if rows[i] else None,
            "share_positive": float(hits[i] / rows[i]) if rows[i] else None,
        }
        for i in range(BINS)
    ]


def calibration_error(
    target: Labels, scores: Floats, *, spread: Blocks, rounds: int, seed: int
) -> Measurement:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015).

    The estimate is biased upwards, and a resampled one twice. So the upper end is the
    percentile, the lower end the reflected one: the interval is too wide rather than
    wrong about a calibrated model.
    """
    return gap_measurement(
        "ece", bin_of(scores), target - scores, spread=spread, rounds=rounds, seed=seed
    )


def gap_measurement(
    name: str,
    place: NDArray[np.int8],
    gaps: Floats,
    *,
    spread: Blocks,
    rounds: int,
    seed: int,
) -> Measurement:
    """Mean over rows of the absolute sum of gaps in each of ten bins."""
    sums = spread.sums_within(place, BINS, gaps)
    rows = spread.sums(1.0)
    both = np.hstack([sums, rows])
    value = float(_error(both.sum(axis=0)[None])[0])
    drawn = spread.resampled(both, _error, rounds=rounds)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measurement(
        name,
        value,
        max(0.0, min(value, 2 * value - float(high))),
        max(value, float(high)),
        n=len(gaps),
        method=spread.method(rounds, seed) + "; lower end reflected",
    )


def _error(sums: Floats) -> Floats:
    error: Floats = np.abs(sums[:, :BINS]).sum(axis=1) / sums[:, BINS]
    return error


@dataclass(frozen=True)
class _Grouped:
    """Logits of the scores, and positives among the rows at each."""

    logits: Floats
    positives: Floats
    rows: Floats


def recalibration(ranked: Ranking) -> list[Measurement]:
    """Calibration slope and intercept by logistic recalibration (Cox 1958).

    The slope is that of a logistic regression of the target on the logit of the score:
    below 1 the scores are too extreme. The intercept is fitted with the slope held at 1
    (calibration in the large; Van Calster et al. 2019): above 0 risks are too low.
    Wald intervals. Not estimable when one score fits all or scores part the classes.
    """
    rows = int(ranked.positives.sum() + ranked.negatives.sum())
    each = _grouped(ranked.coarse(CELLS))
    method = f"logistic recalibration of at most {CELLS} scores, Wald interval"
    found = []
    for name, free in (("calibration_slope", True), ("calibration_intercept", False)):
        fit = _fit(each, slope=free)
        if fit is None:
            why = "not estimable: the scores are constant or part the classes"
            found.append(not_estimable(name, n=rows, why=why))
            continue
        value, half = fit[0], Z * fit[1]
        found.append(
            Measurement(name, value, value - half, value + half, n=rows, method=method)
        )
    return found


def _grouped(ranked: Ranking) -> _Grouped:
    return _Grouped(
        logits=logit(np.clip(ranked.scores, EDGE, 1 - EDGE)),
        positives=ranked.positives.astype(np.float64),
        rows=(ranked.positives + ranked.negatives).astype(np.float64),
    )


def _fit(data: _Grouped, *, slope: bool) -> tuple[float, float] | None:
    """Newton's method; the coefficient that is asked for, and its standard error."""
    level, tilt = 0.0, 1.0
    for _ in range(STEPS):
        fitted = expit(level + tilt * data.logits)
        missed = data.positives - data.rows * fitted
        weight = data.rows * fitted * (1 - fitted)
        zero, one = float(weight.sum()), float(weight @ data.logits)
        two = float(weight @ data.logits**2)
        spread = zero * two - one**2 if slope else zero
        if zero < ENOUGH or spread < ENOUGH * zero ** (1 + slope):
            return None
        first, second = float(missed.sum()), float(missed @ data.logits)
        step = (zero * second - one * first) / spread if slope else 0.0
        shift = (two * first - one * second) / spread if slope else first / zero
        level, tilt = level + shift, tilt + step
        if max(abs(level), abs(tilt)) > FAR:
            return None
        if max(abs(step), abs(shift)) < ENOUGH:
            break
    error = math.sqrt(zero / spread) if slope else 1 / math.sqrt(zero)
    return (tilt if slope else level), error


def calibration_test(target: Labels, scores: Floats) -> Measurement:
    """The test of Spiegelhalter 1986 that scores are the probabilities.

    It needs no bins, unlike that of Hosmer and Lemeshow. With very many rows it finds
    differences too small to matter: look at the slope and the calibration error.
    """
    tilt = 1 - 2 * scores
    below = float((tilt**2 * scores * (1 - scores)).sum())
    rows = len(scores)
    if below <= 0:
        why = "not estimable: all scores are 0, 1 or one half"
        return not_estimable("calibration_p", n=rows, why=why)
    z = float(((target - scores) * tilt).sum()) / math.sqrt(below)
    return Measurement(
        "calibration_p",
        float(2 * norm.sf(abs(z))),
        n=rows,
        method="Spiegelhalter 1986, two-sided",
    )


def brier_parts(bins: list[dict[str, Any]], brier: float) -> dict[str, float]:
    """Split the Brier score as Murphy 1973 did, over the ten bins.

    reliability - resolution + uncertainty + within = Brier score; `within` is what
    scores differ inside a bin (Stephenson et al. 2008).
    """
    filled = [one for one in bins if one["rows"]]
    rows = sum(one["rows"] for one in filled)
    base = sum(one["rows"] * one["share_positive"] for one in filled) / rows
    parts = {"reliability": 0.0, "resolution": 0.0, "uncertainty": base * (1 - base)}
    for one in filled:
        weight, share = one["rows"] / rows, one["share_positive"]
        parts["reliability"] += weight * (one["mean_score"] - share) ** 2
        parts["resolution"] += weight * (share - base) ** 2
    known = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    return {**parts, "within": brier - known}
