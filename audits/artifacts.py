"""Names the format of an uploaded file from its bytes, without loading it."""

import csv
import io
import json
import pickletools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audits.packed import BadArchive, Packed, Tar, Zip, is_tar

HEAD_BYTES = 64 * 1024
PICKLE_NAMES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill", ".cloudpickle")
SKOPS_MEMBER = re.compile(r"(schema\.json|[0-9a-f-]+\.(npy|npz|bin))")
CATBOOST_START = re.compile(
    r"\s*\{\s*\"(ctr_data|features_info|model_info|oblivious_trees|scale_and_bias)\"\s*:"
)
ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2}

SKOPS, ONNX, LIGHTGBM = "skops", "onnx", "lightgbm"
XGBOOST_JSON, XGBOOST_UBJ = "xgboost-json", "xgboost-ubj"
CATBOOST_CBM, CATBOOST_JSON = "catboost-cbm", "catboost-json"
MLFLOW = "mlflow"
SINGLE_FILES = frozenset(
    {SKOPS, ONNX, LIGHTGBM, XGBOOST_JSON, XGBOOST_UBJ, CATBOOST_CBM, CATBOOST_JSON}
)
MODEL_FORMATS = SINGLE_FILES | {MLFLOW}
DATA_FORMATS = frozenset({"csv", "parquet"})
MEDIA_TYPES = {
    SKOPS: "application/vnd.skops+zip",
    ONNX: "application/vnd.onnx",
    LIGHTGBM: "application/vnd.lightgbm+text",
    XGBOOST_JSON: "application/vnd.xgboost+json",
    XGBOOST_UBJ: "application/vnd.xgboost+ubj",
    CATBOOST_CBM: "application/vnd.catboost+cbm",
    CATBOOST_JSON: "application/vnd.catboost+json",
    MLFLOW: "application/vnd.mlflow",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "pdf": "application/pdf",
    "json": "application/json",
    "text": "text/plain",
}
HOW_TO_EXPORT = (
    "Export scikit-learn models with skops.io.dump(model, 'model.skops'), XGBoost with "
    "booster.save_model('model.json') or '.ubj', LightGBM with "
    "booster.save_model('model.txt'), CatBoost with model.save_model('model.cbm'), and "
    "everything else as ONNX."
)
COMPRESSED = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x5d\x00\x00",
    b"\x04\x22\x4d\x18",
)
ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")


class UnsupportedArtifact(Exception):
    """The file is not of a format that is accepted; the text says what to do."""


@dataclass(frozen=True)
class Detected:
    """A format named by us, and the media type that goes with it."""

    format: str
    media_type: str


def detect(file: Path | BinaryIO) -> Detected:
    """Name the format of a file by its bytes; its name plays no part.

    Nothing is unpacked or executed. A pickle in any disguise is refused with the
    sentence that says how to export. Raises UnsupportedArtifact.
    """
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return detect(opened)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise UnsupportedArtifact("The file is empty.")
    name = _by_magic(head, file) or _by_text(head) or _by_structure(file)
    if name is None:
        raise UnsupportedArtifact(
            "The file is none of the formats accepted: models as skops, XGBoost JSON "
            "or UBJ, LightGBM text, CatBoost, ONNX, or an MLflow folder with one of "
            "them; data as CSV or Parquet; documents as PDF, JSON or plain text."
        )
    return Detected(format=name, media_type=MEDIA_TYPES[name])


def _by_magic(head: bytes, file: BinaryIO) -> str | None:
    if head[:2] == b"PK":
        return _in_archive(Zip, file)
    if is_tar(head):
        return _in_archive(Tar, file)
    if head[:4] == b"PAR1":
        return _parquet(file)
    if head[:4] == b"CBM1":
        return CATBOOST_CBM
    if head[:5] == b"%PDF-":
        return "pdf"
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        raise UnsupportedArtifact(f"HDF5 models are not accepted. {HOW_TO_EXPORT}")
    if _is_pickle(head, file):
        raise UnsupportedArtifact(
            "This is a pickle (or joblib, cloudpickle, torch) file: loading it would "
            f"run code of whoever wrote it, so it is never loaded. {HOW_TO_EXPORT}"
        )
    if head.startswith(COMPRESSED) or (head.startswith(ZLIB) and _is_binary(head)):
        raise UnsupportedArtifact(
            "The file is compressed (joblib does that to pickles, which are never "
            f"loaded). Upload the plain file. {HOW_TO_EXPORT}"
        )
    return None


def _is_binary(head: bytes) -> bool:
    return any(byte < 9 or byte > 126 for byte in head[2:64])


def _is_pickle(head: bytes, file: BinaryIO) -> bool:
    if head[0] == 0x80 and len(head) > 1 and head[1] <= 5:
        return True  # protocols 2 to 5 say so in two bytes
    file.seek(0)
    start = file.read(HEAD_BYTES)
    found, last = 0, 0
    try:
        for _operation, _argument, position in pickletools.genops(io.BytesIO(start)):
            found += 1
            last = position or 0
            if last > HEAD_BYTES // 2:
                return True
    except (ValueError, UnicodeDecodeError, OverflowError, IndexError):
        return False
    # A full stop alone is a pickle, too; a table of numbers stops at its first one.
    return found > 2 and last + 1 >= len(start.rstrip())


