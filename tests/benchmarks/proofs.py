"""Inclusion proofs in a large log: their time, and how it grows with the log."""

import math
from typing import Any

from tests.benchmarks import apart

LIMIT = 5.0  # milliseconds for one proof at the larger size


def inclusion() -> list[dict[str, Any]]:
    """Milliseconds of an inclusion proof at 1,000,000 leaves, and of one at 1,000."""
    found = apart.run("tests.benchmarks.proving")
    small, large = found["small"], found["large"]
    logarithm = math.log2(large["size"]) / math.log2(small["size"])
    return [
        {
            "ours": large["ms"],
            "reference": LIMIT,
            "reference_name": f"the limit at {large['size']} leaves",
            "unit": "ms",
            "goal": 1.0,
        },
        {
            "suffix": "-growth",
            "ours": large["ms"] / small["ms"],
            "reference": logarithm,
            "reference_name": f"log2 of {large['size']} over log2 of {small['size']}",
            "unit": "times",
            "goal": 1.0,
        },
    ]
