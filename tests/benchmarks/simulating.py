"""Simulation of the shipped packs over 10,000 versions, and the readiness of one."""

from typing import Any

from tests.benchmarks import apart


def simulate() -> dict[str, Any]:
    """Seconds, against the limit that the issue sets."""
    found: dict[str, Any] = apart.run("tests.benchmarks.judging", "simulation")
    return found


def readiness() -> dict[str, Any]:
    """Median time of `GET readiness` of one version, against the limit."""
    found: dict[str, Any] = apart.run("tests.benchmarks.judging", "readiness")
    return found
