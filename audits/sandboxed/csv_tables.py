"""CSV files, typed once for the whole file and then read by batches.

pandas decides the type of a column from the rows that it sees. A file that is read in
pieces is therefore read twice: once to find a type that fits all pieces, by the rules
of `pandas.read_csv` on a whole file, and once with these types.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audits.sandboxed.refusal import Refused, told
from audits.sandboxed.tables import (
    BATCH_ROWS,
    BOOLEAN,
    NUMBER,
    TEXT,
    TableFile,
    check_names,
    check_rows,
    cuts,
    require_bytes,
)

HEADER_BYTES = 1024**2
WHOLE_BYTES = 64 * 1024**2  # smaller files are read at once
EMPTY, MIXED = "empty", "object"


class CsvTable(TableFile):
    """A CSV file: UTF-8, commas, one header row."""

    def __init__(self, path: Path, *, max_rows: int, max_columns: int) -> None:
        require_bytes(path)
        self.path = path
        self.names = tuple(_header(path))
        check_names(self.names, max_columns=max_columns)
        self.whole: pd.DataFrame | None = None
        if path.stat().st_size <= WHOLE_BYTES:
            self.whole = _read(path, nrows=max_rows + 1, low_memory=False)
            self.rows = len(self.whole)
            self.types = {name: _type(self.whole[name]) for name in self.names}
        else:
            self.rows, self.types = _survey(path, self.names, max_rows=max_rows)
        check_rows(self.rows, max_rows=max_rows)

    def kind(self, name: str) -> str:
        kind = self.types[name]
        if kind in ("bool", MIXED):
            return BOOLEAN
        return TEXT if kind == "str" else NUMBER

    def batches(
        self, names: Sequence[str], *, first: int = 0, end: int | None = None
    ) -> Iterator[pd.DataFrame]:
        first, end = self.range(first, end)
        self.require(names)
        pieces = cuts(first, end)
        if self.whole is not None:
            for start, stop in pieces:
                yield self.whole[list(names)].iloc[start:stop].reset_index(drop=True)
            return
        types = {name: self.types[name] for name in names if self.types[name] != MIXED}
        step = BATCH_ROWS
        reader = _read(
            self.path,
            usecols=list(names),
            chunksize=step,
            dtype={name: _or_float(kind) for name, kind in types.items()},
        )
        for number, chunk in enumerate(_chunks(reader)):
            if pieces and number * step + len(chunk) > pieces[0][0]:
                start, stop = (edge - number * step for edge in pieces.pop(0))
                yield self._typed(chunk[list(names)].iloc[start:stop])
            if not pieces:
                return
        raise Refused("The CSV changed while it was read.")

    def _typed(self, chunk: pd.DataFrame) -> pd.DataFrame:
        mixed = [name for name in chunk.columns if self.types[name] == MIXED]
        return chunk.astype(dict.fromkeys(mixed, object)).reset_index(drop=True)


def _or_float(kind: str) -> str:
    return "float64" if kind == EMPTY else kind


def _survey(
    path: Path, names: Sequence[str], *, max_rows: int
) -> tuple[int, dict[str, str]]:
    """Count the rows and find a type for each column, in one pass."""
    rows = 0
    seen: dict[str, set[str]] = {name: set() for name in names}
    reader = _read(path, chunksize=BATCH_ROWS, low_memory=False)
    for chunk in _chunks(reader):
        rows += len(chunk)
        check_rows(rows, max_rows=max_rows)
        for name in names:
            seen[name].add(_type(chunk[name]))
    return rows, {name: _common(kinds) for name, kinds in seen.items()}


def _type(column: "pd.Series[Any]") -> str:
    """Name the type that pandas gave a column, or a piece of one."""
    if column.dtype == object:
        words = any(isinstance(value, str) for value in column)
        return "str" if words else MIXED
    if pd.api.types.is_bool_dtype(column.dtype):
        return "bool"
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy()
        lost = values.dtype.kind == "f" and bool(np.isnan(values).all())
        return EMPTY if lost else str(column.dtype)
    return "str"


def _common(kinds: set[str]) -> str:
    """Answer the type that pandas gives a whole column of such pieces."""
    filled = kinds - {EMPTY}
    if not filled:
        return EMPTY
    if filled <= {"bool", MIXED}:
        return "bool" if kinds == {"bool"} else MIXED
    if len(kinds) == 1:
        return filled.pop()
    return "float64" if filled <= {"int64", "uint64", "float64"} else "str"


def _read(path: Path, **options: Any) -> Any:
    try:
        return pd.read_csv(path, encoding="utf-8-sig", engine="c", **options)
    except UnicodeDecodeError as trouble:
        raise Refused("The CSV is not UTF-8 text.") from trouble
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as trouble:
        raise _unreadable(trouble) from trouble


def _chunks(reader: Any) -> Iterator[pd.DataFrame]:
    with reader:
        while True:
            try:
                chunk = next(reader, None)
            except UnicodeDecodeError as trouble:
                raise Refused("The CSV is not UTF-8 text.") from trouble
            except (pd.errors.ParserError, ValueError) as trouble:
                raise _unreadable(trouble) from trouble
            if chunk is None:
                return
            yield chunk


def _unreadable(trouble: Exception) -> Refused:
    words = told(trouble, 300)
    if "out of memory" in words:
        raise MemoryError from trouble
    return Refused(f"The CSV cannot be read: {words}.")


def _header(path: Path) -> list[str]:
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused("The CSV is UTF-16; save it as UTF-8.")
    if b"\0" in start:
        raise Refused("The data are not a CSV: they hold zero bytes.")
    try:
        text = start.decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError as trouble:
        if trouble.start < len(start) - 4:  # not just a character cut in two
            raise Refused("The CSV is not UTF-8 text.") from trouble
        text = start[: trouble.start].decode("utf-8-sig")
    try:
        rows = csv.reader(io.StringIO(text))
        names, first = next(rows, []), next(rows, [])
    except csv.Error as trouble:
        raise Refused(f"The CSV header cannot be read: {trouble}.") from trouble
    if len(first) > len(names):  # pandas would take the first column as an index
        raise Refused("The rows of the CSV have more fields than its header.")
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise Refused("The CSV must separate its columns by commas.")
    return names
