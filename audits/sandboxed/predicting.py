"""Verb `predict`: the scores of every row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.checking import facts
from audits.sandboxed.loading import load
from audits.sandboxed.refusal import Refused
from audits.sandboxed.tables import read_frame

CHUNK = 50_000


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Answer `scores`: one number for each row, in the order of the file."""
    progress(0.05, "loading the model")
    model = load(files["model"], format=options["format"])
    progress(0.2, "reading the data")
    frame = read_features(files["data"], options)
    parts = []
    for start in range(0, len(frame), CHUNK):
        progress(0.3 + 0.7 * start / len(frame), "scoring")
        rows = frame.iloc[start : start + CHUNK]
        parts.append(model.score(rows, str(options["positive"])))
    return facts(model), {"scores": np.concatenate(parts)}


def read_features(path: Path, options: Mapping[str, Any]) -> pd.DataFrame:
    """Read the declared features in the declared order. Raises Refused."""
    frame = read_frame(
        path,
        media_type=options["media_type"],
        max_rows=int(options["max_rows"]),
        max_columns=int(options["max_columns"]),
    )
    names = list(options["features"])
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise Refused(f"The data have no column {', '.join(map(repr, missing[:8]))}.")
    return frame[names]
