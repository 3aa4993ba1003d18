"""Data quality: what is missing, repeated, out of range or constant in data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.base import (
    Evaluation,
    Measurement,
    UnusableEvidence,
    not_estimable,
    versions_of,
)
from audits.evaluators.columns import Categories, Column, Numbers
from audits.evaluators.intervals import wilson
from audits.evaluators.naming import short_names
from audits.evaluators.row_hashes import Hashes

Counts = NDArray[np.int64]
SHOWN = 100
NEARLY = 0.99  # a value in more rows makes a column nearly constant
LIMITS = (
    "Rows are repeated when all their features are equal: with few features this "
    "happens to different people.",
)


@dataclass(frozen=True)
class ColumnQuality:
    """Counts of one column; `outside` are rows beyond what the training data hold."""

    name: str
    rows: int
    missing: int
    infinite: int
    distinct: int
    commonest: int
    outside: int | None = None


def column_quality(column: Column, *, known: Column | None = None) -> ColumnQuality:
    """Count a column; `known` is the same column of the training data, if it is there.

    Outside is a number below or above all known ones, or an unknown category. A column
    that changed its type is outside in every row with a value.
    """
    if isinstance(column, Categories):
        counts = np.bincount(column.codes + 1, minlength=len(column.labels) + 1)
        missing, counts = int(counts[0]), counts[1:]
        distinct, infinite = int((counts > 0).sum()), 0
    else:
        values = column.values[~np.isnan(column.values)]
        missing = len(column.values) - len(values)
        counts = np.unique(values, return_counts=True)[1]
        distinct, infinite = len(counts), int(np.isinf(values).sum())
    rows = len(column.codes if isinstance(column, Categories) else column.values)
    return ColumnQuality(
        name=column.name,
        rows=rows,
        missing=missing,
        infinite=infinite,
        distinct=distinct,
        commonest=int(max(counts, default=0)),
        outside=None if known is None else int(outside(column, known).sum()),
    )


def outside(column: Column, known: Column) -> NDArray[np.bool_]:
    """Which rows have a value that the known column does not hold, or span."""
    if isinstance(column, Categories):
        there = set(known.labels) if isinstance(known, Categories) else set()
        new = np.array([*(label not in there for label in column.labels), False], bool)
        beyond: NDArray[np.bool_] = new[column.codes]
        return beyond
    values = column.values
    spanned = known.values if isinstance(known, Numbers) else np.empty(0)
    spanned = spanned[np.isfinite(spanned)]
    if not len(spanned):
        return ~np.isnan(values)
    found: NDArray[np.bool_] = (values < spanned.min()) | (values > spanned.max())
    return found


def missing(column: Column) -> NDArray[np.bool_]:
    """Which rows have no value."""
    if isinstance(column, Categories):
        return np.asarray(column.codes < 0)
    return np.isnan(column.values)


@dataclass(frozen=True)
class RowQuality:
    """What the rows have in common; `outside` counts rows with any value outside, and
    `incomplete` rows with any value missing."""

    rows: int
    duplicates: int
    conflicts: int | None
    outside: int | None = None
    incomplete: int | None = None


def row_quality(
    features: Hashes,
    target: Hashes | None,
    *,
    outside_rows: int | None = None,
    incomplete_rows: int | None = None,
) -> RowQuality:
    """Count rows that repeat an earlier one in all features and the target, and rows
    whose features also stand in a row with another target."""
    whole = features if target is None else features ^ (target * np.uint64(3))
    duplicates = len(whole) - len(np.unique(whole))
    conflicts = None if target is None else _conflicts(features, whole)
    return RowQuality(
        len(features), duplicates, conflicts, outside_rows, incomplete_rows
    )


def _conflicts(features: Hashes, whole: Hashes) -> int:
    order = np.lexsort((whole, features))
    same = features[order][1:] == features[order][:-1]
    differs = same & (whole[order][1:] != whole[order][:-1])
    run = np.cumsum(np.append(0, ~same))
    conflicting = np.bincount(run[1:][differs], minlength=run[-1] + 1) > 0
    return int(np.bincount(run)[conflicting].sum())


def evaluate(*, columns: Sequence[ColumnQuality], rows: RowQuality) -> Evaluation:
    """Put counts of columns and rows into measurements with Wilson intervals.

    Measured are the hundred columns with the most missing; the summary has all.
    Raises UnusableEvidence without rows.
    """
    if not rows.rows or not columns:
        raise UnusableEvidence("The data have no rows, or no columns to look at.")
    names = short_names([one.name for one in columns])
    pairs = zip(names, columns, strict=True)
    ordered = sorted(pairs, key=lambda pair: -pair[1].missing)
    constant = [name for name, one in ordered if one.distinct <= 1]
    nearly = [
        name
        for name, one in ordered
        if one.distinct > 1 and one.commonest > NEARLY * one.rows
    ]
    return Evaluation(
        measurements=(
            *_by_column(ordered),
            _maybe("incomplete_row_share", rows.incomplete, rows.rows, "no count"),
            _share("duplicate_share", rows.duplicates, rows.rows),
            _maybe("conflicting_label_share", rows.conflicts, rows.rows, "no target"),
            _maybe("out_of_range_share", rows.outside, rows.rows, "no training data"),
            _count("constant_columns", len(constant), len(columns)),
            _count("nearly_constant_columns", len(nearly), len(columns)),
        ),
        summary={
            "rows": rows.rows,
            "columns": [_shown(name, one) for name, one in ordered],
            "constant": constant,
            "nearly_constant": nearly,
        },
        warnings=_warnings(constant),
        limits=LIMITS,
        versions=versions_of("numpy", "scipy"),
    )


def _by_column(ordered: Sequence[tuple[str, ColumnQuality]]) -> list[Measurement]:
    columns = [one for _, one in ordered]
    cells = sum(one.rows for one in columns)
    return [
        _share("missing_share_overall", sum(one.missing for one in columns), cells),
        *(
            _share("missing_share", one.missing, one.rows, f"feature={name}")
            for name, one in ordered[:SHOWN]
        ),
        _share("infinite_share", sum(one.infinite for one in columns), cells),
    ]


def _warnings(constant: Sequence[str]) -> tuple[str, ...]:
    if not constant:
        return ()
    shown = ", ".join(constant[:8])
    return (f"Constant columns say nothing about what the model does: {shown}.",)


def _shown(name: str, one: ColumnQuality) -> dict[str, Any]:
    return {
        "feature": name,
        "rows": one.rows,
        "missing": one.missing,
        "infinite": one.infinite,
        "distinct": one.distinct,
        "commonest": one.commonest,
        "outside": one.outside,
    }


def _share(name: str, hits: int, trials: int, group: str = "") -> Measurement:
    if not trials:
        return not_estimable(name, group=group, why="not estimable: there are no rows")
    lower, upper = wilson(hits, trials)
    return Measurement(
        name, hits / trials, lower, upper, trials, group, "Wilson interval"
    )


def _maybe(name: str, hits: int | None, trials: int, lacking: str) -> Measurement:
    if hits is None:
        why = f"not estimable: {lacking} to compare with"
        return not_estimable(name, n=trials, why=why)
    return _share(name, hits, trials)


def _count(name: str, value: int, of: int) -> Measurement:
    return Measurement(name, float(value), n=of, method=f"of {of} columns")
