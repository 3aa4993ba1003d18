"""Hostile files, written to a folder: each would do harm if somebody believed it."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import skops.io
from onnx import helper
from sklearn.preprocessing import FunctionTransformer

from tests.audits import zoo
from tests.audits.hostile_onnx import graph, outside

CANARY = "canary"
SCHEMA = json.dumps({"__class__": "Pipeline", "__loader__": "ObjectNode"}).encode()
MLMODEL = """artifact_path: model
flavors:
  python_function: {loader_module: mlflow.xgboost, code: null}
  xgboost: {data: model.ubj, model_format: ubj}
"""
Write = Callable[[Path], None]


class Payload:
    """Writes a canary when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.folder / CANARY}",))


def bomb(path: Path) -> bytes:
    """A pickle that runs a command."""
    return pickle.dumps(Payload(path.parent))


def archive(path: Path, members: dict[str, bytes], **options: Any) -> None:
    """Write a zip with these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, data in members.items():
            file.writestr(name, data)


def mlflow(path: Path, model: bytes, *, name: str = "model.ubj", mlmodel: str = MLMODEL,
           **more: bytes) -> None:  # fmt: skip
    """Write an MLflow folder as a zip."""
    archive(path, {"m/MLmodel": mlmodel.encode(), f"m/{name}": model} | more)


def objects() -> bytes:
    """An array of Python objects: numpy keeps those as a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


def torch_like(path: Path) -> None:
    """What torch.save writes: a zip around a pickle."""
    archive(path, {"m/data.pkl": bomb(path), "m/version": b"3"})


def linked(path: Path) -> None:
    """A zip whose array is a symbolic link."""
    link = zipfile.ZipInfo("12.npy")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("schema.json", SCHEMA)
        file.writestr(link, "/etc/passwd")


def twice(path: Path) -> None:
    """A zip with two members of one name, of which two readers see different ones."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("schema.json", SCHEMA)
        file.writestr("schema.json ", SCHEMA)
    path.write_bytes(path.read_bytes().replace(b"schema.json ", b"schema.jsonX"[:12]))
    data = path.read_bytes().replace(b"schema.jsonX", b"schema.json\0")
    path.write_bytes(data)


def sparse(path: Path, head: bytes = b"") -> None:
    """Ten gigabytes that take no space on the disk."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(10 * 1024**3)


def onnx_of_10_gigabytes(path: Path) -> None:
    """An ONNX file whose graph is ten gigabytes of nothing."""
    length, size = b"", 10 * 1024**3 - 20
    while size:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
    head = b"\x08\x09" + b"\x3a" + length
    sparse(path, head)
    with path.open("r+b") as file:
        file.truncate(len(head) + 10 * 1024**3 - 20)


def tar(path: Path, member: tarfile.TarInfo, data: bytes = b"") -> None:
    """A tar with an MLmodel and one member more."""
    with tarfile.open(path, "w") as file:
        first = tarfile.TarInfo("MLmodel")
        first.size = len(MLMODEL)
        file.addfile(first, io.BytesIO(MLMODEL.encode()))
        member.size = len(data)
        file.addfile(member, io.BytesIO(data))


def tar_link(path: Path) -> None:
    """A tar with a symbolic link as its model."""
    link = tarfile.TarInfo("model.ubj")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tar(path, link)


