"""Small, missing, shifted and absurd values of one column, all by a seed."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Random = np.random.Generator
SHIFT = 0.1  # in shares of the rows: one tenth of them lies between
FAR = 10.0  # in ranges of the column
UNKNOWN = "unknown \u2603"  # a category that nobody has trained on
GRID = 21


def is_number(column: "pd.Series[Any]") -> bool:
    """Whether noise can be added: a number of more than two different values."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return False
    return bool(pd.api.types.is_numeric_dtype(column.dtype)) and column.nunique() > 2


def kinds_of(spread: "pd.Series[Any]") -> tuple[str, ...]:
    """What is done to a column: numbers are moved, categories are swapped."""
    if is_number(spread):
        return ("noise", "missing", "up", "down")
    return ("noise", "missing", "swap")


def changed(
    kind: str,
    column: "pd.Series[Any]",
    spread: "pd.Series[Any]",
    *,
    noise: float,
    random: Random,
) -> "pd.Series[Any]":
    """The column with every row changed in one way; `spread` is the wider sample that
    says what is usual."""
    if kind == "missing":
        return _missing(column)
    if kind == "noise":
        if is_number(spread):
            return _noisy(column, spread, noise, random)
        return _redrawn(column, spread, noise, random)
    if kind == "swap":
        return _redrawn(column, spread, 1.0, random)
    return _shifted(column, spread, SHIFT if kind == "up" else -SHIFT)


def _missing(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """No value in any row, in the type that a reader gives such a column."""
    if pd.api.types.is_integer_dtype(column.dtype):
        column = column.astype(np.float64)
    return column.mask(np.ones(len(column), bool))


def _noisy(
    column: "pd.Series[Any]", spread: "pd.Series[Any]", noise: float, random: Random
) -> "pd.Series[Any]":
    known = _finite(spread)
    step = noise * float(known.std())
    moved = random.normal(0.0, step, len(column))
    if (known == np.floor(known)).all():  # whole numbers stay whole
        moved = np.floor(moved + random.random(len(column)))
    values = column.to_numpy(np.float64, na_value=np.nan)
    return _like(np.clip(values + moved, known.min(), known.max()), column)


def _shifted(
    column: "pd.Series[Any]", spread: "pd.Series[Any]", share: float
) -> "pd.Series[Any]":
    """Each value where the column's own distribution is a tenth further."""
    known = np.sort(_finite(spread))
    values = column.to_numpy(np.float64, na_value=np.nan)
    side: Literal["left", "right"] = "right" if share > 0 else "left"
    place = np.searchsorted(known, values, side=side) / len(known) + share
    index = (np.clip(place, 0, 1) * (len(known) - 1)).round().astype(np.int64)
    return _like(np.where(np.isnan(values), np.nan, known[index]), column)


def _redrawn(
    column: "pd.Series[Any]", spread: "pd.Series[Any]", share: float, random: Random
) -> "pd.Series[Any]":
    """Some rows take the value of a row drawn by chance: others as often as usual."""
    chosen = random.random(len(column)) < share
    drawn = spread.iloc[random.integers(0, len(spread), len(column))]
    drawn = drawn.set_axis(column.index)
    return column.where(~chosen, drawn)


def _like(values: NDArray[np.float64], column: "pd.Series[Any]") -> "pd.Series[Any]":
    found = pd.Series(values, index=column.index)
    if pd.api.types.is_integer_dtype(column.dtype) and not np.isnan(values).any():
        return found.astype(column.dtype)
    return found


def _finite(column: "pd.Series[Any]") -> NDArray[np.float64]:
    values = column.to_numpy(np.float64, na_value=np.nan)
    known: NDArray[np.float64] = values[np.isfinite(values)]
    return known if len(known) else np.zeros(1)


def extremes(
    column: "pd.Series[Any]", spread: "pd.Series[Any]"
) -> dict[str, "pd.Series[Any]"]:
    """The column far below and far above all that is usual, or an unknown category."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        words = pd.Series([UNKNOWN] * len(column), index=column.index, dtype=object)
        return {"unknown": words}
    known = _finite(spread.astype(np.float64))
    reach = FAR * max(float(known.max() - known.min()), 1.0)
    low, high = float(known.min()) - reach, float(known.max()) + reach
    return {
        "low": pd.Series(np.full(len(column), low), index=column.index),
        "high": pd.Series(np.full(len(column), high), index=column.index),
    }


def grid_of(spread: "pd.Series[Any]") -> NDArray[np.float64]:
    """Different values of a number from its smallest to its largest, at quantiles."""
    known = np.sort(_finite(spread))
    places = np.linspace(0, len(known) - 1, GRID).round().astype(np.int64)
    return np.unique(known[places])
