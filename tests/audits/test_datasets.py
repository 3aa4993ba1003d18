"""Data files are read in the sandbox; what is wrong with them is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audits import column_roles, datasets
from audits.datasets import DatasetProblem
from audits.sandbox import SandboxRefused
from tests.audits import zoo

PARQUET = "application/vnd.apache.parquet"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "data"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(folder: Path, text: str | bytes, **limits: int) -> str:
    with pytest.raises(SandboxRefused) as caught:
        datasets.inspect(write(folder, text), media_type=zoo.CSV, **limits)
    return str(caught.value)


def table(folder: Path, text: str) -> datasets.Table:
    path = write(folder, text)
    names = text.splitlines()[0].split(",")
    return datasets.read(path, media_type=zoo.CSV, columns=names)


def test_columns_are_what_pandas_reads(tmp_path: Path) -> None:
    path = zoo.write_csv(tmp_path)
    frame = pd.read_csv(path)
    read = datasets.read(path, media_type=zoo.CSV, columns=list(frame.columns))
    assert read.rows == 2380
    assert [column.name for column in read.inspection.columns] == list(frame.columns)
    np.testing.assert_array_equal(read.number("pirat"), frame["pirat"])
    np.testing.assert_array_equal(read.words("deny"), frame["deny"].to_numpy(object))
    assert read.inspection.column("deny").shown == ("no", "yes")
    assert read.inspection.column("lvrat").kind == "number"


def test_parquet_gives_the_same_as_csv(tmp_path: Path) -> None:
    source = zoo.write_csv(tmp_path)
    frame = pd.read_csv(source)
    frame.to_parquet(tmp_path / "p")
    names = list(frame.columns)
    one = datasets.read(source, media_type=zoo.CSV, columns=names)
    other = datasets.read(tmp_path / "p", media_type=PARQUET, columns=names)
    for name in names:
        assert list(one.words(name)) == list(other.words(name))


def test_missing_booleans_and_unicode_survive(tmp_path: Path) -> None:
    long = "x" * 5000
    read = table(tmp_path, f"a,b,c,d\n1,Zoë,True,{long}\n,,False,y\n2.5,日本,True,z\n")
    assert list(read.words("b")) == ["Zoë", None, "日本"]
    assert list(read.words("a")) == ["1.0", None, "2.5"]
    assert list(read.words("c")) == ["1", "0", "1"]
    assert read.words("d")[0] == long
    assert np.isnan(read.number("a")[1])


def test_bad_csv_is_named(tmp_path: Path) -> None:
    assert "empty" in refusal(tmp_path, "")
    assert "no rows" in refusal(tmp_path, "a,b\n")
    assert "'a'" in refusal(tmp_path, "a,b,a\n1,2,3\n")
    assert "without a name" in refusal(tmp_path, "a,,c\n1,2,3\n")
    assert "commas" in refusal(tmp_path, "a;b\n1;2\n")
    assert "zero bytes" in refusal(tmp_path, b"a,b\n1,\0\n")
    assert "UTF-8" in refusal(tmp_path, b"a,b\n1,\xff\xfe\xff\n")
    assert "more fields" in refusal(tmp_path, "a,b\n1,2,3\n4,5,6\n")
    assert "cannot be read" in refusal(tmp_path, "a,b\n1,2\n4,5,6\n")
    assert "more than 2 rows" in refusal(tmp_path, "a\n1\n2\n3\n", max_rows=2)


def test_bad_parquet_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, b"PAR1" + bytes(range(200)) + b"PAR1")
    with pytest.raises(SandboxRefused, match="Parquet file cannot be read"):
        datasets.inspect(path, media_type=PARQUET)


def test_nested_parquet_columns_cannot_be_used(tmp_path: Path) -> None:
    pd.DataFrame({"a": [[1, 2]], "b": [1]}).to_parquet(tmp_path / "p")
    inspection = datasets.inspect(tmp_path / "p", media_type=PARQUET)
    column_roles.check_roles(inspection, {"b": "feature"})
    with pytest.raises(DatasetProblem, match="'a' is neither"):
        column_roles.check_roles(inspection, {"a": "feature"})
    with pytest.raises(SandboxRefused, match="'a' is neither"):
        datasets.read(tmp_path / "p", media_type=PARQUET, columns=["a"])


def test_declared_columns_must_exist(tmp_path: Path) -> None:
    inspection = datasets.inspect(write(tmp_path, "a,b\n1,2\n"), media_type=zoo.CSV)
    with pytest.raises(DatasetProblem, match="lack the declared columns x, y"):
        column_roles.check_roles(inspection, {"x": "feature", "y": "target"})
    with pytest.raises(DatasetProblem, match="'label' is not a column role"):
        column_roles.check_roles(inspection, {"a": "label"})
    with pytest.raises(DatasetProblem, match="Only one column can be the target"):
        column_roles.check_roles(inspection, {"a": "target", "b": "target"})
    with pytest.raises(SandboxRefused, match="no column 'x'"):
        datasets.read(tmp_path / "data", media_type=zoo.CSV, columns=["x"])


def test_target_must_have_two_classes(tmp_path: Path) -> None:
    read = table(tmp_path, "y,t,m,z,one\n1,no,a,1,0\n0,yes,b,,0\n1,no,c,0,0\n")
    ones = column_roles.binary_target(read, "y", positive="1")
    assert list(ones) == [1, 0, 1]
    assert list(column_roles.binary_target(read, "t", positive="1")) == [0, 1, 0]
    assert list(column_roles.binary_target(read, "t", positive="no")) == [1, 0, 1]
    with pytest.raises(DatasetProblem, match="one class only"):
        column_roles.binary_target(read, "one", positive="1")
    with pytest.raises(DatasetProblem, match="3 different values"):
        column_roles.binary_target(read, "m", positive="a")
    with pytest.raises(DatasetProblem, match="missing in 1 rows"):
        column_roles.binary_target(read, "z", positive="1")
    with pytest.raises(DatasetProblem, match="'maybe' is not in the target"):
        column_roles.binary_target(read, "t", positive="maybe")
    with pytest.raises(DatasetProblem, match="holds text"):
        column_roles.numeric_target(read, "t")


def test_groups_must_be_few_and_more_than_one(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},g,{'a' if i % 2 else ''}" for i in range(60))
    read = table(tmp_path, "many,single,some\n" + rows + "\n")
    with pytest.raises(DatasetProblem, match="60 different values"):
        column_roles.groups(read, "many")
    with pytest.raises(DatasetProblem, match="at least two"):
        column_roles.groups(read, "single")
    with pytest.raises(DatasetProblem, match="at least two"):
        column_roles.groups(read, "some")