def _in_archive(kind: Callable[[BinaryIO], Packed], file: BinaryIO) -> str:
    try:
        found = _packed(kind(file))
    except BadArchive as trouble:
        raise UnsupportedArtifact(str(trouble)) from trouble
    if kind is Tar and found == SKOPS:
        raise UnsupportedArtifact("A skops file is a zip, not a tar archive.")
    return found


def _packed(archive: Packed) -> str:
    """Name what an archive holds: a skops file, or a folder that MLflow wrote."""
    names = set(archive.sizes)
    pickles = sorted(n for n in names if n.lower().endswith(PICKLE_NAMES))
    if pickles:
        raise UnsupportedArtifact(
            f"The archive holds a pickle ({pickles[0][:100]}), which is never loaded. "
            f"{HOW_TO_EXPORT}"
        )
    if mlflow_folder(names) is not None:
        return MLFLOW
    if "schema.json" not in names:
        raise UnsupportedArtifact(
            "The archive is neither a skops file (it has no schema.json) nor an MLflow "
            f"folder (it has no MLmodel). {HOW_TO_EXPORT}"
        )
    strangers = sorted(n for n in names if not SKOPS_MEMBER.fullmatch(n))
    if strangers:
        raise UnsupportedArtifact(
            f"The skops file holds {strangers[0][:100]!r}, which skops does not write."
        )
    for name in names:
        _check_array(archive, name)
    start = archive.start("schema.json", HEAD_BYTES)
    if not start.lstrip().startswith(b"{") or b'"__loader__"' not in start:
        raise UnsupportedArtifact("The schema.json in the zip is not one of skops.")
    return SKOPS


def mlflow_folder(names: Iterable[str]) -> str | None:
    """Answer where in an archive MLflow's folder is ("" or "model/"), or None."""
    found = [name for name in names if re.fullmatch(r"([^/]+/)?MLmodel", name)]
    return found[0].removesuffix("MLmodel") if len(found) == 1 else None


def _check_array(archive: Packed, name: str) -> None:
    """Refuse arrays of Python objects: numpy stores those as pickles."""
    if not name.endswith(".npy"):
        return
    start = archive.start(name, 256)
    if start[:6] != b"\x93NUMPY" or re.search(rb"'\|?O\d*'", start):
        raise UnsupportedArtifact(
            f"The array {name} in the skops file is not a plain array."
        )


def _parquet(file: BinaryIO) -> str:
    file.seek(-4, io.SEEK_END)
    if file.read(4) != b"PAR1":
        raise UnsupportedArtifact(
            "The Parquet file is cut short: its footer is missing."
        )
    return "parquet"


def _by_text(head: bytes) -> str | None:
    if head[:1] == b"{" and head[1:2] in b"LlIiU#" and b"learner" in head:
        return XGBOOST_UBJ
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        if trouble.start < len(head) - 4 or len(head) < HEAD_BYTES:
            return None
        text = head[: trouble.start].decode("utf-8-sig")
    if any(ord(sign) < 32 and sign not in "\t\r\n\f" for sign in text):
        return None
    if text.startswith("tree\n") and "\nversion=" in text:
        return LIGHTGBM
    if text.lstrip().startswith(("{", "[")):
        return _json(text, whole=len(head) < HEAD_BYTES)
    return "csv" if _is_csv(text) else "text"


def _json(text: str, *, whole: bool) -> str:
    if re.match(r"\s*\{\s*\"(learner|version)\"\s*:", text) and '"learner"' in text:
        return XGBOOST_JSON
    if CATBOOST_START.match(text):
        return CATBOOST_JSON
    if whole:
        try:
            json.loads(text)
        except (ValueError, RecursionError) as trouble:
            raise UnsupportedArtifact("The file begins like JSON but is not.") from (
                trouble
            )
    return "json"


def _is_csv(text: str) -> bool:
    try:
        rows = [
            row for row, _ in zip(csv.reader(io.StringIO(text)), "ab", strict=False)
        ]
    except csv.Error:
        return False
    return len(rows) == 2 and len(rows[0]) == len(rows[1]) > 1


def _by_structure(file: BinaryIO) -> str | None:
    """Walk the outermost protobuf fields; ONNX has an IR version and a graph."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    seen: set[int] = set()
    while file.tell() < size:
        key = _varint(file)
        field, wire = key >> 3, key & 7
        if ONNX_FIELDS.get(field) != wire:
            return None
        value = _varint(file)
        if value < 0 or (field == 1 and not 1 <= value < 100):
            return None
        if wire == 2:
            if value > size - file.tell():
                return None
            file.seek(value, io.SEEK_CUR)
        seen.add(field)
    return ONNX if {1, 7} <= seen else None


def _varint(file: BinaryIO) -> int:
    """Read a base-128 number; -1 when there is none."""
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            return -1
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return -1
