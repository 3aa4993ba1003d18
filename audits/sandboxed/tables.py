"""An uploaded CSV or Parquet file as batches of rows with one type per column."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from audits.sandboxed.refusal import Refused

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
# Batches begin at multiples of this, wherever a part of the file begins: a model that
# counts in float32 then gives the same bits alone and in parts.
BATCH_ROWS = 50_000
NUMBER, BOOLEAN, TEXT, OTHER = "number", "boolean", "text", "other"


class TableFile(ABC):
    """A data file that is read in bounded memory; names and rows are checked."""

    names: tuple[str, ...]
    rows: int
    by_columns = False  # whether one column can be read without the others

    @abstractmethod
    def kind(self, name: str) -> str:
        """Name the kind of a column: number, boolean, text, or other (lists)."""

    @abstractmethod
    def batches(
        self, names: Sequence[str], *, first: int = 0, end: int | None = None
    ) -> Iterator[pd.DataFrame]:
        """Read rows `first` to `end` (excluded) of these columns, in their order.

        Every batch has the same types, and at most BATCH_ROWS rows. Raises Refused.
        """

    def frame(
        self, names: Sequence[str], *, first: int = 0, end: int | None = None
    ) -> pd.DataFrame:
        """Read rows `first` to `end` (excluded) as one frame. Raises Refused."""
        parts = list(self.batches(names, first=first, end=end))
        return pd.concat(parts, ignore_index=True)

    def require(self, names: Sequence[str]) -> None:
        """Raise Refused when a column is not there or cannot be used."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise Refused(
                f"The data have no column {', '.join(map(repr, missing[:8]))}."
            )
        for name in names:
            if self.kind(name) == OTHER:
                raise Refused(
                    f"The column {name!r} is neither numbers, booleans nor text; "
                    "convert it before you use it."
                )

    def range(self, first: int, end: int | None) -> tuple[int, int]:
        """Answer the range as two row numbers. Raises Refused beyond the data."""
        stop = self.rows if end is None else end
        if not 0 <= first < stop <= self.rows:
            raise Refused(
                f"The rows {first} to {stop} were asked for, but the data have "
                f"{self.rows}."
            )
        return first, stop


def check_names(names: Sequence[str], *, max_columns: int) -> None:
    """Raise Refused for a header without names, with a name twice, or too long."""
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


def check_rows(rows: int, *, max_rows: int) -> None:
    """Raise Refused for no rows, or for too many."""
    if rows == 0:
        raise Refused("The data have a header but no rows.")
    if rows > max_rows:
        raise Refused(f"The data have more than {max_rows} rows; use a sample.")


def cuts(first: int, end: int) -> list[tuple[int, int]]:
    """Cut a range of rows into batches that begin at multiples of BATCH_ROWS."""
    inner = range((first // BATCH_ROWS + 1) * BATCH_ROWS, end, BATCH_ROWS)
    edges = [first, *inner, end]
    return list(zip(edges[:-1], edges[1:], strict=True))


def require_bytes(path: Path) -> None:
    """Raise Refused for an empty file."""
    if path.stat().st_size == 0:
        raise Refused("The data file is empty.")
