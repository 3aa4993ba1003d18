"""Files read by batches give what pandas gives for the whole file."""

import math
import struct
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits import datasets, sandbox
from audits.answers import PART_ROWS
from audits.sandboxed import csv_tables, parquet_tables, tables
from audits.sandboxed.csv_tables import CsvTable
from audits.sandboxed.parquet_tables import ParquetTable
from audits.sandboxed.reading import read_chosen
from audits.sandboxed.refusal import Refused
from tests.audits import zoo

PARQUET = "application/vnd.apache.parquet"
LIMITS = {"max_rows": 10_000, "max_columns": 50}
SMALL = 7


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read in batches of seven rows, and no file at once."""
    for module in (tables, csv_tables, parquet_tables):
        monkeypatch.setattr(module, "BATCH_ROWS", SMALL)
    monkeypatch.setattr(csv_tables, "WHOLE_BYTES", 0)
    yield


FIELDS = st.one_of(
    st.sampled_from(
        ["", "1", "0", "-7", "2.5", "1e3", "True", "False", "x", "NA", "Ü"]
    ),
    st.integers(-(2**40), 2**40).map(str),
)
COLUMN = st.one_of(
    st.lists(FIELDS, min_size=30, max_size=30),
    *(
        st.lists(st.sampled_from(some), min_size=30, max_size=30)
        for some in (["1", "2", "3"], ["1", ""], ["True", "False"], ["True", ""])
    ),
    st.tuples(st.just(["1"] * 20), st.lists(FIELDS, min_size=10, max_size=10)).map(
        lambda both: both[0] + both[1]
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=st.lists(COLUMN, min_size=2, max_size=4), data=st.data())
def test_batches_of_a_csv_have_the_types_of_the_whole(
    columns: list[list[str]], data: st.DataObject, tmp_path: Path, small_batches: None
) -> None:
    names = [f"c{number}" for number in range(len(columns))]
    rows = [",".join(row) for row in zip(["9"] * 30, *columns, strict=True)]
    path = tmp_path / "data.csv"
    path.write_text("\n".join([",".join(["id", *names]), *rows, ""]))
    whole = pd.read_csv(path, low_memory=False)
    table = CsvTable(path, **LIMITS)
    first = data.draw(st.integers(0, 29))
    end = data.draw(st.integers(first + 1, 30))
    batches = list(table.batches(names, first=first, end=end))
    assert all(1 <= len(batch) <= SMALL for batch in batches)
    for batch in batches:
        assert list(batch.dtypes) == list(batches[0].dtypes)
    read = pd.concat(batches, ignore_index=True)
    expected = whole[names].iloc[first:end].reset_index(drop=True)
    pd.testing.assert_frame_equal(read, expected, check_dtype=False)
    for name in names:
        assert (read[name].dtype == object) == (whole[name].dtype == object)


@pytest.mark.parametrize("group", [3, 20, 1000])
def test_any_range_of_a_parquet_file_is_what_pandas_reads(
    group: int, tmp_path: Path, small_batches: None
) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "n": random.normal(size=100),
            "whole": random.integers(0, 9, 100),
            "gaps": pd.array([None if i % 9 == 0 else i for i in range(100)], "Int64"),
            "word": random.choice(["x", "y", None], 100),
            "yes": random.random(100) < 0.5,
            "maybe": random.choice(np.array([True, False, None], object), 100),
            "kind": pd.Categorical(random.choice(["a", "b"], 100)),
        }
    )
    frame.to_parquet(tmp_path / "p", row_group_size=group)
    table = ParquetTable(tmp_path / "p", **LIMITS)
    assert [table.kind(name) for name in frame] == [
        "number", "number", "number", "text", "boolean", "boolean", "text",
    ]  # fmt: skip
    frame.to_csv(tmp_path / "c", index=False)
    whole = pd.read_csv(tmp_path / "c")
    for first, end in ((0, 100), (0, 1), (3, 4), (13, 64), (99, 100), (7, 14)):
        read = table.frame(list(frame), first=first, end=end)
        expected = whole.iloc[first:end].reset_index(drop=True)
        pd.testing.assert_frame_equal(read, expected, check_dtype=False)
        batches = list(table.batches(["word", "gaps"], first=first, end=end))
        assert {str(one["gaps"].dtype) for one in batches} == {"float64"}
        cut = [first, *range((first // 7 + 1) * 7, end, 7), end]
        assert [len(one) for one in batches] == list(np.diff(cut))
    with pytest.raises(Refused, match="rows 5 to 101 were asked for"):
        list(table.batches(["n"], first=5, end=101))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_chosen_rows_come_in_their_order(
    suffix: str, tmp_path: Path, small_batches: None
) -> None:
    path = tmp_path / f"data.{suffix}"
    frame = pd.DataFrame({"a": range(50), "b": [f"w{i}" for i in range(50)]})
    getattr(frame, f"to_{suffix}")(path, index=False)
    options = {
        "media_type": zoo.CSV if suffix == "csv" else PARQUET,
        "features": ["b", "a"],
        **LIMITS,
    }
    read = read_chosen(path, options, [41, 3, 3, 49, 0])
    assert list(read["a"]) == [41, 3, 3, 49, 0]
    assert list(read["b"]) == ["w41", "w3", "w3", "w49", "w0"]
    with pytest.raises(Refused, match="rows that the data do not have"):
        read_chosen(path, options, [50])


def test_parts_begin_where_batches_begin() -> None:
    assert PART_ROWS == tables.BATCH_ROWS


def test_columns_come_as_codes(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("w,n,f\nb,2,1.5\na,,x\n,10,\nb,2,1.5\n")
    table = datasets.read(path, media_type=zoo.CSV, columns=["w", "n", "f"])
    words, numbers, mixed = (table.coded(name) for name in ("w", "n", "f"))
    assert words.categories == ("a", "b")
    assert words.codes.dtype == np.int32
    assert words.codes.tolist() == [1, 0, -1, 1]
    assert numbers.categories == ("2", "10")
    assert numbers.codes.tolist() == [0, -1, 1, 0]
    assert mixed.categories == ("1.5", "x")
    for name in ("w", "n", "f"):
        assert table.coded(name).words().tolist() == table.words(name).tolist()
    assert table.words("w", np.array([2, 0])).tolist() == [None, "b"]
    assert dict(table.texts).keys() == {"w", "f"}
    part = datasets.read(
        path, media_type=zoo.CSV, columns=["w"], first_row=1, end_row=3
    )
    assert (part.rows, part.words("w").tolist()) == (2, ["a", None])


def edited(path: Path, old: bytes, new: bytes, times: int = -1) -> None:
    """Change the footer of a Parquet file where these bytes are found."""
    data = path.read_bytes()
    size = struct.unpack("<I", data[-8:-4])[0]
    head, footer = data[: -8 - size], data[-8 - size :]
    assert old in footer
    path.write_bytes(head + footer.replace(old, new, times))


def varint(number: int) -> bytes:
    """A number as Thrift's compact form writes it."""
    zigzag, found = number << 1, b""
    while zigzag > 0x7F:
        found += bytes([zigzag & 0x7F | 0x80])
        zigzag >>= 7
    return found + bytes([zigzag])


