"""Reads an uploaded CSV or Parquet file into a frame, or says what is wrong."""

import csv
import io
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from audits.sandboxed.refusal import Refused

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
HEADER_BYTES = 1024**2


def read_frame(
    path: Path, *, media_type: str, max_rows: int, max_columns: int
) -> pd.DataFrame:
    """Read the whole table, as `pandas.read_csv` with its defaults reads it.

    Raises Refused: not text, no header, duplicate headers, ragged rows, no rows,
    too many rows or columns, not Parquet.
    """
    if path.stat().st_size == 0:
        raise Refused("The data file is empty.")
    if media_type == PARQUET:
        frame = _read_parquet(path, max_rows=max_rows, max_columns=max_columns)
    elif media_type == CSV:
        frame = _read_csv(path, max_rows=max_rows, max_columns=max_columns)
    else:
        raise Refused(f"Data must be CSV or Parquet, not {media_type}.")
    if frame.empty:
        raise Refused("The data have a header but no rows.")
    return frame


def _read_csv(path: Path, *, max_rows: int, max_columns: int) -> pd.DataFrame:
    names = _header(path)
    _check_names(names, max_columns=max_columns)
    try:
        frame = pd.read_csv(
            path,
            encoding="utf-8-sig",
            low_memory=False,
            nrows=max_rows + 1,
            engine="c",
        )
    except UnicodeDecodeError as trouble:
        raise Refused("The CSV is not UTF-8 text.") from trouble
    except pd.errors.ParserError as trouble:
        raise Refused(f"The CSV cannot be read: {_one_line(trouble)}.") from trouble
    _check_rows(len(frame), max_rows)
    return frame


def _header(path: Path) -> list[str]:
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
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


def _check_names(names: list[str], *, max_columns: int) -> None:
    if not names or not any(name.strip() for name in names):
        raise Refused("The data have no header row.")
    if len(names) > max_columns:
        raise Refused(
            f"The data have {len(names)} columns; at most {max_columns} are read."
        )
    if any(not name.strip() for name in names):
        raise Refused("The data have a column without a name.")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise Refused(
            f"The data name a column twice: {', '.join(map(repr, twice[:5]))}."
        )


def _check_rows(rows: int, max_rows: int) -> None:
    if rows > max_rows:
        raise Refused(f"The data have more than {max_rows} rows; use a sample.")


def _read_parquet(path: Path, *, max_rows: int, max_columns: int) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(path)
        _check_rows(file.metadata.num_rows, max_rows)
        _check_names(file.schema_arrow.names, max_columns=max_columns)
        frame: pd.DataFrame = file.read().to_pandas()
    except (pa.ArrowException, OSError) as trouble:
        raise Refused(f"The Parquet file cannot be read: {_one_line(trouble)}.") from (
            trouble
        )
    return frame.reset_index(drop=True)


def _one_line(trouble: Exception) -> str:
    return " ".join(str(trouble).split())[:300].rstrip(".")
