"""ONNX models, run by ONNX Runtime, which checks tree indexes by itself."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from onnxruntime.capi import onnxruntime_pybind11_state as native

from audits.sandboxed.loading import (
    Model,
    Scores,
    numbers,
    ordered,
    refuse_class_zero,
)
from audits.sandboxed.refusal import Refused
from audits.sandboxed.threads import threads

FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64}
INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
TEXT = "tensor(string)"
TROUBLES = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NotImplemented,
    native.NoSuchFile,
    native.RuntimeException,
)


class OnnxModel(Model):
    """A session: one matrix of numbers, or one input for each column."""

    library = "onnxruntime"

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.inputs = session.get_inputs()
        outputs = session.get_outputs()
        probable = [out for out in outputs if "prob" in out.name.lower()]
        self.output = (probable or outputs[-1:])[0]
        # A classifier answers labels and probabilities; one output is a regression.
        self.task = "binary" if probable or len(outputs) > 1 else "regression"
        self.classes = ("0", "1") if self.task == "binary" else ()
        if len(self.inputs) > 1:
            self.feature_names = tuple(part.name for part in self.inputs)

    def matrix(self, frame: pd.DataFrame) -> dict[str, Any]:
        if len(self.inputs) > 1:
            numbers_or_text = {}
            for part in self.inputs:
                numbers_or_text[part.name] = _column(frame, part)
            return numbers_or_text
        part = self.inputs[0]
        if part.type not in FLOATS:
            raise Refused(f"The ONNX model takes {part.type}, not a matrix of numbers.")
        values = numbers(frame, ordered(frame, ()))
        width = part.shape[-1] if part.shape else None
        if isinstance(width, int) and width != values.shape[1]:
            raise Refused(
                f"The model takes {width} features, but {values.shape[1]} are declared."
            )
        return {part.name: values.astype(FLOATS[part.type])}

    def score(self, frame: pd.DataFrame, positive: str) -> Scores:
        refuse_class_zero(positive)
        try:
            (answer,) = self.session.run([self.output.name], self.matrix(frame))
        except TROUBLES as trouble:
            reason = " ".join(str(trouble).split())[:200]
            raise Refused(f"The ONNX model failed: {reason}") from trouble
        if isinstance(answer, list):  # ZipMap: a dictionary for each row
            answer = [[value for _, value in sorted(row.items())] for row in answer]
        scores = np.asarray(answer, np.float64)
        if self.task == "binary" and scores.ndim == 2 and scores.shape[1] == 2:
            return scores[:, 1]
        if scores.ndim == 2 and scores.shape[1] == 1:
            return scores[:, 0]
        if scores.ndim == 1:
            return scores
        raise Refused("The ONNX model answers neither two classes nor one value.")


def _column(frame: pd.DataFrame, part: Any) -> Any:
    if part.name not in frame.columns:
        raise Refused(
            f"The model needs the feature {part.name!r}, which is not declared."
        )
    if part.type == TEXT:
        return frame[part.name].astype(str).to_numpy(object).reshape(-1, 1)
    kinds = FLOATS | INTEGERS
    if part.type not in kinds:
        raise Refused(f"The ONNX input {part.name!r} takes {part.type}.")
    return numbers(frame, [part.name]).astype(kinds[part.type])


def load(path: Path, *, format: str) -> Model:
    """Open a session from bytes, so that external data files are out of reach."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except TROUBLES as trouble:
        reason = " ".join(str(trouble).split())[:200]
        raise Refused(f"ONNX Runtime does not accept the file: {reason}") from trouble
    return OnnxModel(session)
