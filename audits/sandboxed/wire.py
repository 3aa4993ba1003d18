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

    def result(
        self, values: Mapping[str, Any], arrays: "Mapping[str, NDArray[Any]]"
    ) -> None:
        """End the work with JSON values and float64 or int32 arrays."""
        for name, array in arrays.items():
            code = "<i4" if array.dtype.kind == "i" else "<f8"
            head = json.dumps(
                {"name": name, "dtype": code, "shape": array.shape}
            ).encode()
            body = array.astype(code).tobytes()
            self._send(ARRAY, len(head).to_bytes(4, "big") + head + body)
        self._send(RESULT, json.dumps(values, allow_nan=False).encode())

    def _send(self, kind: bytes, payload: bytes) -> None:
        view = memoryview(kind + len(payload).to_bytes(8, "big") + payload)
        while view:
            view = view[os.write(self.descriptor, view) :]
