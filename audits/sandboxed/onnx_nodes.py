"""Reads the one tree operator of an ONNX file without the onnx package.

A reader of Protocol Buffers' wire format for the few fields of `onnx.proto` that are
needed. The file was accepted by ONNX Runtime before; what does not fit is no tree.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
# Operators that only give the scores another form.
HARMLESS = {"ZipMap", "Cast", "Identity"}
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Field numbers of onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto.
GRAPH, NODE, GRAPH_INPUT = 7, 1, 11
INPUT, OPERATOR, ATTRIBUTE = 1, 4, 5
NAME, FLOAT, INTEGER, STRING, FLOATS, INTEGERS, STRINGS = 1, 2, 3, 4, 7, 8, 9
LISTS = {FLOATS, INTEGERS, STRINGS}


@dataclass(frozen=True)
class Node:
    """An operator with its attributes as lists, numbers and words."""

    kind: str
    attributes: dict[str, Any]

    def get(self, name: str) -> list[Any]:
        """A list of numbers or words; empty where the file has none."""
        found = self.attributes.get(name)
        return found if isinstance(found, list) else []

    def word(self, name: str, default: str) -> str:
        """A word, or its default."""
        return str(self.attributes.get(name, default))


def tree_node(data: bytes) -> Node | None:
    """Answer the tree operator of a graph that feeds its input straight into it.

    None when the graph does anything else to the numbers.
    """
    try:
        graph = next(value for field, value in _fields(data) if field == GRAPH)
        parts = list(_fields(graph))
        nodes = [list(_fields(value)) for field, value in parts if field == NODE]
        inputs = [_name(value) for field, value in parts if field == GRAPH_INPUT]
        kinds = [_text(dict(node).get(OPERATOR, b"")) for node in nodes]
        trees = [place for place, kind in enumerate(kinds) if kind in TREES]
        if len(trees) != 1 or set(kinds) - set(TREES) - HARMLESS:
            return None
        node = nodes[trees[0]]
        fed = [_text(value) for field, value in node if field == INPUT]
        if len(inputs) != 1 or fed != inputs:
            return None
        attributes = [_attribute(value) for field, value in node if field == ATTRIBUTE]
        return Node(kinds[trees[0]], dict(attributes))
    except (IndexError, StopIteration, struct.error, UnicodeDecodeError):
        return None


def class_labels(data: bytes) -> tuple[str, ...]:
    """Answer the classes that a classifier's operator names, in the order of its
    columns; none when no operator does, or when two say different things."""
    found: set[tuple[str, ...]] = set()
    try:
        graph = next(value for field, value in _fields(data) if field == GRAPH)
        for field, node in _fields(graph):
            for part, value in _fields(node) if field == NODE else ():
                if part == ATTRIBUTE and b"classlabels" in value:
                    name, labels = _attribute(value)
                    if name.startswith("classlabels") and isinstance(labels, list):
                        found.add(tuple(map(str, labels)))
    except (IndexError, StopIteration, struct.error, UnicodeDecodeError, TypeError):
        return ()
    found.discard(())
    return found.pop() if len(found) == 1 else ()


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Walk a message: field number and value, bytes for everything nested."""
    view, at = memoryview(data), 0
    while at < len(view):
        key, at = _varint(view, at)
        field, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(view, at)
            yield field, value
            continue
        size = {FIXED32: 4, FIXED64: 8}.get(kind)
        if size is None:
            if kind != BYTES:
                raise IndexError(kind)
            size, at = _varint(view, at)
        if at + size > len(view):
            raise IndexError(size)
        yield field, bytes(view[at : at + size])
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        part = view[at]
        at += 1
        found |= (part & 127) << shift
        if part < 128:
            return found, at
        shift += 7


def _name(message: bytes) -> str:
    return _text(next(value for field, value in _fields(message) if field == NAME))


def _text(value: Any) -> str:
    return bytes(value).decode()


def _attribute(message: bytes) -> tuple[str, Any]:
    name, single, many = "", None, []
    for field, value in _fields(message):
        if field == NAME:
            name = _text(value)
        elif field == FLOAT:
            single = struct.unpack("<f", value)[0]
        elif field == INTEGER:
            single = _signed(value)
        elif field == STRING:
            single = value.decode()
        elif field in LISTS:
            many += _many(field, value)
    return name, many if single is None else single


def _many(field: int, value: Any) -> list[Any]:
    """A repeated field, packed into one piece or not."""
    if field == STRINGS:
        return [value.decode()]
    if field == FLOATS:
        return list(struct.unpack(f"<{len(value) // 4}f", value))
    if isinstance(value, int):
        return [_signed(value)]
    view, at, found = memoryview(value), 0, []
    while at < len(view):
        number, at = _varint(view, at)
        found.append(_signed(number))
    return found


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