def test_a_footer_that_lies_about_its_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p"
    frame = pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0)})
    for claimed, times in ((1001, -1), (1001, 1), (999, 1), (8191, 1)):
        frame.to_parquet(path)
        edited(path, varint(1000), varint(claimed), times)
        with pytest.raises(sandbox.SandboxRefused, match="rows"):
            datasets.read(path, media_type=PARQUET, columns=["a"])


def test_statistics_that_lie_about_gaps_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p"
    values = pa.array([1, None] * 400, pa.int64())
    pq.write_table(pa.table({"a": values}), path)
    edited(path, b"\x16" + varint(400), b"\x16\x80\x00")  # null_count: 0 in two bytes
    table = ParquetTable(path, **LIMITS)
    with pytest.raises(Refused, match="say that no value is missing"):
        list(table.batches(["a"]))


def test_a_column_of_lists_is_refused_by_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"when": [time(8, 30)], "a": [[1]]})
    frame.to_parquet(tmp_path / "p")
    table = ParquetTable(tmp_path / "p", **LIMITS)
    for name in ("when", "a"):
        with pytest.raises(Refused, match=f"column '{name}' is neither"):
            list(table.batches([name]))


HOSTILE_CSVS: dict[str, tuple[bytes, str]] = {
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    "zero bytes": (b"a,b\n1,\0\n", "zero bytes"),
    "late zero bytes": (b"a,b\n" + b"1,2\n" * 400_000 + b"\0,\0\n", ""),
    "late latin-1": (b"a,b\n" + b"1,2\n" * 400_000 + b"\xe4,1\n", "UTF-8"),
    "late ragged": (b"a,b\n" + b"1,2\n" * 400_000 + b"1,2,3\n", "cannot be read"),
    "no columns": (b"\n\n\n", "no header"),
    "open quote": (b'a,b\n1,"' + b"x" * 1000, "cannot be read|rows"),
    "wide": (",".join(map(str, range(3000))).encode() + b"\n", "at most 2000"),
}


