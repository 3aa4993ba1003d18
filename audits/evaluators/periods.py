"""Performance over time: by period, the last against the first, and the trend."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    known_settings,
    not_estimable,
    setting,
)
from audits.evaluators.columns import Categories, Column, Numbers
from audits.evaluators.discrimination import auc_variance, logit_interval, ranking
from audits.evaluators.intervals import Z

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
MOST_PERIODS = 24
CUTS = 8
DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ].*)?)?\Z")
LIMITS = (
    "The trend is a straight line through the periods; it does not foretell the next.",
)


def periods(column: Column) -> tuple[Codes, tuple[str, ...]]:
    """Cut a time column into at most 24 periods; -1 where the time is missing.

    ISO dates become months, quarters or years, whichever are few enough; few whole
    numbers (years) stay; other numbers are cut into eight periods of equal size.
    Raises UnusableEvidence for anything else.
    """
    if isinstance(column, Categories):
        return _dates(column)
    return _moments(column)


def _dates(column: Categories) -> tuple[Codes, tuple[str, ...]]:
    if not column.labels or not all(map(DATE.match, column.labels)):
        raise UnusableEvidence(
            f"The time column {column.name[:200]!r} holds neither numbers nor dates "
            "such as 2026-01-31."
        )
    for cut in (_month, _quarter, _year):
        words = [cut(label) for label in column.labels]
        names = sorted(set(words))
        if len(names) <= MOST_PERIODS:
            break
    else:
        raise UnusableEvidence(
            f"The time column {column.name[:200]!r} spans more than {MOST_PERIODS} "
            "years."
        )
    place = np.array([*map(names.index, words), -1], np.int64)
    return place[column.codes], tuple(names)


def _month(label: str) -> str:
    return label[:7]


def _quarter(label: str) -> str:
    return f"{label[:4]}-Q{(int(label[5:7]) + 2) // 3}"


def _year(label: str) -> str:
    return label[:4]


def _moments(column: Numbers) -> tuple[Codes, tuple[str, ...]]:
    known = np.isfinite(column.values)
    distinct, place = np.unique(column.values[known], return_inverse=True)
    if not len(distinct):
        raise UnusableEvidence(f"The time column {column.name[:200]!r} is empty.")
    if len(distinct) > MOST_PERIODS:
        ordered = np.sort(column.values[known])
        edges = np.unique(ordered[np.arange(1, CUTS) * len(ordered) // CUTS])
        place = np.searchsorted(edges, column.values[known], side="right")
        starts = [float(ordered[0]), *map(float, edges)]
        names = tuple(f"from {start:.10g}" for start in starts)
    else:
        names = tuple(f"{value:.10g}" for value in distinct)
    of_row = np.full(len(column.values), -1, np.int64)
    of_row[known] = place
    return of_row, names


def evaluate_periods(
    *,
    time: Column,
    target: NDArray[Any],
    scores: Floats,
    loss: Floats,
    task: str,
    config: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Measure each period: the area under the ROC curve of a binary model, and the
    mean loss of any; what changed from the first half of the periods to the last.

    `loss` is one number for each row (smaller is better). A period needs
    `minimum_segment_rows` rows. Raises UnusableEvidence for a time that is none.
    """
    config = config or {}
    known_settings(config)
    fewest = int(setting(config, "minimum_segment_rows", 100, low=30, high=10**6))
    of_row, names = periods(time)
    lost = int((of_row < 0).sum())
    table = [
        _period(name, of_row == place, target, scores, loss, task, fewest)
        for place, name in enumerate(names)
    ]
    half = of_row >= (len(names) + 1) // 2
    measurements = [
        *(one for row in table for one in row),
        *_changes(half, of_row >= 0, target, scores, loss, task, fewest),
        _trend("loss_trend", [row[0] for row in table]),
    ]
    if task == "binary":
        measurements.append(_trend("roc_auc_trend", [row[1] for row in table]))
    missing = f"{lost} rows have no time and belong to no period."
    return Evaluation(
        measurements=tuple(measurements),
        summary={"time_column": time.name, "periods": _shown(names, table)},
        warnings=(missing,) if lost else (),
        limits=LIMITS,
    )


