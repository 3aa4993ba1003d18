"""Verb `predict`: the scores of every row, or of a range of rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.checking import facts
from audits.sandboxed.loading import Model, Scores, load
from audits.sandboxed.reading import feature_batches, open_table
from audits.sandboxed.refusal import Refused

ASKED_TWICE = 500
# Matrix products of other sizes round differently in float32.
SAME = 1e-5


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Answer `scores` in the order of the file, for rows `first` to `end` (excluded).

    (n,) for two classes and for values, (n, classes) for several classes.
    """
    progress(0.05, "loading the model")
    model = load(files["model"], format=options["format"])
    progress(0.2, "reading the data")
    table = open_table(files["data"], options)
    first, end = table.range(int(options.get("first", 0)), options.get("end"))
    parts: list[Scores] = []
    done = 0
    for rows in feature_batches(table, options):
        progress(0.3 + 0.7 * done / (end - first), "scoring")
        parts.append(model.score(rows, str(options["positive"])))
        if not done:
            _ask_twice(model, rows, parts[0], str(options["positive"]))
        done += len(rows)
    return facts(model), {"scores": np.concatenate(parts)}


def _ask_twice(model: Model, rows: pd.DataFrame, scores: Scores, positive: str) -> None:
    """Refuse a model whose answer for a row hangs on chance or on the rows beside it.

    Some rows are scored again in the opposite order.
    """
    sample = rows.iloc[:ASKED_TWICE]
    if len(scores) != len(rows):
        raise Refused(f"The model answered {len(scores)} scores for {len(rows)} rows.")
    again = model.score(sample.iloc[::-1].reset_index(drop=True), positive)[::-1]
    before = scores[: len(sample)]
    if not np.allclose(before, again, rtol=SAME, atol=SAME, equal_nan=True):
        raise Refused(
            "The model is not deterministic: asked twice for the same rows it gave "
            "different scores."
        )
