"""Verb `inspect`: read a data file and answer its columns as plain arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.refusal import Refused
from audits.sandboxed.tables import read_frame

MAX_DISTINCT_LISTED = 50


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Answer `{rows, columns}` and, for the columns in `values`, their arrays.

    Array `i` belongs to column `i`: float64 with NaN for a missing number, or int32
    codes into the column's `categories` with -1 for a missing text.
    """
    frame = read_frame(
        files["data"],
        media_type=options["media_type"],
        max_rows=int(options["max_rows"]),
        max_columns=int(options["max_columns"]),
    )
    progress(0.5, "reading columns")
    wanted = set(options["values"])
    missing = sorted(wanted - set(frame.columns))
    if missing:
        raise Refused(f"The data have no column {', '.join(map(repr, missing))}.")
    columns: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for index, name in enumerate(frame.columns):
        facts = {"name": name, **_facts(frame[name])}
        if name in wanted:
            facts["categories"], arrays[str(index)] = _encode(frame[name], facts)
        columns.append(facts)
    return {"rows": len(frame), "columns": columns}, arrays


def _facts(column: "pd.Series[Any]") -> dict[str, Any]:
    kind = kind_of(column)
    values = column.to_numpy() if kind == "number" else None
    distinct = column.dropna().unique()
    shown = sorted(map(str, distinct[:MAX_DISTINCT_LISTED]))
    return {
        "kind": kind,
        "missing": int(column.isna().sum()),
        "infinite": int(np.isinf(values.astype(float)).sum())
        if values is not None
        else 0,
        "distinct": len(distinct),
        "shown": [text[:200] for text in shown],
    }


def kind_of(column: "pd.Series[Any]") -> str:
    """Name the kind of a column: boolean, number, text, or other (dates, lists)."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column.dtype) and not (
        pd.api.types.is_complex_dtype(column.dtype)
    ):
        return "number"
    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        return "text"
    return "other"


def _encode(
    column: "pd.Series[Any]", facts: Mapping[str, Any]
) -> tuple[list[str], NDArray[Any]]:
    if facts["kind"] == "other":
        raise Refused(
            f"The column {facts['name']!r} is neither numbers, booleans nor text "
            f"(it is {column.dtype}); convert it before you use it."
        )
    if facts["kind"] in ("number", "boolean"):
        return [], column.to_numpy(dtype=np.float64, na_value=np.nan)
    codes, labels = pd.factorize(column.map(str, na_action="ignore"), sort=True)
    return [str(label) for label in labels], codes.astype(np.int32)
