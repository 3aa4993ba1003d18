"""Verb `check`: the model loads; what it says about itself."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from audits.sandboxed.loading import Model, load

PACKAGES = {"xgboost": "xgboost-cpu"}


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Load the model and answer its facts."""
    progress(0.1, "loading the model")
    return facts(load(files["model"], format=options["format"])), {}


def facts(model: Model) -> dict[str, Any]:
    """Answer what the file says: task, classes, features, library and version."""
    return {
        "task": model.task,
        "library": model.library,
        "versions": {
            model.library: version(PACKAGES.get(model.library, model.library)),
        },
        "classes": list(model.classes),
        "feature_names": list(model.feature_names),
    }
