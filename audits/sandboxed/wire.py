"""The frames in which a child answers its parent: JSON and plain arrays."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy starts threads, and a process with threads cannot confine
    from numpy.typing import NDArray  # itself: nothing may import it before that

PROGRESS = b"P"
ARRAY = b"A"
RESULT = b"R"
REFUSAL = b"N"
LEVEL = b"L"
PREFIX = 9  # one byte kind, eight bytes length, big-endian
HEAD_PREFIX = 4  # in front of the head of an array
DTYPES = {"<f8": 8, "<i4": 4}


@dataclass(frozen=True)
class Reply:
    """Writes frames to the parent; nothing else in the child knows the descriptor."""

    descriptor: int

    def level(self, text: str) -> None:
        """Say which isolation held before any hostile byte was read."""
        self._send(LEVEL, text.encode())

    def progress(self, share: float, doing: str) -> None:
        """Say how far the work is: 0 to 1, and a few words."""
        self._send(PROGRESS, json.dumps([round(share, 4), doing]).encode())

    def refuse(self, sentence: str) -> None:
        """End the work with a sentence for people."""
        self._send(REFUSAL, sentence.encode(errors="replace"))

    def array(self, name: str, array: "NDArray[Any]") -> None:
        """Send one array: float64, or int32 for whole numbers, without a copy of it."""
        code = "<i4" if array.dtype.kind == "i" else "<f8"
        head = json.dumps({"name": name, "dtype": code, "shape": array.shape}).encode()
        body = array.astype(code, order="C", copy=False).reshape(-1).view("u1")
        size = HEAD_PREFIX + len(head) + body.nbytes
        self._write(ARRAY + size.to_bytes(8, "big"))
        self._write(len(head).to_bytes(HEAD_PREFIX, "big") + head)
        self._write(memoryview(body))

    def result(self, values: Mapping[str, Any]) -> None:
        """End the work with JSON values; its arrays have been sent before."""
        self._send(RESULT, json.dumps(values, allow_nan=False).encode())

    def _send(self, kind: bytes, payload: bytes) -> None:
        self._write(kind + len(payload).to_bytes(8, "big") + payload)

    def _write(self, data: "bytes | memoryview") -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]
