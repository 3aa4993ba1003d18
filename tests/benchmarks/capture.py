"""Saving a captured row beside a plain one, and beside three audit packages."""

from typing import Any

from tests.benchmarks.peers import stage

PLAIN_GOAL, PEER_GOAL = 1.35, 1.0
# Name, ours, the peer, and the most that ours may cost beside it (None: only told).
ROWS = (
    ("", "act", "plain", PLAIN_GOAL),
    ("-atomic", "act", "plain in atomic()", None),
    ("-pghistory", "act", "pghistory with context", PEER_GOAL),
    ("-simple", "act", "simple-history", PEER_GOAL),
    ("-auditlog", "act", "auditlog", PEER_GOAL),
    ("-trigger", "no context", "plain", None),
    ("-prefixed", "context prefixed", "plain", None),
    ("-prefixed-pghistory", "context prefixed", "pghistory with context", None),
    ("-personal", "act, one personal column", "plain", None),
)


def update() -> list[dict[str, Any]]:
    """Microseconds of a `save()` that changes three of eleven columns."""
    return _rows("update")


def create() -> list[dict[str, Any]]:
    """Microseconds of a `save()` of a new row of eleven columns."""
    return _rows("create")


def _rows(operation: str) -> list[dict[str, Any]]:
    found = stage.run("tests.benchmarks.peers.saves", operation)
    return [
        {
            "suffix": suffix,
            "ours": found["microseconds"][ours],
            "reference": found["microseconds"][peer],
            "reference_name": f"{peer} (ours: {ours})",
            "ratio": found["ratios"][ours] / found["ratios"][peer],
            "unit": "us",
            "goal": goal,
        }
        for suffix, ours, peer, goal in ROWS
    ]
