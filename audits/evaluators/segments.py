"""Where the model is weakest: segments of one or two features with the largest loss.

Of many segments the worst is bad by chance. So segments are found on one half of the
rows and measured on the other, and tests are adjusted for their number (Holm 1979).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    known_settings,
    not_estimable,
    setting,
)
from audits.evaluators.columns import Bands, Column, bands, named
from audits.evaluators.intervals import Z, mean_interval, wilson
from audits.evaluators.multiplicity import holm

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BANDS = 5
SHOWN = 10
PAIRED = 12  # features whose pairs are searched
SEARCHED = 200_000  # rows; beyond, the search takes a sample
ALPHA = 0.05
LIMITS = (
    "Segments are searched among single features and pairs, in five bands each: a "
    "weakness of three features together, or of a narrower range, is not found.",
)


@dataclass(frozen=True)
class _Segment:
    parts: tuple[tuple[int, int], ...]  # feature and band
    excess: float  # lower bound of its loss above the mean of all


def evaluate_segments(
    *,
    columns: Sequence[Column],
    loss: Floats,
    wrong: Flags | None = None,
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Find the segments with the largest mean loss, and measure them honestly.

    `loss` is one number for each row (smaller is better), `wrong` whether its predicted
    class is. Settings: `minimum_segment_rows` (default 100; fewer are not judged),
    `seed`. A segment of the summary is confirmed when its loss is larger than that of
    the other rows after Holm's correction at 5 %.
    """
    config = config or {}
    known_settings(config)
    fewest = int(setting(config, "minimum_segment_rows", 100, low=30, high=10**6))
    seed = int(setting(config, "seed", 0, low=0, high=2**31))
    cut = [bands(column, most=BANDS) for column in columns]
    random = np.random.default_rng([seed, 2])
    first = random.integers(0, 2, len(loss), dtype=np.int8).astype(bool)
    rows = np.flatnonzero(first)
    if len(rows) > SEARCHED:
        rows = np.sort(random.choice(rows, SEARCHED, replace=False))
    found = _search(cut, loss, rows, fewest)
    names = named(columns)
    if not found:
        why = f"not estimable: no segment has {fewest} rows in both halves of the data"
        return Evaluation(
            measurements=(not_estimable("weak_segments", n=len(loss), why=why),),
            summary={"segments": []},
            limits=LIMITS,
        )
    return _measured(found, cut, names, loss=loss, wrong=wrong, half=~first)


def _search(
    cut: Sequence[Bands], loss: Floats, rows: NDArray[np.int64], fewest: int
) -> list[_Segment]:
    if not len(rows):
        return []
    each = loss[rows]
    squares = each**2
    codes = [one.of_row[rows] for one in cut]
    widths = [len(one.labels) for one in cut]
    share = len(rows) / len(loss)  # a sample needs fewer rows to stand for as many
    least = max(30.0, fewest * min(1.0, 2 * share))
    mean = float(each.mean())
    found: list[_Segment] = []
    gaps: list[Floats] = []
    strength = []
    for place in range(len(cut)):
        counts, gap, error = _excess(codes[place], widths[place], each, squares, mean)
        fit = np.flatnonzero((counts >= least) & (counts < len(rows)))
        found += [_Segment(((place, int(b)),), float((gap - error)[b])) for b in fit]
        gaps.append(gap)
        strength.append(float((gap - error)[fit].max()) if len(fit) else -math.inf)
    chosen = sorted(range(len(cut)), key=lambda place: (-strength[place], place))
    for a, b in combinations(sorted(chosen[:PAIRED]), 2):
        fused = codes[a] * widths[b] + codes[b]
        counts, gap, error = _excess(fused, widths[a] * widths[b], each, squares, mean)
        # A pair says more only when it is clearly worse than both of its parts.
        parts = np.maximum.outer(gaps[a], gaps[b]).ravel()
        for c in np.flatnonzero((counts >= least) & (gap - error > parts)):
            first, second = divmod(int(c), widths[b])
            found.append(_Segment(((a, first), (b, second)), float(gap[c] - error[c])))
    return sorted(found, key=lambda one: (-one.excess, one.parts))[:SHOWN]


