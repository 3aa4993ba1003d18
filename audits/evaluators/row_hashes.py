"""One 64-bit number for each row: equal rows have equal numbers, in any file."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from audits.evaluators.columns import Categories, Column

Hashes = NDArray[np.uint64]
# SplitMix64 (Steele, Lea, Flood 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LOST = np.uint64(0x7FF8000000000000)  # every missing value, of any type


class RowHasher:
    """Hashes rows a column at a time: only one column need be in memory.

    Numbers hash by value to the seven digits that every file format keeps (-0 is 0),
    words by their letters, missing values all alike. Two different rows share a number
    with a chance of about 2^-64.
    """

    def __init__(self, rows: int) -> None:
        self.hashes: Hashes = np.zeros(rows, np.uint64)

    def add(self, column: Column) -> None:
        """Take the next column; the order of columns counts."""
        state = self.hashes
        state *= _GOLDEN
        state += _values(column)
        state += _GOLDEN
        state ^= state >> np.uint64(30)
        state *= _FIRST
        state ^= state >> np.uint64(27)
        state *= _SECOND
        state ^= state >> np.uint64(31)


def row_hashes(columns: Iterable[Column], *, rows: int) -> Hashes:
    """Hash each row over all columns (see `RowHasher`)."""
    hasher = RowHasher(rows)
    for column in columns:
        hasher.add(column)
    return hasher.hashes


def _values(column: Column) -> Hashes:
    if isinstance(column, Categories):
        words = [_word(label) for label in column.labels]
        found: Hashes = np.array([*words, _LOST], np.uint64)[column.codes]
        return found
    with np.errstate(over="ignore"):  # beyond 3e38 is infinite
        short = column.values.astype(np.float32) + np.float32(0)  # -0 + 0 is 0
    bits = short.view(np.uint32).astype(np.uint64)
    bits[np.isnan(short)] = _LOST
    return bits


def _word(label: str) -> int:
    data = label.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
