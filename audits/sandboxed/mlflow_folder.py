"""MLflow model folders in a zip or tar: only MLmodel and one model file are read.

The list of trusted types that MLflow keeps in MLmodel is the submitter's and plays no
part, and neither do environments, examples and code (evidence.md 4.1).
"""

import io
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from audits import artifacts
from audits.packed import BadArchive, Packed, Tar, Zip
from audits.sandboxed.loading import Model
from audits.sandboxed.loading import load as load_file
from audits.sandboxed.refusal import Refused

MAX_DESCRIPTION_BYTES = 256 * 1024
MAX_MODEL_BYTES = 200 * 1024**2  # it passes through the scratch folder
MAX_DEPTH = 30
NAMES = frozenset(
    f"model.{suffix}"
    for suffix in ("skops", "ubj", "json", "xgb", "lgb", "txt", "cb", "cbm", "onnx")
)
HOW = (
    "Log the model with its own flavor and without code: for scikit-learn "
    "mlflow.sklearn.log_model(model, serialization_format='skops'), otherwise "
    "mlflow.xgboost, mlflow.lightgbm, mlflow.catboost or mlflow.onnx; or upload the "
    "model file by itself."
)


def load(path: Path, *, format: str) -> Model:
    """Load the one model file of a folder. Raises Refused."""
    with path.open("rb") as file:
        try:
            archive = Zip(file) if file.read(2) == b"PK" else Tar(file)
            data = _payload(archive)
        except BadArchive as trouble:
            raise Refused(str(trouble)) from trouble
    try:
        found = artifacts.detect(io.BytesIO(data)).format
    except artifacts.UnsupportedArtifact as trouble:
        raise Refused(f"The model in the MLflow folder: {trouble}") from trouble
    if found not in artifacts.SINGLE_FILES:
        raise Refused(f"The model file in the MLflow folder is {found}, not a model.")
    with tempfile.NamedTemporaryFile() as inner:
        inner.write(data)
        inner.flush()
        return load_file(Path(inner.name), format=found)


def _payload(archive: Packed) -> bytes:
    folder = artifacts.mlflow_folder(archive.sizes)
    if folder is None:
        raise Refused("The archive holds no MLmodel, or several.")
    description = archive.read(f"{folder}MLmodel", limit=MAX_DESCRIPTION_BYTES)
    _check_description(read_yaml(description))
    models = sorted(
        name
        for name in archive.sizes
        if name.startswith(folder) and PurePosixPath(name).name in NAMES
    )
    if len(models) != 1:
        raise Refused(
            f"The MLflow folder holds {len(models)} model files that are accepted, "
            f"not one. {HOW}"
        )
    return archive.read(models[0], limit=MAX_MODEL_BYTES)


def _check_description(description: Any) -> None:
    """Refuse folders whose model is Python code or a pickle."""
    flavors = description.get("flavors") if isinstance(description, dict) else None
    if not isinstance(flavors, dict) or not flavors:
        raise Refused("The MLmodel file names no flavors.")
    function = flavors.get("python_function")
    function = function if isinstance(function, dict) else {}
    written_in_python = "python_model" in function or "pyfunc.model" in str(
        function.get("loader_module", "")
    )
    pickled = any(
        isinstance(flavor, dict)
        and str(flavor.get("serialization_format", "")).endswith("pickle")
        for flavor in flavors.values()
    )
    if written_in_python or pickled or function.get("code"):
        raise Refused(
            "The MLflow folder holds Python code or a pickle, which are never run or "
            f"loaded here. {HOW}"
        )


def read_yaml(data: bytes) -> Any:
    """Read YAML without tags that make objects, without aliases and bounded in depth.

    Aliases let a few lines grow to gigabytes ("billion laughs"). Raises Refused.
    """
    depth = 0
    try:
        for event in yaml.parse(data, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise Refused("The MLmodel file uses aliases, which MLflow never does.")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise Refused("The MLmodel file is nested too deeply.")
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as trouble:
        raise Refused("The MLmodel file is not valid YAML.") from trouble
