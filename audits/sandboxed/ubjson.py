"""Decodes UBJSON (draft 12) as XGBoost writes it, with every length checked."""

from typing import Any

import numpy as np

from audits.sandboxed.refusal import Refused

NUMBERS: dict[str, np.dtype[Any]] = {
    "i": np.dtype(">i1"),
    "U": np.dtype(">u1"),
    "I": np.dtype(">i2"),
    "l": np.dtype(">i4"),
    "L": np.dtype(">i8"),
    "d": np.dtype(">f4"),
    "D": np.dtype(">f8"),
}
CONSTANTS = {"Z": None, "T": True, "F": False}
MAX_DEPTH = 40


def decode(data: bytes) -> Any:
    """Answer the document as plain Python values. Raises Refused."""
    reader = _Reader(data)
    document = reader.value(reader.marker(), depth=0)
    if reader.at != len(data):
        raise Refused("The UBJSON file holds bytes after its end.")
    return document


class _Reader:
    """A position in the bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if size < 0 or size > len(self.data) - self.at:
            raise Refused("The UBJSON file is cut short or its lengths are wrong.")
        self.at += size
        return self.data[self.at - size : self.at]

    def marker(self) -> str:
        return self.take(1).decode("latin-1")

    def number(self, mark: str, count: int = 1) -> list[Any]:
        kind = NUMBERS[mark]
        values = np.frombuffer(self.take(kind.itemsize * count), dtype=kind)
        if mark == "d":  # the shortest text that gives the same float32 again
            return [float(text) for text in values.astype(np.float32).astype(str)]
        return list(values.tolist())

    def length(self) -> int:
        mark = self.marker()
        if mark not in "iUIlL":
            raise Refused("The UBJSON file has a length that is not a whole number.")
        return int(self.number(mark)[0])

    def text(self) -> str:
        try:
            return self.take(self.length()).decode("utf-8")
        except UnicodeDecodeError as trouble:
            raise Refused("The UBJSON file holds text that is not UTF-8.") from trouble

    def value(self, mark: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise Refused("The UBJSON file is nested too deeply.")
        if mark in NUMBERS:
            return self.number(mark)[0]
        if mark in CONSTANTS:
            return CONSTANTS[mark]
        if mark == "S":
            return self.text()
        if mark == "{":
            return self.object(depth + 1)
        if mark == "[":
            return self.array(depth + 1)
        raise Refused("The UBJSON file holds an unknown marker.")

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.data[self.at : self.at + 1] != b"}":
            name = self.text()
            if name in found:
                raise Refused(f"The UBJSON file names {name[:80]!r} twice.")
            found[name] = self.value(self.marker(), depth)
        self.take(1)
        return found

    def array(self, depth: int) -> list[Any]:
        kind = None
        if self.data[self.at : self.at + 1] == b"$":
            self.take(1)
            kind = self.marker()
        if self.data[self.at : self.at + 1] == b"#":
            self.take(1)
            count = self.length()
            if kind in NUMBERS:
                return self.number(kind, count)
            if kind is not None or count > len(self.data) - self.at:
                raise Refused("The UBJSON file holds an array of an unknown form.")
            return [self.value(self.marker(), depth) for _ in range(count)]
        found: list[Any] = []
        while self.data[self.at : self.at + 1] != b"]":
            found.append(self.value(self.marker(), depth))
        self.take(1)
        return found
