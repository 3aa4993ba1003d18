"""Data files as checked columns; the parsing itself happens in the sandbox."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits import sandbox

MAX_ROWS = 100_000_000
MAX_CSV_ROWS = 10_000_000  # text is parsed twice; larger data belong into Parquet
MAX_COLUMNS = 2_000
CSV = "text/csv"


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


class Texts(Mapping[str, NDArray[np.object_]]):
    """Columns of text by name, None where missing; made when they are asked for."""

    def __init__(self, codes: Mapping[str, "Coded"]) -> None:
        self._codes = codes

    def __getitem__(self, name: str) -> NDArray[np.object_]:
        return self._codes[name].words()

    def coded(self, name: str) -> "Coded":
        """Answer a column as codes. Raises KeyError."""
        return self._codes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._codes

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)


@dataclass(frozen=True)
class Coded:
    """A column as places in a sorted list of different words; -1 means missing."""

    codes: NDArray[np.int32]
    categories: tuple[str, ...]

    def words(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.object_]:
        """Answer the words of all rows, or of some; None where missing."""
        words = np.array([*self.categories, None], dtype=object)
        chosen = self.codes if rows is None else self.codes[rows]
        found: NDArray[np.object_] = words[chosen]  # -1 is the last: None
        return found


@dataclass(frozen=True)
class Table:
    """The values of chosen columns, as numbers or as text with None for missing."""

    rows: int
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Texts
    inspection: Inspection

    def words(
        self, name: str, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.object_]:
        """Answer a column as words, None where missing; whole numbers without `.0`.

        `rows` picks some rows. Raises DatasetProblem when there is no such column.
        """
        if name in self.texts:
            return self.texts.coded(name).words(rows)
        values = self.number(name) if rows is None else self.number(name)[rows]
        return _coded(values).words()

    def coded(self, name: str) -> Coded:
        """Answer a column as int32 codes into its different words, -1 where missing.

        The same words as `words`, without an object for each row: text in the order of
        the alphabet, numbers in theirs. Raises DatasetProblem.
        """
        if name in self.texts:
            return self.texts.coded(name)
        return _coded(self.number(name))

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
    max_rows: int | None = None,
    timeout_seconds: float = sandbox.DEFAULT_TIMEOUT_SECONDS,
    memory_bytes: int = sandbox.DEFAULT_MEMORY_BYTES,
) -> Inspection:
    """Say what all columns of a CSV or Parquet file hold. Raises SandboxRefused.

    Different values are counted up to 100,000. At most `max_rows` are read: 100 million
    of a Parquet file and 10 million of a CSV unless given.
    """
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
    first_row: int = 0,
    end_row: int | None = None,
    max_rows: int | None = None,
    timeout_seconds: float = sandbox.DEFAULT_TIMEOUT_SECONDS,
    memory_bytes: int = sandbox.DEFAULT_MEMORY_BYTES,
    on_progress: sandbox.OnProgress | None = None,
) -> Table:
    """Read the named columns of a file that a child parses and we check.

    Rows `first_row` to `end_row` (excluded) are read, all unless given; the inspection
    tells of the named columns in these rows only. Memory here: 8 bytes for a number, 4
    for a text. Raises SandboxRefused when the file cannot be read, DatasetProblem when
    the answer does not fit together.
    """
    result = sandbox.run(
        "inspect",
        files={"data": path},
        options={
            "media_type": media_type,
            "max_rows": max_rows or row_limit(media_type),
            "max_columns": MAX_COLUMNS,
            "values": list(columns),
            "first": first_row,
            "end": end_row,
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


def row_limit(media_type: str) -> int:
    """How many rows are read of a file of that type."""
    return MAX_CSV_ROWS if media_type == CSV else MAX_ROWS


def _table(result: sandbox.SandboxResult, *, wanted: Sequence[str]) -> Table:
    rows = int(result.values["rows"])
    columns = [_column(facts) for facts in result.values["columns"]]
    numbers: dict[str, NDArray[np.float64]] = {}
    texts: dict[str, Coded] = {}
    for index, (column, facts) in enumerate(
        zip(columns, result.values["columns"], strict=True)
    ):
        if column.name not in wanted:
            continue
        values = result.arrays[str(index)]
        if values.shape != (rows,):
            raise ValueError("length")
        if column.kind == "text":
            texts[column.name] = _checked_codes(values, facts["categories"])
        else:
            numbers[column.name] = values.astype(np.float64, copy=False)
    inspection = Inspection(rows=rows, columns=tuple(columns), level=result.level)
    return Table(rows=rows, numbers=numbers, texts=Texts(texts), inspection=inspection)


def _column(facts: Mapping[str, Any]) -> Column:
    return Column(
        name=str(facts["name"]),
        kind=str(facts["kind"]),
        missing=int(facts["missing"]),
        infinite=int(facts["infinite"]),
        distinct=int(facts["distinct"]),
        shown=tuple(map(str, facts["shown"])),
    )


def _checked_codes(codes: NDArray[Any], categories: Sequence[str]) -> Coded:
    if len(codes) and not (codes.min() >= -1 and codes.max() < len(categories)):
        raise ValueError("code")
    return Coded(codes.astype(np.int32, copy=False), tuple(map(str, categories)))


def _coded(values: NDArray[np.float64]) -> Coded:
    """Write numbers as words: whole numbers without `.0` when all are whole."""
    different, codes = np.unique(values, return_inverse=True, equal_nan=True)
    lost = len(different) and math.isnan(different[-1])  # NaN is sorted to the end
    known = different[:-1] if lost else different
    whole = bool(np.all(np.floor(known) == known))
    places: NDArray[np.int32] = codes.astype(np.int32)
    places[places == len(known)] = -1
    return Coded(places, tuple(_word(value, whole=whole) for value in known))


def _word(value: float, *, whole: bool) -> str:
    return str(int(value)) if whole and math.isfinite(value) else repr(float(value))