def _period(
    name: str,
    inside: NDArray[np.bool_],
    target: NDArray[Any],
    scores: Floats,
    loss: Floats,
    task: str,
    fewest: int,
) -> list[Measurement]:
    rows = int(inside.sum())
    group = f"time={name}"
    found = [_loss("loss_by_period", loss[inside], group, fewest)]
    if task == "binary":
        area = _area(target[inside], scores[inside]) if rows >= fewest else None
        if area is None:
            why = f"insufficient data: {rows} rows, or one class only"
            found.append(
                not_estimable("roc_auc_by_period", group=group, n=rows, why=why)
            )
        else:
            interval = logit_interval(*area)
            method = "DeLong interval on the logit scale"
            found.append(
                Measurement(
                    "roc_auc_by_period",
                    area[0],
                    *interval,
                    n=rows,
                    group=group,
                    method=method,
                )
            )
    return found


def _area(target: NDArray[Any], scores: Floats) -> tuple[float, float] | None:
    if not len(target) or target.min() == target.max():
        return None
    return auc_variance(ranking(target, scores))


def _loss(name: str, each: Floats, group: str, fewest: int) -> Measurement:
    if len(each) < fewest:
        why = f"insufficient data: {len(each)} rows, at least {fewest} needed"
        return not_estimable(name, group=group, n=len(each), why=why)
    half = Z * float(each.std(ddof=1)) / math.sqrt(len(each))
    mean = float(each.mean())
    method = "mean over rows, normal interval"
    lower = max(0.0, mean - half)
    return Measurement(name, mean, lower, mean + half, len(each), group, method)


def _changes(
    last: NDArray[np.bool_],
    known: NDArray[np.bool_],
    target: NDArray[Any],
    scores: Floats,
    loss: Floats,
    task: str,
    fewest: int,
) -> list[Measurement]:
    """The last half of the periods minus the first: two samples of different rows."""
    halves = (known & ~last, known & last)
    sizes = [int(half.sum()) for half in halves]
    names = ["loss_change", *(["roc_auc_change"] if task == "binary" else [])]
    if min(sizes) < fewest:
        why = f"insufficient data: the halves have {sizes[0]} and {sizes[1]} rows"
        return [not_estimable(name, why=why) for name in names]
    each = [loss[half] for half in halves]
    found = [
        _difference(
            "loss_change",
            [(float(e.mean()), float(e.var(ddof=1)) / len(e)) for e in each],
            sum(sizes),
        )
    ]
    if task == "binary":
        areas = [_area(target[half], scores[half]) for half in halves]
        both = [area for area in areas if area is not None]
        if len(both) < 2:
            why = "not estimable: a half has one class only"
            found.append(not_estimable("roc_auc_change", why=why))
        else:
            found.append(_difference("roc_auc_change", both, sum(sizes)))
    return found


def _difference(
    name: str, halves: Sequence[tuple[float, float]], rows: int
) -> Measurement:
    (first, one), (last, other) = halves
    half = Z * math.sqrt(one + other)
    change = last - first
    method = "last half of the periods minus the first, normal interval"
    return Measurement(
        name, change, change - half, change + half, n=rows, method=method
    )


def _trend(name: str, found: Sequence[Measurement]) -> Measurement:
    """Slope over the periods by least squares, weighted by their intervals."""
    known = [
        (place, one.value, (one.upper - one.lower) / (2 * Z))
        for place, one in enumerate(found)
        if one.value is not None and one.lower is not None and one.upper is not None
    ]
    usable = [(x, y, error) for x, y, error in known if error > 0]
    if len(usable) < 3:
        return not_estimable(name, why="not estimable: fewer than three periods")
    x, y, error = (np.array(part, float) for part in zip(*usable, strict=True))
    weight = 1 / error**2
    middle = (weight @ x) / weight.sum()
    spread = float(weight @ (x - middle) ** 2)
    slope = float(weight @ ((x - middle) * y)) / spread
    half = Z / math.sqrt(spread)
    method = f"weighted least squares over {len(usable)} periods, change per period"
    return Measurement(name, slope, slope - half, slope + half, method=method)


def _shown(
    names: Sequence[str], table: Sequence[Sequence[Measurement]]
) -> list[dict[str, Any]]:
    return [
        {
            "period": name,
            "rows": row[0].n,
            **{
                one.name.removesuffix("_by_period"): {
                    "value": one.value,
                    "lower": one.lower,
                    "upper": one.upper,
                }
                for one in row
            },
        }
        for name, row in zip(names, table, strict=True)
    ]
