"""Columns of a table as evaluators see them: numbers, or codes of categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.naming import short_names

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
MISSING = "missing"
OTHER = "other"


@dataclass(frozen=True)
class Numbers:
    """A column of numbers; NaN where missing, infinities are allowed."""

    name: str
    values: Floats


@dataclass(frozen=True)
class Categories:
    """A column of categories: codes into `labels`, -1 where missing."""

    name: str
    codes: NDArray[np.integer[Any]]
    labels: tuple[str, ...]


Column = Numbers | Categories


@dataclass(frozen=True)
class Bands:
    """A column cut into few bands: each row's band and the bands' names."""

    name: str
    of_row: Codes
    labels: tuple[str, ...]


def bands(column: Column, *, most: int) -> Bands:
    """Cut a column into at most `most` bands, and one for missing values if any.

    Numbers are cut at quantiles, equal values stay together; of categories the most
    frequent keep their name and the rest is `other`.
    """
    if isinstance(column, Categories):
        return _banded_categories(column, most)
    return _banded_numbers(column, most)


def _banded_numbers(column: Numbers, most: int) -> Bands:
    values = column.values
    known = np.sort(values[~np.isnan(values)])
    inner: Floats = np.empty(0)
    if len(known):
        places = np.arange(1, most) * len(known) // most
        inner = np.unique(known[places])
        inner = inner[inner > known[0]]
    of_row = np.searchsorted(inner, values, side="right").astype(np.int64)
    labels = _ranges(inner)
    lost = np.isnan(values)
    if lost.any():
        of_row[lost] = len(labels)
        labels = [*labels, MISSING]
    return Bands(column.name, of_row, tuple(labels))


def _ranges(inner: Floats) -> list[str]:
    if not len(inner):
        return ["any"]
    words = [f"{edge:.6g}" for edge in inner]
    if len(set(words)) < len(words):
        words = [repr(float(edge)) for edge in inner]
    pairs = zip(words, words[1:], strict=False)
    between = [f"{low} to below {high}" for low, high in pairs]
    return [f"below {words[0]}", *between, f"from {words[-1]}"]


def _banded_categories(column: Categories, most: int) -> Bands:
    count = len(column.labels)
    rows = np.bincount(column.codes + 1, minlength=count + 1)[1:]
    order = np.argsort(-rows, kind="stable")
    kept = order if count <= most else order[: most - 1]
    place = np.full(count + 1, len(kept), np.int64)
    place[kept] = np.arange(len(kept))
    names = list(short_names([column.labels[code] for code in kept], 50))
    if len(kept) < count:
        names.append(OTHER)
    place[-1] = len(names)  # codes of -1
    of_row = place[column.codes]
    if (column.codes < 0).any():
        names.append(MISSING)
    return Bands(column.name, of_row, tuple(names))


def chosen(column: Column, rows: NDArray[np.int64] | None) -> Column:
    """Some rows of a column; None means all."""
    if rows is None:
        return column
    if isinstance(column, Numbers):
        return Numbers(column.name, column.values[rows])
    return Categories(column.name, column.codes[rows], column.labels)


def as_categories(column: Column) -> Categories:
    """The column as categories: each different number is one, written out."""
    if isinstance(column, Categories):
        return column
    distinct, codes = np.unique(column.values, return_inverse=True, equal_nan=True)
    lost = bool(len(distinct)) and bool(np.isnan(distinct[-1]))
    known = distinct[:-1] if lost else distinct
    codes = np.where(codes == len(known), -1, codes)
    return Categories(column.name, codes, tuple(f"{value:.17g}" for value in known))


def named(columns: Sequence[Column]) -> dict[str, str]:
    """Short distinct names of columns, by their full name."""
    names = [column.name for column in columns]
    return dict(zip(names, short_names(names, 36), strict=True))
