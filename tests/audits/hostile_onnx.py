"""Hostile ONNX models: files elsewhere, endless loops, and answers that cannot be."""

from collections.abc import Callable
from typing import Any

import onnx
from onnx import TensorProto, helper


def graph(
    nodes: list[Any], *, width: int = 2, initial: list[Any] | None = None
) -> bytes:
    """An ONNX model from a matrix `x` to a column `y`."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])]
    made = helper.make_graph(nodes, "g", inputs, outputs, initial or [])
    imports = [helper.make_opsetid("", 18)]
    model = helper.make_model(made, opset_imports=imports, ir_version=9)
    return bytes(model.SerializeToString())


def column() -> list[Any]:
    """Nodes that add up the features of a row."""
    return [helper.make_node("ReduceSum", ["x", "axes"], ["s"], keepdims=1)]


AXES = helper.make_tensor("axes", TensorProto.INT64, [1], [1])


def outside(location: str) -> bytes:
    """Weights that lie in another file of the machine."""
    weights = onnx.TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[2, 1],
        data_location=TensorProto.EXTERNAL,
    )  # fmt: skip
    weights.external_data.add(key="location", value=location)
    return graph([helper.make_node("MatMul", ["x", "w"], ["y"])], initial=[weights])


def huge() -> bytes:
    """Asks for 640 GB."""
    size = helper.make_tensor("size", TensorProto.INT64, [2], [400_000, 400_000])
    return graph(
        [
            helper.make_node("ConstantOfShape", ["size"], ["z"]),
            helper.make_node("ReduceSum", ["z"], ["t"], keepdims=0),
            helper.make_node("ReduceSum", ["x", "axes"], ["s"], keepdims=1),
            helper.make_node("Add", ["s", "t"], ["y"]),
        ],
        initial=[size, AXES],
    )


def endless() -> bytes:
    """A loop of 2 to the power of 62 rounds."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still"]),
            helper.make_node("Add", ["v", "v"], ["w"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, None),
        ],
    )
    rounds = helper.make_tensor("rounds", TensorProto.INT64, [], [2**62])
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    return graph(
        [*column(), helper.make_node("Loop", ["rounds", "yes", "s"], ["y"], body=body)],
        initial=[AXES, rounds, yes],
    )


def one_step(kind: str, **options: Any) -> bytes:
    """One operator behind the sum."""
    return graph(
        [*column(), helper.make_node(kind, ["s"], ["y"], **options)], initial=[AXES]
    )


def by_chance() -> bytes:
    """A model whose answer is a dice."""
    return graph(
        [
            *column(),
            helper.make_node("RandomUniformLike", ["s"], ["y"], dtype=1),
        ],
        initial=[AXES],
    )


def of_the_batch() -> bytes:
    """A model whose answer for a row hangs on the row before it."""
    axis = helper.make_tensor("rows", TensorProto.INT64, [], [0])
    return graph(
        [*column(), helper.make_node("CumSum", ["s", "rows"], ["y"])],
        initial=[AXES, axis],
    )


# What goes wrong only when it is asked: `x` and `z` are the features.
WHEN_ASKED: dict[str, tuple[Callable[[], bytes], str]] = {
    "huge.onnx": (huge, "failed|memory"),
    "endless.onnx": (endless, "longer than"),
    "not-a-number.onnx": (lambda: one_step("Log"), "not finite"),
    "dice.onnx": (by_chance, "not deterministic"),
    "batch.onnx": (of_the_batch, "not deterministic"),
    "narrow.onnx": (
        lambda: graph(
            [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)],
            width=7,
            initial=[AXES],
        ),
        "takes 7 features, but 2",
    ),
}
