"""Verb `inspect`: read a data file and answer its columns as plain arrays."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audits.sandboxed.reading import open_table
from audits.sandboxed.refusal import Refused
from audits.sandboxed.tables import NUMBER, OTHER, TEXT, TableFile

MAX_SHOWN = 50
SHOWN_LENGTH = 200
# Beyond it "distinct" says this number and means "at least".
MAX_DISTINCT_COUNTED = 100_000
MAX_CATEGORIES = 2_000_000


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], Iterator[tuple[str, NDArray[Any]]]]:
    """Answer `{rows, columns}`: facts of all columns, or of those in `values`.

    Array `i` belongs to the i-th of them: float64 with NaN for a missing number, or
    int32 codes into the column's `categories` with -1 for a missing text. Arrays are
    made one after the other while they are sent, so that few are held at once. Rows
    `first` to `end` (excluded) are read; `rows` counts these.
    """
    table = open_table(files["data"], options)
    wanted = list(dict.fromkeys(options["values"]))
    first, end = table.range(int(options.get("first", 0)), options.get("end"))
    table.require(wanted)
    gathered = {name: _Column(table.kind(name)) for name in wanted or table.names}
    columns: list[dict[str, Any]] = []
    values = {"rows": end - first, "columns": columns}
    if not wanted:
        progress(0.3, "reading columns")
        readable = [name for name in table.names if table.kind(name) != OTHER]
        _gather(table, readable, gathered, first, end)
        columns += [gathered[name].facts(name) for name in table.names]
        return values, iter(())

    def arrays() -> Iterator[tuple[str, NDArray[Any]]]:
        for number, names in enumerate(_passes(table, wanted)):
            progress(0.3 + 0.7 * number / len(wanted), "reading columns")
            for column in (gathered[name] for name in names):
                column.keep(end - first)
            _gather(table, names, gathered, first, end)
            for name in names:
                column = gathered.pop(name)
                facts, array = column.facts(name), column.array()
                facts["categories"] = column.labels()
                yield str(len(columns)), array
                columns.append(facts)

    return values, arrays()


def _passes(table: TableFile, wanted: list[str]) -> list[list[str]]:
    """One column at a time where that costs nothing: Parquet is stored by columns."""
    return [[name] for name in wanted] if table.by_columns else [wanted]


def _gather(
    table: TableFile, names: list[str], into: Mapping[str, "_Column"], *rows: int
) -> None:
    if not names:
        return
    for batch in table.batches(names, first=rows[0], end=rows[1]):
        for name in names:
            into[name].add(batch[name])


class _Column:
    """What batches said of one column so far."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.missing = self.infinite = self.at = 0
        self.distinct: dict[Any, int] = {}  # in the order in which they appear
        self.values: NDArray[Any] | None = None

    def keep(self, rows: int) -> None:
        """Keep the values of so many rows, too."""
        self.values = np.empty(rows, np.int32 if self.kind == TEXT else np.float64)

    def add(self, part: "pd.Series[Any]") -> None:
        """Take the next rows."""
        self.missing += int(part.isna().sum())
        if self.kind == NUMBER:
            self.infinite += int(np.isinf(part.to_numpy(np.float64)).sum())
        if self.values is None or self.kind != TEXT:
            self._count(part)
        if self.values is not None:
            values = self._codes(part) if self.kind == TEXT else _numbers(part)
            self.values[self.at : self.at + len(part)] = values
        self.at += len(part)

    def _count(self, part: "pd.Series[Any]") -> None:
        if len(self.distinct) < MAX_DISTINCT_COUNTED:
            for value in part.dropna().unique():
                self.distinct.setdefault(value, len(self.distinct))

    def _codes(self, part: "pd.Series[Any]") -> NDArray[Any]:
        codes, labels = pd.factorize(part)
        places = [self.distinct.setdefault(x, len(self.distinct)) for x in labels]
        if len(self.distinct) > MAX_CATEGORIES:
            raise Refused(
                f"A column of text has more than {MAX_CATEGORIES} different values."
            )
        known: NDArray[Any] = np.array([*places, -1], dtype=np.int32)
        found: NDArray[Any] = known[codes]  # -1 picks the last
        return found

    def facts(self, name: str) -> dict[str, Any]:
        """Answer what is known without the values."""
        shown = sorted(map(str, itertools.islice(self.distinct, MAX_SHOWN)))
        return {
            "name": name,
            "kind": self.kind,
            "missing": self.missing,
            "infinite": self.infinite,
            "distinct": len(self.distinct),
            "shown": [text[:SHOWN_LENGTH] for text in shown],
        }

    def labels(self) -> list[str]:
        """Answer the words that the codes of a text column stand for, in order."""
        return sorted(self.distinct) if self.kind == TEXT else []

    def array(self) -> NDArray[Any]:
        """Answer the values, text as codes into `labels`."""
        if self.values is None:
            raise Refused("The values of a column were not kept.")
        if self.kind != TEXT:
            return self.values
        ranks = {label: rank for rank, label in enumerate(self.labels())}
        moved = [ranks[label] for label in self.distinct]
        found: NDArray[Any] = np.array([*moved, -1], dtype=np.int32)[self.values]
        return found


def _numbers(part: "pd.Series[Any]") -> NDArray[np.float64]:
    return part.to_numpy(dtype=np.float64, na_value=np.nan)
