"""Parquet files, read by batches; the footer is checked against what is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from audits.sandboxed.refusal import Refused, told
from audits.sandboxed.tables import (
    BATCH_ROWS,
    BOOLEAN,
    NUMBER,
    OTHER,
    TEXT,
    TableFile,
    check_names,
    check_rows,
    cuts,
    require_bytes,
)
from audits.sandboxed.threads import threads

PAGE_BUFFER = 1024**2  # else a whole column of a row group is held in memory


class ParquetTable(TableFile):
    """A Parquet file; the types are its schema's."""

    by_columns = True

    def __init__(self, path: Path, *, max_rows: int, max_columns: int) -> None:
        require_bytes(path)
        pa.set_cpu_count(threads())
        with _refusing():
            self.file = pq.ParquetFile(
                path, buffer_size=PAGE_BUFFER, pre_buffer=False, memory_map=False
            )
            self.schema = self.file.schema_arrow
            self.metadata = self.file.metadata
            groups = range(self.metadata.num_row_groups)
            self.sizes = [self.metadata.row_group(group).num_rows for group in groups]
        self.rows = int(self.metadata.num_rows)
        if sum(self.sizes) != self.rows or any(size < 0 for size in self.sizes):
            raise Refused("The Parquet file counts its rows wrongly.")
        check_rows(self.rows, max_rows=max_rows)
        self.names = tuple(self.schema.names)
        check_names(self.names, max_columns=max_columns)

    def kind(self, name: str) -> str:
        kind = _plain(self.schema.field(name).type)
        if pa.types.is_boolean(kind):
            return BOOLEAN
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return NUMBER
        if pa.types.is_decimal(kind) or pa.types.is_null(kind):
            return NUMBER
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return TEXT
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return TEXT
        return TEXT if pa.types.is_string_view(kind) else OTHER

    def batches(
        self, names: Sequence[str], *, first: int = 0, end: int | None = None
    ) -> Iterator[pd.DataFrame]:
        first, end = self.range(first, end)
        self.require(names)
        kinds = {name: self.kind(name) for name in names}
        lacking = {name: self._may_lack(name) for name in names}
        for part in self._parts(names, first, end):
            columns = {
                name: _series(part.column(name), kinds[name], lacking=lacking[name])
                for name in names
            }
            yield pd.DataFrame(columns, columns=list(names))

    def _parts(self, names: Sequence[str], first: int, end: int) -> Iterator[pa.Table]:
        """Answer the rows of each cut as one table of Arrow columns."""
        groups, at = self._groups(first, end)
        wanted = cuts(first, end)
        held: pa.Table | None = None
        with _refusing():
            for batch in self.file.iter_batches(
                batch_size=BATCH_ROWS, row_groups=groups, columns=list(names)
            ):
                new = pa.Table.from_batches([batch])
                held = new if held is None else pa.concat_tables([held, new])
                while wanted and at + held.num_rows >= wanted[0][1]:
                    start, stop = wanted.pop(0)
                    yield held.slice(start - at, stop - start)
                    held, at = held.slice(stop - at), stop
                if not wanted:
                    return
        raise Refused("The Parquet file holds fewer rows than its footer says.")

    def _groups(self, first: int, end: int) -> tuple[list[int], int]:
        """Answer the row groups that hold the range, and where the first begins."""
        chosen: list[int] = []
        begin = at = 0
        for group, size in enumerate(self.sizes):
            if at < end and at + size > first:
                begin = begin if chosen else at
                chosen.append(group)
            at += size
        return chosen, begin

    def _may_lack(self, name: str) -> bool:
        """Whether the footer says that values are missing, or does not say."""
        place = self.schema.get_field_index(name)
        for group in range(self.metadata.num_row_groups):
            facts = self.metadata.row_group(group).column(place).statistics
            if facts is None or not facts.has_null_count or facts.null_count:
                return True
        return False


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _series(
    column: pa.ChunkedArray, kind: str, *, lacking: bool
) -> "pd.Series[float] | pd.Series[bool] | pd.Series[str]":
    """Answer a column as `pandas.read_csv` would type it if it read the whole file."""
    if column.null_count and not lacking:
        raise Refused(
            "The Parquet file's statistics say that no value is missing, but some are."
        )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type) or pa.types.is_null(column.type):
        column = column.cast(pa.float64())
    if kind == NUMBER:
        whole = pa.types.is_integer(column.type) and not lacking
        values = column.to_numpy() if whole else column.cast(pa.float64()).to_numpy()
        return pd.Series(values)
    if kind == BOOLEAN:
        said = pd.Series(column.to_pandas(), dtype=object if lacking else bool)
        return said.where(said.notna(), np.nan) if lacking else said
    return pd.Series(_as_text(column).to_pandas())


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Answer words as they are, and dates as ISO 8601 writes them, times in UTC."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    return column.cast(pa.large_string())


class _refusing:
    """Turns what pyarrow raises into a sentence; too little memory stays that."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, trouble: BaseException | None, _: object) -> None:
        if isinstance(trouble, MemoryError):
            raise MemoryError from trouble
        if isinstance(trouble, (pa.ArrowException, OSError)):
            raise Refused(
                f"The Parquet file cannot be read: {told(trouble, 300)}."
            ) from trouble
