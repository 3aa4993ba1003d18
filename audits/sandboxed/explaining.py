"""Verb `explain`: SHAP values of chosen rows by the explainer that fits the model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.sandboxed.checking import facts
from audits.sandboxed.explainers import Explained, explain
from audits.sandboxed.loading import load
from audits.sandboxed.predicting import read_features
from audits.sandboxed.refusal import Refused


def work(
    *, files: Mapping[str, Path], options: Mapping[str, Any], progress: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Explain each sample of `samples`: `{rows, background, seed}` with row numbers.

    An explainer that is slow may take only the first of them.
    For sample i the arrays are `phi_i` (rows x features, in the order declared),
    `base_i` and `output_i` (one for each row, in the explained scale), `score_i` (as
    `predict` gives it).
    """
    progress(0.05, "loading the model")
    model = load(files["model"], format=options["format"])
    progress(0.1, "reading the data")
    frame = read_features(files["data"], options)
    samples = options["samples"]
    arrays: dict[str, NDArray[Any]] = {}
    last: Explained | None = None
    for number, sample in enumerate(samples):
        progress(0.15 + 0.85 * number / len(samples), "explaining")
        _check_rows(sample, len(frame))
        last = explain(
            model,
            rows=frame.iloc[sample["rows"]].reset_index(drop=True),
            background=frame.iloc[sample["background"]].reset_index(drop=True),
            positive=str(options["positive"]),
            seed=int(sample["seed"]),
        )
        arrays[f"phi_{number}"] = last.phi
        arrays[f"base_{number}"] = last.base
        arrays[f"output_{number}"] = last.output
        used = frame.iloc[sample["rows"][: len(last.phi)]]
        arrays[f"score_{number}"] = model.score(used, str(options["positive"]))
    if last is None:
        raise Refused("There is no sample to explain.")
    values = facts(model)
    values["versions"] |= last.versions
    values |= {
        "explainer": last.explainer,
        "scale": last.scale,
        "background_rows": last.background_rows,
    }
    return values, {name: np.asarray(array, float) for name, array in arrays.items()}


def _check_rows(sample: Mapping[str, Any], count: int) -> None:
    chosen = [*sample["rows"], *sample["background"]]
    if not chosen or min(chosen) < 0 or max(chosen) >= count:
        raise Refused("The sample names rows that the data do not have.")
