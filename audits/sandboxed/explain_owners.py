"""Which raw column each encoded column comes from, so that SHAP values sum back.

Endorsed by shap's maintainers for one-hot encoding (shap issue 1654). An encoded column
that depends on several raw columns cannot be summed back.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from audits.sandboxed.loading import Scores

NO_OWNER = -1


def owners(
    make: Callable[[pd.DataFrame], Scores], frame: pd.DataFrame, before: Any
) -> NDArray[np.int64] | None:
    """Name the raw column of each encoded column; None when one has two.

    Each raw column is turned around in its place, and what changes belongs to it. Rare
    categories may not occur in `frame`: for them `before`, a ColumnTransformer of
    one-hot encoders, says whose they are. What nobody owns is the same in all rows and
    goes to the first column; the explainers check that it contributes nothing.
    """
    whole = make(frame)
    found = np.full(whole.shape[1], NO_OWNER)
    for index, name in enumerate(frame.columns):
        turned = frame.copy()
        order = np.argsort(frame[name].astype(str).to_numpy(), kind="stable")
        turned[name] = frame[name].to_numpy()[_cycle(order)]
        moved = ~np.isclose(make(turned), whole, equal_nan=True).all(axis=0)
        if (found[moved] != NO_OWNER).any():
            return None
        found[moved] = index
    for column, name in _declared(before).items():
        if found[column] == NO_OWNER and name in frame.columns:
            found[column] = frame.columns.get_loc(name)
    return found


def _cycle(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Send each row to one half a table away in sorted order, so that values differ."""
    source = np.empty_like(order)
    source[order] = np.roll(order, max(1, len(order) // 2))
    return source


def _declared(before: Any) -> dict[int, str]:
    """What a ColumnTransformer says: encoded column to raw column."""
    last = before.steps[-1][1] if isinstance(before, Pipeline) else before
    if not isinstance(last, ColumnTransformer) or last is not _first(before):
        return {}
    found: dict[int, str] = {}
    for name, part, columns in last.transformers_:
        place = last.output_indices_.get(name)
        if place is None or not all(isinstance(column, str) for column in columns):
            continue
        width = place.stop - place.start
        single = len(columns) == 1
        widths = [width] if single else _widths(part, len(columns))
        if sum(widths) == width:
            whose = np.repeat(list(columns), widths)
            found |= dict(zip(range(place.start, place.stop), whose, strict=True))
    return found


def _first(before: Any) -> Any:
    return before.steps[0][1] if isinstance(before, Pipeline) else before


def _widths(part: Any, columns: int) -> list[int]:
    """How many columns an encoder (or a pipeline that ends in one) makes of each."""
    last = part.steps[-1][1] if isinstance(part, Pipeline) else part
    if isinstance(last, OneHotEncoder) and len(last.categories_) == columns:
        return [int(count) for count in last._n_features_outs]
    return []
