"""The 16 triggers of decisions.md 3.6: seen in facts, acted on once.

The gate never waits for them: what it can decide by itself it decides when asked.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import batched, islice

from governance import access
from governance.models import TriggerEvent
from governance.triggers import around, running
from governance.triggers.acting import Cause, take
from governance.triggers.facts import (
    record_vendor_notice,
    report_compromised_key,
    reported_keys,
)

__all__ = [
    "record_vendor_notice",
    "report_compromised_key",
    "reported_keys",
    "run",
]

AT_ONCE = 500
MOST = 2_000


def run(at: datetime) -> list[TriggerEvent]:
    """Look for causes and act on each that is new; asking twice changes nothing.

    Acts on `MOST` causes at the most; the next call goes on with the rest.
    """
    by = access.system_user()
    taken = (take(cause, by=by, at=at) for cause in _new(_causes(at)))
    return list(islice((event for event in taken if event is not None), MOST))


def _new(causes: Iterator[Cause]) -> Iterator[Cause]:
    """Those that nobody acted on, asked of the database for many at once."""
    for some in batched(causes, AT_ONCE):
        known = TriggerEvent.objects.filter(key__in={cause.key for cause in some})
        done = set(known.values_list("kind", "key"))
        yield from (cause for cause in some if (cause.kind, cause.key) not in done)


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
    newest, owners = around.newest_data(at), around.owners_now()
    again = running.explained_again(at)
    for case in cases:
        yield from running.changed(case)
        yield from running.drifted(case)
        yield from running.failing(case)
        if case.version.pk in again:
            yield from running.explained_otherwise(case)
        yield from around.upstream(case, newest)
        yield from around.left(case, owners)
