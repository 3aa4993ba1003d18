"""Opens a data file by its media type; imports only the reader that is needed."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audits.sandboxed.refusal import Refused
from audits.sandboxed.tables import CSV, PARQUET, TableFile

READERS = {
    PARQUET: ("audits.sandboxed.parquet_tables", "ParquetTable"),
    CSV: ("audits.sandboxed.csv_tables", "CsvTable"),
}


def open_table(path: Path, options: Mapping[str, Any]) -> TableFile:
    """Open a data file: `media_type`, `max_rows`, `max_columns`. Raises Refused."""
    reader = READERS.get(options["media_type"])
    if reader is None:
        raise Refused(f"Data must be CSV or Parquet, not {options['media_type']}.")
    module, name = reader
    table: TableFile = getattr(importlib.import_module(module), name)(
        path,
        max_rows=int(options["max_rows"]),
        max_columns=int(options["max_columns"]),
    )
    return table


def feature_batches(
    table: TableFile, options: Mapping[str, Any]
) -> Iterator[pd.DataFrame]:
    """Read the declared features of the rows `first` to `end`, batch by batch."""
    return table.batches(
        list(options["features"]),
        first=int(options.get("first", 0)),
        end=options.get("end"),
    )


def read_chosen(
    path: Path, options: Mapping[str, Any], rows: Sequence[int]
) -> pd.DataFrame:
    """Read the declared features of these rows, in this order, in bounded memory.

    A row may be named twice. Raises Refused for a row that the data do not have.
    """
    table = open_table(path, options)
    chosen = np.asarray(rows, dtype=np.int64)
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= table.rows:
        raise Refused("The sample names rows that the data do not have.")
    wanted, places = np.unique(chosen, return_inverse=True)
    parts, at = [], 0
    for batch in table.batches(list(options["features"])):
        low, high = np.searchsorted(wanted, (at, at + len(batch)))
        parts.append(batch.iloc[wanted[low:high] - at])
        at += len(batch)
    return pd.concat(parts, ignore_index=True).iloc[places].reset_index(drop=True)
