"""The order in which people read checks."""

from collections.abc import Iterable

from governance.policy import Check


def failing_first(checks: Iterable[Check]) -> list[Check]:
    """What blocks, then what warns, then what passed; else in the order given."""
    return sorted(checks, key=lambda check: (check.passed, check.severity == "warn"))