@pytest.mark.parametrize("name", HOSTILE_CSVS)
def test_a_hostile_csv_is_refused_or_read(name: str, tmp_path: Path) -> None:
    data, words = HOSTILE_CSVS[name]
    path = tmp_path / "data.csv"
    path.write_bytes(data)
    if not words:
        assert datasets.inspect(path, media_type=zoo.CSV).rows == 400_001
        return
    with pytest.raises(sandbox.SandboxRefused, match=words):
        datasets.inspect(path, media_type=zoo.CSV)


def test_one_huge_field_ends_as_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,")
        for _ in range(300):
            file.write(b"x" * 1024**2)
        file.write(b"\n")
    with pytest.raises(sandbox.SandboxRefused, match="more memory|cannot be read"):
        datasets.inspect(path, media_type=zoo.CSV, memory_bytes=512 * 1024**2)


def test_a_parquet_bomb_ends_as_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "p"
    bomb = pa.array(["x" * 2**20] * 500)
    pq.write_table(
        pa.table({"a": bomb}), path, compression="zstd", use_dictionary=False
    )
    assert path.stat().st_size < 2**22
    with pytest.raises(sandbox.SandboxRefused, match="more memory|cannot be read"):
        datasets.inspect(path, media_type=PARQUET, memory_bytes=384 * 1024**2)
    many = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(3_000_000, np.int32)), ["x"]
    )
    pq.write_table(pa.table({"a": many}), path)
    with pytest.raises(sandbox.SandboxRefused, match="more than 1000 rows"):
        datasets.inspect(path, media_type=PARQUET, max_rows=1000)


@pytest.mark.soak
def test_ten_million_rows_fit_into_two_gibibytes(tmp_path: Path) -> None:
    """3 columns of 30 are asked for; the child's peak and ours are summed."""
    path, rows = tmp_path / "p", 10_000_000
    step = 500_000
    names = [f"x{number}" for number in range(30)]
    kinds: list[tuple[str, Any]] = [(name, pa.float32()) for name in names]
    schema = pa.schema([*kinds, ("sex", pa.string())])
    random = np.random.default_rng(0)
    with pq.ParquetWriter(path, schema) as file:
        for _ in range(rows // step):
            arrays = [pa.array(random.random(step, np.float32))] * 30
            words = pa.array(np.array(["f", "m"])[random.integers(0, 2, step)])
            file.write_table(pa.table([*arrays, words], schema=schema))
    table = datasets.read(path, media_type=PARQUET, columns=["x0", "x29", "sex"])
    assert table.rows == rows
    assert math.isclose(table.number("x0").mean(), 0.5, abs_tol=1e-3)
    child = sandbox.run(
        "inspect",
        files={"data": path},
        options={
            "media_type": PARQUET, "max_rows": rows, "max_columns": 50,
            "values": ["x0", "x29", "sex"],
        },
    )  # fmt: skip
    ours = sum(array.nbytes for array in child.arrays.values())
    assert child.values["peak_memory_bytes"] + ours < 2 * 1024**3


def test_dates_and_times_in_parquet_are_read_as_iso_text(tmp_path: Path) -> None:
    day, moment = pd.Timestamp("2026-01-31"), pd.Timestamp("2026-01-31 23:30", tz="UTC")
    file = pa.table(
        {
            "day": pa.array([day.date(), None], pa.date32()),
            "old_day": pa.array([day.date(), None], pa.date64()),
            "there": pa.array([moment, None], pa.timestamp("ns", "America/New_York")),
        }
    )
    pq.write_table(file, tmp_path / "p")
    found = datasets.read(tmp_path / "p", media_type=PARQUET, columns=file.column_names)
    assert list(found.words("day")) == ["2026-01-31", None]
    assert list(found.words("old_day")) == ["2026-01-31", None]
    assert list(found.words("there")) == ["2026-01-31 23:30:00.000000", None]