def _excess(
    codes: NDArray[np.int64], width: int, each: Floats, squares: Floats, mean: float
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Rows of each segment, its mean loss above that of all, and 1.96 errors of it."""
    counts = np.bincount(codes, minlength=width)
    rows = np.maximum(counts, 1)
    means = np.bincount(codes, each, width) / rows
    spread = np.maximum(np.bincount(codes, squares, width) / rows - means**2, 0)
    return counts, means - mean, Z * np.sqrt(spread / rows)


def _measured(
    found: Sequence[_Segment],
    cut: Sequence[Bands],
    names: Mapping[str, str],
    *,
    loss: Floats,
    wrong: Flags | None,
    half: Flags,
) -> Evaluation:
    each, wrong = loss[half], None if wrong is None else wrong[half]
    rows: list[dict[str, Any]] = []
    measurements: list[Measurement] = []
    for one in found:
        inside = np.ones(len(each), bool)
        for place, band in one.parts:
            inside &= cut[place].of_row[half] == band
        parts = [f"{names[cut[p].name]}={cut[p].labels[b]}" for p, b in one.parts]
        group = ", ".join(parts)
        rows.append(_compared(group, each, inside))
        measurements.append(_loss(group, each[inside]))
        if wrong is not None:
            measurements.append(_error_rate(group, wrong[inside]))
    return Evaluation(
        measurements=(_confirmed(rows, len(loss)), *measurements),
        summary={"segments": rows, "segment_loss_overall": float(loss.mean())},
        limits=LIMITS,
    )


def _confirmed(rows: list[dict[str, Any]], total: int) -> Measurement:
    """Say in each row whether its loss is larger than the others'; count them."""
    adjusted = holm({place: row["p"] for place, row in enumerate(rows)})
    for place, row in enumerate(rows):
        row["p_adjusted"] = p = adjusted.get(place)
        row["confirmed"] = p is not None and p < ALPHA
    return Measurement(
        "weak_segments",
        float(sum(row["confirmed"] for row in rows)),
        n=total,
        method=f"of the {len(rows)} worst, found on half of the rows: larger loss on "
        "the other half, Holm-adjusted at 5 %",
    )


def _compared(group: str, each: Floats, inside: Flags) -> dict[str, Any]:
    """One-sided Welch test that the segment's mean loss is larger than the others'."""
    here, there = each[inside], each[~inside]
    row: dict[str, Any] = {"segment": group, "rows": len(here), "p": None}
    if len(here) < 2 or len(there) < 2:
        return row
    gap = float(here.mean() - there.mean())
    error = math.sqrt(here.var(ddof=1) / len(here) + there.var(ddof=1) / len(there))
    lower, upper = mean_interval(gap, error, 1)
    row |= {
        "mean_loss": float(here.mean()),
        "others": float(there.mean()),
        "difference": gap,
        "lower": lower,
        "upper": upper,
    }
    if error > 0:
        row["p"] = float(norm.sf(gap / error))
    else:  # without any spread the difference is certain, or there is none
        row["p"] = 0.0 if gap > 0 else 1.0
    return row


def _loss(group: str, each: Floats) -> Measurement:
    if len(each) < 2:
        why = "not estimable: fewer than two rows of the second half are in it"
        return not_estimable("segment_loss", group=group, n=len(each), why=why)
    mean, deviation = float(each.mean()), float(each.std(ddof=1))
    lower, upper = mean_interval(mean, deviation, len(each))
    return Measurement(
        "segment_loss",
        mean,
        max(0.0, lower),
        upper,
        n=len(each),
        group=group,
        method="mean over the rows of the second half, normal interval",
    )


def _error_rate(group: str, wrong: Flags) -> Measurement:
    trials, hits = len(wrong), int(wrong.sum())
    if not trials:
        why = "not estimable: no row of the second half is in it"
        return not_estimable("segment_error_rate", group=group, why=why)
    lower, upper = wilson(hits, trials)
    return Measurement(
        "segment_error_rate",
        hits / trials,
        lower,
        upper,
        n=trials,
        group=group,
        method="Wilson interval, second half of the rows",
    )
