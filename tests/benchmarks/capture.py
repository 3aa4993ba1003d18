"""Saving a captured row beside a plain one, and beside three audit packages."""

from typing import Any

from tests.benchmarks import apart
from tests.benchmarks.peers import stage

PLAIN_GOAL, PEER_GOAL = 1.35, 1.0
# Name, ours, the peer, and the most that ours may cost beside it (None: only told).
# Like beside like: one statement that carries its context (as in log.md 6.1), and one
# act, which is a transaction of its own.
ROWS = (
    ("", "one statement", "plain", PLAIN_GOAL),
    ("-pghistory", "one statement", "pghistory with context", PEER_GOAL),
    ("-simple", "one statement", "simple-history", PEER_GOAL),
    ("-auditlog", "one statement", "auditlog", PEER_GOAL),
    ("-act", "act", "plain in atomic()", PLAIN_GOAL),
    ("-act-pghistory", "act", "pghistory in atomic()", PEER_GOAL),
    ("-act-personal", "act, one personal column", "plain in atomic()", None),
    ("-no-context", "no context", "plain", None),
)


def update() -> list[dict[str, Any]]:
    """Microseconds of a `save()` that changes three of eleven columns."""
    return _rows("update")


def create() -> list[dict[str, Any]]:
    """Microseconds of a `save()` of a new row of eleven columns."""
    return _rows("create")


def _rows(operation: str) -> list[dict[str, Any]]:
    times = stage.run("tests.benchmarks.peers.saves", operation)
    return [
        apart.paired(times[ours], times[peer])
        | {
            "suffix": suffix,
            "reference_name": f"{peer} (ours: {ours})",
            "unit": "us",
            "goal": goal,
        }
        for suffix, ours, peer, goal in ROWS
    ]
