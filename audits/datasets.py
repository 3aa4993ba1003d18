"""Data files as checked columns; the parsing itself happens in the sandbox."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits import sandbox

MAX_ROWS = 5_000_000
MAX_COLUMNS = 2_000


class DatasetProblem(Exception):
    """The data cannot be used as declared; the text is a full sentence for people."""


@dataclass(frozen=True)
class Column:
    """What is known of one column without its values."""

    name: str
    kind: str  # number, boolean, text or other
    missing: int
    infinite: int
    distinct: int
    shown: tuple[str, ...]  # up to 50 of its values, as text


@dataclass(frozen=True)
class Inspection:
    """What a data file holds, and under which isolation it was opened."""

    rows: int
    columns: tuple[Column, ...]
    level: str

    def column(self, name: str) -> Column:
        """Answer a column by name. Raises DatasetProblem."""
        for column in self.columns:
            if column.name == name:
                return column
        raise DatasetProblem(f"The data have no column {name!r}.")


@dataclass(frozen=True)
class Table:
    """The values of chosen columns, as numbers or as text with None for missing."""

    rows: int
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, NDArray[np.object_]]
    inspection: Inspection

    def words(
        self, name: str, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.object_]:
        """Answer a column as words, None where missing; whole numbers without `.0`.

        `rows` picks some rows. Raises DatasetProblem when there is no such column.
        """
        if name in self.texts:
            return self.texts[name] if rows is None else self.texts[name][rows]
        values = self.number(name) if rows is None else self.number(name)[rows]
        whole = bool(np.all(np.isnan(values) | (values == np.floor(values))))
        said = [_word(value, whole=whole) for value in values]
        return np.array(said, dtype=object)

    def number(self, name: str) -> NDArray[np.float64]:
        """Answer a column of numbers, NaN where missing. Raises DatasetProblem."""
        if name in self.numbers:
            return self.numbers[name]
        if name in self.texts:
            raise DatasetProblem(f"The column {name!r} holds text, not numbers.")
        raise DatasetProblem(f"The data have no column {name!r}.")


def inspect(
    path: Path,
    *,
    media_type: str,
    max_rows: int = MAX_ROWS,
    timeout_seconds: float = sandbox.DEFAULT_TIMEOUT_SECONDS,
    memory_bytes: int = sandbox.DEFAULT_MEMORY_BYTES,
) -> Inspection:
    """Say which columns a CSV or Parquet file has. Raises SandboxRefused."""
    table = read(
        path,
        media_type=media_type,
        columns=(),
        max_rows=max_rows,
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
    )
    return table.inspection


def read(
    path: Path,
    *,
    media_type: str,
    columns: Sequence[str],
    max_rows: int = MAX_ROWS,
    timeout_seconds: float = sandbox.DEFAULT_TIMEOUT_SECONDS,
    memory_bytes: int = sandbox.DEFAULT_MEMORY_BYTES,
    on_progress: sandbox.OnProgress | None = None,
) -> Table:
    """Read the named columns of a file that a child parses and we check.

    Raises SandboxRefused when the file cannot be read, DatasetProblem when the answer
    does not fit together.
    """
    result = sandbox.run(
        "inspect",
        files={"data": path},
        options={
            "media_type": media_type,
            "max_rows": max_rows,
            "max_columns": MAX_COLUMNS,
            "values": list(columns),
        },
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
        on_progress=on_progress,
    )
    try:
        return _table(result, wanted=columns)
    except (KeyError, TypeError, ValueError) as trouble:
        raise DatasetProblem(
            "The data could not be read: the parser's answer does not fit together."
        ) from trouble


def _table(result: sandbox.SandboxResult, *, wanted: Sequence[str]) -> Table:
    rows = int(result.values["rows"])
    columns = [_column(facts) for facts in result.values["columns"]]
    numbers: dict[str, NDArray[np.float64]] = {}
    texts: dict[str, NDArray[np.object_]] = {}
    for index, (column, facts) in enumerate(
        zip(columns, result.values["columns"], strict=True)
    ):
        if column.name not in wanted:
            continue
        values = result.arrays[str(index)]
        if values.shape != (rows,):
            raise ValueError("length")
        if column.kind == "text":
            texts[column.name] = _texts(values, facts["categories"])
        else:
            numbers[column.name] = values.astype(np.float64)
    inspection = Inspection(rows=rows, columns=tuple(columns), level=result.level)
    return Table(rows=rows, numbers=numbers, texts=texts, inspection=inspection)


def _column(facts: Mapping[str, Any]) -> Column:
    return Column(
        name=str(facts["name"]),
        kind=str(facts["kind"]),
        missing=int(facts["missing"]),
        infinite=int(facts["infinite"]),
        distinct=int(facts["distinct"]),
        shown=tuple(map(str, facts["shown"])),
    )


def _texts(codes: NDArray[Any], categories: Sequence[str]) -> NDArray[np.object_]:
    words = np.array([*map(str, categories), None], dtype=object)
    if len(codes) and not (codes.min() >= -1 and codes.max() < len(categories)):
        raise ValueError("code")
    texts: NDArray[np.object_] = words[codes]  # -1, missing, is the last: None
    return texts


def _word(value: float, *, whole: bool) -> str | None:
    if math.isnan(value):
        return None
    return str(int(value)) if whole and math.isfinite(value) else repr(float(value))
