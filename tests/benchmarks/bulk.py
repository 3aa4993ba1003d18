"""Writing 10,000 captured rows at once beside the same without capture."""

from typing import Any

from tests.benchmarks import apart
from tests.benchmarks.peers import stage

GOALS = {"bulk_update": 1.1, "update": None, "bulk_create": None}


def write() -> list[dict[str, Any]]:
    """Seconds for `bulk_update`, for `QuerySet.update` and for `bulk_create`."""
    found = stage.run("tests.benchmarks.peers.bulks")
    return [
        apart.paired(found[operation]["ours"], found[operation][peer])
        | {
            "suffix": f"-{peer}-{operation}" if peer != "plain" else f"-{operation}",
            "reference_name": f"{peer}, {operation} of {found['rows']} rows",
            "unit": "s",
            "goal": goal if peer == "plain" else None,
        }
        for operation, goal in GOALS.items()
        for peer in ("plain", "pghistory")
    ]
