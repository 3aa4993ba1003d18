"""Leakage: test rows that stand in the training data, and features that tell all."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import Evaluation, Measurement, not_estimable
from audits.evaluators.columns import Categories, Column, Numbers, as_categories, chosen
from audits.evaluators.discrimination import auc_of, ranking
from audits.evaluators.intervals import wilson
from audits.evaluators.naming import short_names
from audits.evaluators.row_hashes import Hashes

Floats = NDArray[np.float64]
Area = tuple[float, float, float]  # with its interval
TOO_GOOD = 0.99
SHOWN = 20
ENOUGH = 200_000
MOST_CLASSES = 20
SMALL = 0.001
FEW_VALUES = 100
FIRST_ROWS = 10_000
LIMITS = (
    "Leakage is found by equal rows and by single features: near copies of training "
    "rows, and features that leak only together, are not found.",
)


def overlap(
    test: Hashes,
    training: Hashes | None,
    *,
    same_file: bool = False,
    lacking: str = "the file of the training data is not known",
) -> Evaluation:
    """Measure the share of rows whose features also stand in the training data.

    The same file as the training data is total leakage. Without training data the
    share is not estimable for what is `lacking`, and no gate passes.
    """
    name = "train_test_overlap"
    if same_file:
        total = Measurement(name, 1.0, 1.0, 1.0, len(test), method="the same file")
        warning = "The data are the model's own training data: they test nothing."
        return Evaluation((total,), summary={}, warnings=(warning,), limits=LIMITS)
    if training is None or not len(test):
        unknown = not_estimable(name, n=len(test), why=f"not estimable: {lacking}")
        return Evaluation((unknown,), summary={}, limits=LIMITS)
    hits = int(np.isin(test, training).sum())
    lower, upper = wilson(hits, len(test))
    share = Measurement(
        name,
        hits / len(test),
        lower,
        upper,
        len(test),
        method="rows with all features equal to those of a training row; Wilson",
    )
    warning = f"{hits} of {len(test)} rows stand in the training data with all features"
    return Evaluation(
        (share,),
        summary={"overlapping_rows": hits},
        warnings=(f"{warning}.",) if hits else (),
        limits=LIMITS,
    )


class SingleFeatures:
    """How well each feature alone tells the target, taken one column at a time.

    Above 0.99 a feature likely is the answer, or was made from it. Categories score by
    the share of positives that they have in the other half of the rows, so that many
    categories do not look like knowledge. Of several classes the best-told one counts;
    a number as target is cut at its median. Beyond 200,000 rows a sample is taken:
    leaks are not subtle.
    """

    def __init__(self, target: Column, *, seed: int = 0) -> None:
        random = np.random.default_rng([seed, 3])
        rows = len(target.codes if isinstance(target, Categories) else target.values)
        self._sample: NDArray[np.int64] | None = None
        if rows > ENOUGH:
            self._sample = np.sort(random.choice(rows, ENOUGH, replace=False))
        self._chosen, self._rows = _classes(chosen(target, self._sample))
        self._half = random.integers(0, 2, self._rows, dtype=np.int8).astype(bool)
        self._found: list[tuple[str, Area]] = []

    def take(self, column: Column) -> None:
        """Measure one more feature."""
        column = chosen(column, self._sample)
        areas = [_area(column, one, there, self._half) for one, there in self._chosen]
        self._found.append((column.name, max(areas, default=(0.5, 0.5, 0.5))))

    def evaluation(self) -> Evaluation:
        """Answer the areas (0.5 to 1) of the strongest features, and how many leak."""
        if not self._chosen:
            why = "not estimable: the target has one class only, or is missing"
            none = not_estimable("single_feature_auc", n=self._rows, why=why)
            return Evaluation((none,), summary={}, limits=LIMITS)
        names = short_names([name for name, _ in self._found])
        areas = [area for _, area in self._found]
        pairs = zip(names, areas, strict=True)
        strongest = sorted(pairs, key=lambda pair: -pair[1][0])
        suspects = [name for name, area in strongest if area[0] > TOO_GOOD]
        warning = f"One feature alone tells the target: {', '.join(suspects[:8])}."
        return Evaluation(
            measurements=(
                *(_measured(n, area, self._rows) for n, area in strongest[:SHOWN]),
                _leaking(len(suspects), len(names)),
            ),
            summary={"leaking": suspects, "single_features": _shown(strongest)},
            warnings=(warning,) if suspects else (),
            limits=LIMITS,
        )


def single_features(columns: Iterable[Column], *, target: Column) -> Evaluation:
    """Measure how well each of the columns alone tells the target."""
    found = SingleFeatures(target)
    for column in columns:
        found.take(column)
    return found.evaluation()


def _leaking(count: int, of: int) -> Measurement:
    method = f"of {of} features, those that alone reach an area of {TOO_GOOD}"
    return Measurement("leaking_features", float(count), n=of, method=method)


def _measured(name: str, area: Area, rows: int) -> Measurement:
    value, lower, upper = area
    return Measurement(
        "single_feature_auc",
        value,
        lower,
        upper,
        rows,
        f"feature={name}",
        "DeLong interval; the direction that tells more",
    )


def _shown(
    strongest: Sequence[tuple[str, Area]],
) -> list[dict[str, Any]]:
    return [{"feature": name, "auc": area[0]} for name, area in strongest[:SHOWN]]


def _classes(
    target: Column,
) -> tuple[list[tuple[NDArray[np.int64], NDArray[np.bool_]]], int]:
    """The target as yes or no, once for each class, and which rows have one."""
    if isinstance(target, Categories):
        there = target.codes >= 0
        counts = np.bincount(target.codes[there], minlength=len(target.labels))
        often = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        ways = [target.codes == code for code in often if counts[code]]
        rows = len(target.codes)
    else:
        there = ~np.isnan(target.values)
        distinct = np.unique(target.values[there])
        rows = len(target.values)
        if len(distinct) > MOST_CLASSES:
            distinct = np.array([np.median(target.values[there])])
            ways = [target.values > distinct[0]]
        else:
            ways = [target.values == value for value in distinct]
    ways = ways[1:] if len(ways) == 2 else ways
    found = [(way.astype(np.int64), there) for way in ways]
    return [one for one in found if 0 < one[0][there].sum() < there.sum()], rows


def _area(
    column: Column,
    target: NDArray[np.int64],
    there: NDArray[np.bool_],
    half: NDArray[np.bool_],
) -> Area:
    if isinstance(column, Categories):
        scores = _shares(column, target, half & there)
        return _best(target, scores, there & ~half)
    lowest = np.where(np.isnan(column.values), -np.inf, column.values)
    found = _best(target, lowest, there)
    if found[0] <= TOO_GOOD and _few(column):  # the order may say nothing
        found = max(found, _area(as_categories(column), target, there, half))
    return found


def _few(column: Numbers) -> bool:
    start = column.values[:FIRST_ROWS]
    return (
        len(np.unique(start)) <= FEW_VALUES
        and len(np.unique(column.values)) <= FEW_VALUES
    )


def _best(target: NDArray[np.int64], scores: Floats, there: NDArray[np.bool_]) -> Area:
    known = target[there]
    if not len(known) or known.min() == known.max():
        return 0.5, 0.5, 0.5
    area, lower, upper = auc_of(ranking(known, scores[there]))
    return (area, lower, upper) if area >= 0.5 else (1 - area, 1 - upper, 1 - lower)


def _shares(
    column: Categories, target: NDArray[np.int64], rows: NDArray[np.bool_]
) -> Floats:
    """The share of positives of each row's category among other rows, drawn to the
    overall share where a category is rare."""
    place = np.where(column.codes < 0, len(column.labels), column.codes)
    width = len(column.labels) + 1
    counts = np.bincount(place[rows], minlength=width)
    hits = np.bincount(place[rows], target[rows], width)
    overall = float(target[rows].mean()) if rows.any() else 0.5
    shares: Floats = ((hits + SMALL * overall) / (counts + SMALL))[place]
    return shares
