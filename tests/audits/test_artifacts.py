"""Formats are named from bytes; disguises are refused with a sentence."""

import gzip
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.artifacts import UnsupportedArtifact, detect
from audits.packed import MAX_UNPACKED_BYTES
from tests.audits import zoo


def of(data: bytes) -> str:
    return detect(io.BytesIO(data)).format


def refusal(data: bytes) -> str:
    with pytest.raises(UnsupportedArtifact) as caught:
        detect(io.BytesIO(data))
    return str(caught.value)


def zipped(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


SCHEMA = json.dumps({"__class__": "Pipeline", "__loader__": "ObjectNode"}).encode()


def test_real_models_are_recognised(tmp_path: Path) -> None:
    for exhibit in (
        zoo.skops_file(tmp_path, "logistic"),
        zoo.xgboost_file(tmp_path, "json"),
        zoo.xgboost_file(tmp_path, "ubj"),
        zoo.lightgbm_file(tmp_path),
        zoo.onnx_file(tmp_path),
    ):
        anonymous = exhibit.path.rename(tmp_path / "x")  # the name plays no part
        assert detect(anonymous).format == exhibit.format


def test_data_and_documents_are_recognised(tmp_path: Path) -> None:
    parquet = tmp_path / "p"
    pd.DataFrame({"a": [1]}).to_parquet(parquet)
    assert detect(parquet).media_type == "application/vnd.apache.parquet"
    assert detect(zoo.write_csv(tmp_path)).media_type == "text/csv"
    assert of(b"%PDF-1.7\n") == "pdf"
    assert of(b'{"a": [1, 2]}') == "json"
    assert of("Ein Satz über Modelle.\n".encode()) == "text"


@pytest.mark.parametrize("protocol", range(6))
def test_pickle_is_refused_whatever_its_name(protocol: int) -> None:
    data = pickle.dumps({"model": [1, 2, {"x"}], "run": os.system}, protocol=protocol)
    said = refusal(data)
    assert "pickle" in said
    assert "skops.io.dump" in said


def test_pickle_renamed_to_skops_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    joblib.dump({"model": np.arange(3)}, file)
    with pytest.raises(UnsupportedArtifact, match="pickle"):
        detect(file)
    joblib.dump({"model": np.arange(3)}, file, compress=3)
    with pytest.raises(UnsupportedArtifact, match="compressed"):
        detect(file)
    file.write_bytes(gzip.compress(pickle.dumps([1, 2])))
    with pytest.raises(UnsupportedArtifact, match="compressed"):
        detect(file)


def test_pickle_inside_a_zip_is_refused() -> None:
    torch = zipped({"model/data.pkl": pickle.dumps([1]), "model/version": b"3"})
    assert "data.pkl" in refusal(torch)
    assert "x.pkl" in refusal(zipped({"schema.json": SCHEMA, "x.pkl": b"."}))
    assert "b.py" in refusal(zipped({"schema.json": SCHEMA, "b.py": b""}))


def test_array_of_objects_inside_skops_is_refused() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    data = zipped({"schema.json": SCHEMA, "12.npy": buffer.getvalue()})
    assert "not a plain array" in refusal(data)


def test_zip_bomb_is_refused_unopened() -> None:
    bomb = zipped(
        {"schema.json": SCHEMA, "1.bin": bytes(50_000_000)}, zipfile.ZIP_DEFLATED
    )
    assert len(bomb) < 100_000
    assert "bomb" in refusal(bomb)
    liar = bytearray(zipped({"schema.json": SCHEMA, "1.bin": b"x" * 100}))
    for record in (b"PK\x01\x02", b"PK\x03\x04"):  # both headers declare 4 GB
        at = liar.rfind(record)
        offset = 24 if record == b"PK\x01\x02" else 22
        liar[at + offset : at + offset + 4] = (2**32 - 2).to_bytes(4, "little")
    assert MAX_UNPACKED_BYTES < 2**32
    assert "unpack" in refusal(bytes(liar))


def test_other_zips_and_broken_zips_are_refused() -> None:
    assert "schema.json" in refusal(zipped({"a.txt": b"x"}))
    assert "not one of skops" in refusal(zipped({"schema.json": b"[]"}))
    assert "damaged" in refusal(zipped({"schema.json": SCHEMA})[:-30])


def test_garbage_and_emptiness_are_refused(tmp_path: Path) -> None:
    assert refusal(b"") == "The file is empty."
    garbage = tmp_path / "model.onnx"
    with garbage.open("wb") as file:
        for _ in range(100):  # 100 MB
            file.write(os.urandom(1 << 20))
    with pytest.raises(UnsupportedArtifact):
        detect(garbage)
    assert "none of the formats" in refusal(b"\xff\xfe" * 50)
    assert "footer" in refusal(b"PAR1" + bytes(100))
    assert "not" in refusal(b'{"a": ')
    assert "HDF5" in refusal(b"\x89HDF\r\n\x1a\n" + bytes(10))


@given(st.binary(max_size=300))
def test_any_bytes_are_named_or_refused(data: bytes) -> None:
    try:
        assert detect(io.BytesIO(data)).media_type
    except UnsupportedArtifact as refused:
        assert str(refused).endswith(".")


@given(st.data())
def test_damaged_zips_are_named_or_refused(data: st.DataObject) -> None:
    whole = bytearray(zipped({"schema.json": SCHEMA, "1.npy": b"\x93NUMPY"}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    try:
        detect(io.BytesIO(bytes(whole)))
    except UnsupportedArtifact as refused:
        assert str(refused).endswith(".")
