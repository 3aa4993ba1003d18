"""The integrator: how fast it is, and whether writers feel it."""

from typing import Any

from tests.benchmarks import apart

LIMIT = 150_000  # leaves per second that the integrator must reach
WRITERS_GOAL = 1.10


def integrate() -> list[dict[str, Any]]:
    """Microseconds for a leaf, beside the limit and beside a bare fetch and hash."""
    found = apart.run("tests.benchmarks.integrating")
    ours = {"ours": found["ours"], "unit": "us", "suffix": ""}
    entries = f"{found['entries']} entries of {found['bytes']} bytes"
    return [
        ours
        | {
            "reference": 1e6 / LIMIT,
            "reference_name": f"the limit of {LIMIT} leaves/s",
            "goal": 1.0,
        },
        ours
        | {
            "suffix": "-bare",
            "reference": found["bare"],
            "reference_name": f"fetch and SHA-256 of {entries}",
            "goal": None,
        },
    ]


def writers() -> dict[str, Any]:
    """Microseconds for an act while the integrator runs, beside the same without."""
    found = apart.run("tests.benchmarks.writing")
    return apart.paired(found["with"], found["without"]) | {
        "reference_name": f"{found['writers']} writers without the integrator",
        "unit": "us",
        "goal": WRITERS_GOAL,
    }
