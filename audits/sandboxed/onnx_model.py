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
    class_column,
    numbers,
    ordered,
)
from audits.sandboxed.onnx_nodes import class_labels
from audits.sandboxed.refusal import Refused, told
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

    def __init__(
        self, session: onnxruntime.InferenceSession, labels: tuple[str, ...] = ()
    ) -> None:
        self.session = session
        self.zipped = False  # rows come as dictionaries that name the classes
        self.inputs = session.get_inputs()
        outputs = session.get_outputs()
        probable = [out for out in outputs if "prob" in out.name.lower()]
        self.output = (probable or outputs[-1:])[0]
        if len(self.inputs) > 1:
            self.feature_names = tuple(part.name for part in self.inputs)
        # A classifier answers labels and probabilities; one output is a regression.
        if not probable and len(outputs) == 1:
            self.task, self.classes = "regression", ()
        else:
            self.classes = self._probe()
            if len(labels) == len(self.classes) and not self.zipped:
                self.classes = labels
            self.task = "multiclass" if len(self.classes) > 2 else "binary"

    def _probe(self) -> tuple[str, ...]:
        """Name the classes as ZipMap does, or number them by the columns.

        What the shape does not say is found by asking for one row of zeros.
        """
        shape = self.output.shape
        count = shape[-1] if len(shape) == 2 else None
        if not isinstance(count, int):
            try:
                (answer,) = self.session.run([self.output.name], self._zeros())
            except TROUBLES:
                return ("0", "1")
            if isinstance(answer, list) and answer and isinstance(answer[0], dict):
                self.zipped = True
                return tuple(map(str, sorted(answer[0])))
            count = np.shape(answer)[-1] if np.ndim(answer) == 2 else 2
        return tuple(map(str, range(max(count, 2))))

    def _zeros(self) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for part in self.inputs:
            width = part.shape[-1] if part.shape else 1
            kind = object if part.type == TEXT else (FLOATS | INTEGERS).get(part.type)
            empty = np.zeros((1, width if isinstance(width, int) else 1), kind)
            row[part.name] = (
                empty.astype(str).astype(object) if kind is object else empty
            )
        return row

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
        matrix = self.matrix(frame)
        try:
            (answer,) = self.session.run([self.output.name], matrix)
        except TROUBLES as trouble:
            raise Refused(f"The ONNX model failed: {told(trouble)}.") from trouble
        scores = _numbers(answer)
        if self.task == "binary":
            return _of_class(scores, class_column(self.classes, positive))
        if self.task == "multiclass" and scores.shape[1:] == (len(self.classes),):
            return scores
        if self.task == "regression" and scores.ndim == 2 and scores.shape[1] == 1:
            return scores[:, 0]
        if self.task == "regression" and scores.ndim == 1:
            return scores
        raise Refused("The ONNX model answers neither classes nor one value.")


def _numbers(answer: Any) -> Scores:
    if isinstance(answer, list):  # ZipMap: a dictionary for each row
        answer = [[value for _, value in sorted(row.items())] for row in answer]
    try:
        return np.asarray(answer, np.float64)
    except (ValueError, TypeError) as trouble:
        raise Refused("The ONNX model does not answer numbers.") from trouble


def _of_class(scores: Scores, column: int) -> Scores:
    """Pick the positive class of two columns, or of the one column of class 1."""
    if scores.ndim == 2 and scores.shape[1] == 2:
        return scores[:, column]
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim != 1:
        raise Refused("The ONNX model answers neither two classes nor one value.")
    if column == 0:
        raise Refused(
            "The model scores class 1, so class 0 cannot be the positive class; code "
            "the target so that the positive class is 1."
        )
    return scores


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
    data = path.read_bytes()
    try:
        session = onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"]
        )
    except TROUBLES as trouble:
        raise Refused(
            f"ONNX Runtime does not accept the file: {told(trouble)}."
        ) from trouble
    return OnnxModel(session, class_labels(data))
