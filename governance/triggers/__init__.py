"""The 16 triggers of decisions.md 3.6: seen in facts, acted on once.

The gate never waits for them: what it can decide by itself it decides when asked.
"""

from collections.abc import Iterator
from datetime import datetime

from governance import access
from governance.models import TriggerEvent
from governance.triggers import around, running
from governance.triggers.acting import Cause, take
from governance.triggers.facts import (
    record_vendor_notice,
    report_compromised_key,
    signed_by,
)

__all__ = ["record_vendor_notice", "report_compromised_key", "run", "signed_by"]


def run(at: datetime) -> list[TriggerEvent]:
    """Look for causes and act on each that is new; asking twice changes nothing."""
    by = access.system_user()
    taken = (take(cause, by=by, at=at) for cause in _causes(at))
    return [event for event in taken if event is not None]


def _causes(at: datetime) -> Iterator[Cause]:
    yield from around.new_versions(at)
    yield from running.mismatches(at)
    yield from running.ending(at)
    yield from around.waivers_ended(at)
    yield from around.vendors(at)
    yield from around.incidents(at)
    yield from around.reviews_overdue(at)
    cases = running.standing_cases(at)
    yield from around.policy_changed(cases, at)
    yield from around.upstream_stopped(cases)
    for case in cases:
        yield from running.changed(case)
        yield from running.drifted(case)
        yield from running.failing(case)
        yield from running.explained_otherwise(case)
        yield from around.upstream(case)
        yield from around.left(case)