def laughs() -> str:
    """A few lines of YAML that would grow to gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 12):
        parts = ", ".join([f"*a{number - 1}"] * 9)
        lines.append(f"a{number}: &a{number} [{parts}]")
    return MLMODEL + "\n".join(lines)


# What the door refuses by looking at the bytes, and the words it says.
AT_THE_DOOR: dict[str, tuple[Write, str]] = {
    "pickle.json": (lambda p: p.write_bytes(bomb(p)), "pickle"),
    "pickle-of-old.onnx": (
        lambda p: p.write_bytes(pickle.dumps(Payload(p.parent), protocol=0)), "pickle",
    ),
    "gzip.skops": (lambda p: p.write_bytes(gzip.compress(bomb(p))), "compressed"),
    "bzip2.skops": (lambda p: p.write_bytes(bz2.compress(bomb(p))), "compressed"),
    "xz.skops": (lambda p: p.write_bytes(lzma.compress(bomb(p))), "compressed"),
    "joblib.zip": (lambda p: joblib.dump(Payload(p.parent), p), "pickle"),
    "joblib-zlib.csv": (lambda p: joblib.dump(Payload(p.parent), p, 3), "compressed"),
    "cloudpickle.txt": (
        lambda p: p.write_bytes(cloudpickle.dumps(lambda: os.getpid())), "pickle",
    ),
    "torch.zip": (torch_like, "pickle"),
    "objects.npy": (lambda p: p.write_bytes(objects()), "none of the formats"),
    "objects.skops": (
        lambda p: archive(p, {"schema.json": SCHEMA, "1.npy": objects()}),
        "not a plain array",
    ),
    "traversal.skops": (
        lambda p: archive(p, {"schema.json": SCHEMA, "../../x.npy": b"x"}), "outside",
    ),
    "absolute.skops": (
        lambda p: archive(p, {"schema.json": SCHEMA, "/etc/x.npy": b"x"}), "outside",
    ),
    "link.skops": (linked, "symbolic link"),
    "twice.skops": (twice, "damaged|two files|does not write"),
    "bomb.skops": (
        lambda p: archive(p, {"schema.json": SCHEMA, "1.bin": bytes(200_000_000)}),
        "bomb",
    ),
    "code.skops": (
        lambda p: archive(p, {"schema.json": SCHEMA, "run.py": b"x"}), "does not write",
    ),
    "truncated.skops": (
        lambda p: (
            archive(p, {"schema.json": SCHEMA}), p.write_bytes(p.read_bytes()[:-9]),
        ),
        "damaged",
    ),
    "empty.onnx": (lambda p: p.write_bytes(b""), "empty"),
    "sparse.onnx": (sparse, "none of the formats"),
    "keras.h5": (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5"),
    "mlflow-pickle.zip": (
        lambda p: mlflow(p, bomb(p), name="model.pkl"), "never loaded",
    ),
    "mlflow-link.tar": (tar_link, "link"),
    "mlflow-outside.tar": (
        lambda p: tar(p, tarfile.TarInfo("../../model.ubj"), b"x"), "outside",
    ),
    "broken.json": (lambda p: p.write_bytes(b'{"learner"'), "not"),
    "cut.parquet": (lambda p: p.write_bytes(b"PAR1" + bytes(50)), "cut short"),
    "words.exe": (lambda p: p.write_bytes(b"MZ\x90\0\x03" * 99), "none of the formats"),
}  # fmt: skip


def untrusted(path: Path) -> None:
    """A skops file that calls the shell."""
    skops.io.dump(FunctionTransformer(os.system), path)


def edited_json(path: Path) -> None:
    """XGBoost with a child far beyond the end."""
    document = json.loads(zoo.xgboost_file(path.parent).path.read_bytes())
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    trees[0]["left_children"][0] = 10**7
    path.write_text(json.dumps(document))


def infinite_leaf(path: Path) -> None:
    """XGBoost with a leaf that is no number of 32 bits."""
    document = json.loads(zoo.xgboost_file(path.parent).path.read_bytes())
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    trees[0]["split_conditions"][-1] = 1e300
    path.write_text(json.dumps(document))


def circular_text(path: Path) -> None:
    """LightGBM with a split that is its own ancestor."""
    text = zoo.lightgbm_file(path.parent).path.read_text().split("\n")
    at = next(i for i, line in enumerate(text) if line.startswith("left_child="))
    entries = text[at].removeprefix("left_child=").split(" ")
    text[at] = f"left_child={' '.join([entries[0], '0', *entries[2:]])}"
    path.write_text("\n".join(text))


def nested(path: Path) -> None:
    """JSON that is nested too deeply for any reader."""
    path.write_text('{"learner": ' + "[" * 200_000 + "]" * 200_000 + "}")


# What only the sandbox finds: the format, the words, and how the file is used.
IN_THE_SANDBOX: dict[str, tuple[Write, str, str]] = {
    "shell.skops": (untrusted, "skops", "does not trust: .*system"),
    "child.json": (edited_json, "xgboost-json", "out of range"),
    "leaf.json": (infinite_leaf, "xgboost-json", "not finite"),
    "nested.json": (nested, "xgboost-json", "not valid JSON"),
    "length.ubj": (
        lambda p: p.write_bytes(b"{L" + (2**62).to_bytes(8, "big") + b"learner"),
        "xgboost-ubj", "cut short",
    ),
    "circle.txt": (circular_text, "lightgbm", "circle"),
    "outside.onnx": (
        lambda p: p.write_bytes(outside("/etc/passwd")), "onnx", "does not accept",
    ),
    "above.onnx": (
        lambda p: p.write_bytes(outside("../../../etc/passwd")), "onnx",
        "does not accept",
    ),
    "stranger.onnx": (
        lambda p: p.write_bytes(graph([helper.make_node("Run", ["x"], ["y"],
                                                        domain="evil")])),
        "onnx", "does not accept",
    ),
    "sparse-graph.onnx": (onnx_of_10_gigabytes, "onnx", "more memory"),
    "nested-bomb.zip": (
        lambda p: (
            AT_THE_DOOR["bomb.skops"][0](p),
            mlflow(p, p.read_bytes(), name="model.skops"),
        ),
        "mlflow", "bomb",
    ),
    "inner-pickle.zip": (
        lambda p: mlflow(p, bomb(p), name="model.skops"), "mlflow", "pickle",
    ),
    "laughs.zip": (
        lambda p: mlflow(p, b"x", mlmodel=laughs()), "mlflow", "aliases",
    ),
    "objects.zip": (
        lambda p: mlflow(
            p, b"x", mlmodel=MLMODEL + "x: !!python/object/apply:os.system [id]\n"
        ),
        "mlflow", "not valid YAML",
    ),
    "code.zip": (
        lambda p: mlflow(p, b"x", mlmodel=MLMODEL.replace("code: null", "code: code")),
        "mlflow", "Python code or a pickle",
    ),
    "python-model.zip": (
        lambda p: mlflow(
            p, b"x",
            mlmodel=MLMODEL.replace("mlflow.xgboost", "mlflow.pyfunc.model"),
        ),
        "mlflow", "Python code or a pickle",
    ),
    "two-models.zip": (
        lambda p: mlflow(p, b"x", **{"m/model.onnx": b"y"}), "mlflow", "2 model files",
    ),
}  # fmt: skip
