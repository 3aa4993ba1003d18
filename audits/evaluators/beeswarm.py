"""Points of a beeswarm chart: SHAP value and how large the feature's value is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.datasets import Table
from audits.explanations import Sample

MAX_ROWS = 200
MAX_FEATURES = 20
MAX_WORD = 80


def points(
    sample: Sample, features: Sequence[str], table: Table
) -> list[dict[str, Any]]:
    """Answer the points of the 20 most important features for up to 200 rows.

    `level` is the value between the 5 % and 95 % points of the sample, from 0 to 1;
    None for text and missing values.
    """
    rows = sample.rows[:MAX_ROWS]
    order = np.argsort(-np.abs(sample.phi).mean(axis=0), kind="stable")
    found = []
    for index in order[:MAX_FEATURES]:
        name = features[index]
        levels = _levels(name, rows, table)
        words = table.words(name, rows)
        for place, word in enumerate(words):
            found.append(
                {
                    "feature": name,
                    "shap": float(sample.phi[place, index]),
                    "level": levels[place],
                    "value": None if word is None else word[:MAX_WORD],
                }
            )
    return found


def _levels(name: str, rows: NDArray[np.int64], table: Table) -> list[float | None]:
    if name in table.texts:
        return [None] * len(rows)
    values = table.number(name)[rows]
    known = values[np.isfinite(values)]
    if not len(known):
        return [None] * len(rows)
    low, high = np.quantile(known, [0.05, 0.95])
    if low == high:
        low, high = known.min(), known.max()
    width = (high - low) or 1.0
    return [
        float(np.clip((value - low) / width, 0, 1)) if np.isfinite(value) else None
        for value in values
    ]
