"""Points of charts: SHAP value, and how large the feature's value is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.datasets import Table
from audits.explanations import Sample

MAX_ROWS = 200
MAX_FEATURES = 20
MAX_WORD = 80
DEPENDENCE_ROWS = 300
DEPENDENCE_FEATURES = 6
MOST_WORDS = 12


def points(
    sample: Sample, features: Sequence[str], table: Table
) -> list[dict[str, Any]]:
    """Answer the points of the 20 most important features for up to 200 rows.

    The rows are those of the smallest hashes: the same for any split of the data.
    `level` is the value between the 5 % and 95 % points of the sample, from 0 to 1;
    None for text and missing values.
    """
    rows = sample.rows[:MAX_ROWS]
    found = []
    for index in _strongest(sample)[:MAX_FEATURES]:
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


def dependence(
    sample: Sample, features: Sequence[str], table: Table
) -> list[dict[str, Any]]:
    """Answer SHAP value against value for the six most important features.

    Numbers of up to 300 rows as they are; of text the mean SHAP value of each of the 12
    most frequent words. Missing values are a mean of their own, None where there are
    none.
    """
    rows = sample.rows[:DEPENDENCE_ROWS]
    found = []
    for index in _strongest(sample)[:DEPENDENCE_FEATURES]:
        name = features[index]
        phi = sample.phi[: len(rows), index]
        text = name in table.texts
        known = (
            table.words(name, rows) != None  # noqa: E711 - an array of objects
            if text
            else np.isfinite(table.number(name)[rows])
        )
        lost = phi[~known.astype(bool)]
        found.append(
            {
                "feature": name,
                "kind": "text" if text else "number",
                "missing": len(lost),
                "missing_mean_shap": float(lost.mean()) if len(lost) else None,
                "points": _words(table.words(name, rows), phi)
                if text
                else [
                    {"value": float(value), "shap": float(shap)}
                    for value, shap in zip(table.number(name)[rows], phi, strict=True)
                    if np.isfinite(value)
                ],
            }
        )
    return found


def _words(words: NDArray[np.object_], phi: NDArray[np.float64]) -> list[Any]:
    known = sorted({str(word) for word in words if word is not None})
    groups = [(word, phi[words == word]) for word in known]
    groups.sort(key=lambda group: (-len(group[1]), group[0]))
    return [
        {"value": word[:MAX_WORD], "shap": float(part.mean()), "rows": len(part)}
        for word, part in groups[:MOST_WORDS]
    ]


def _strongest(sample: Sample) -> NDArray[np.intp]:
    return np.argsort(-np.abs(sample.phi).mean(axis=0), kind="stable")


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
