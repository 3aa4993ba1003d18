"""Which raw column each encoded column comes from, so that SHAP values sum back.

Endorsed by shap's maintainers for one-hot encoding (shap issue 1654). An encoded column
that depends on several raw columns cannot be summed back.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from audits.sandboxed.loading import Scores

NO_OWNER = -1


def owners(
    make: Callable[[pd.DataFrame], Scores], frame: pd.DataFrame, before: Any
) -> NDArray[np.int64] | None:
    """Name the raw column of each encoded column; None when one has two.

    Each raw column is turned around in its place, and what changes belongs to it. Rare
    categories may not occur in `frame`: for them `before`, a ColumnTransformer, says
    whose they are. What nobody owns is NO_OWNER.
    """
    whole = make(frame)
    found = np.full(whole.shape[1], NO_OWNER)
    for index, name in enumerate(frame.columns):
        turned = frame.copy()
        kinds = pd.factorize(frame[name], use_na_sentinel=False)[0]
        order = np.argsort(kinds, kind="stable")
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
    """Send each row to one half a table away in order of value, so that it differs."""
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
    """How many columns a transformer makes of each; empty where it does not say."""
    steps = [step for _, step in part.steps] if isinstance(part, Pipeline) else [part]
    if not all(map(_keeps_columns, steps[:-1])):
        return []
    last = steps[-1]
    if isinstance(last, OneHotEncoder) and len(last.categories_) == columns:
        return [int(count) for count in last._n_features_outs]
    return [1] * columns if _keeps_columns(last) else []


def _keeps_columns(step: Any) -> bool:
    """Whether a step makes one column of each, in order."""
    if isinstance(step, SimpleImputer):
        return not step.add_indicator
    return isinstance(step, OneToOneFeatureMixin) or step == "passthrough"
