"""The 16 triggers of decisions.md 3.6: seen in facts, acted on once.

The gate never waits for them: what it can decide by itself it decides when asked.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TypeVar

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
T = TypeVar("T")
_SEEN = ("kind", "key", "seen_at")


def run(at: datetime) -> list[TriggerEvent]:
    """Look for causes and act on each that is new; asking twice changes nothing.

    Acts on `MOST` causes at the most; the next call goes on with the rest.
    """
    by = access.system_user()
    taken = (take(cause, by=by, at=at) for cause in _new(_causes(at), at))
    return list(islice((event for event in taken if event is not None), MOST))


def _new(causes: Iterator[Cause], at: datetime) -> Iterator[Cause]:
    """Those that are due and that nobody acted on, asked for many at once."""
    for some in _in_batches(causes):
        keys = {key for cause in some for key in (cause.key, cause.first)} - {""}
        known = TriggerEvent.objects.filter(key__in=keys)
        seen = {(k, key): on for k, key, on in known.values_list(*_SEEN)}
        yield from (
            cause
            for cause in some
            if (cause.kind, cause.key) not in seen and _is_due(cause, seen, at)
        )


def _in_batches(them: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """`AT_ONCE` after `AT_ONCE` of them: `itertools.batched` came with Python 3.12."""
    rest = iter(them)
    while some := tuple(islice(rest, AT_ONCE)):
        yield some


def _is_due(
    cause: Cause, seen: Mapping[tuple[str, str], datetime], at: datetime
) -> bool:
    """At once, or a grace after another cause was seen."""
    if not cause.first:
        return True
    first = seen.get((cause.kind, cause.first))
    return first is not None and at >= first + cause.grace


def _causes(at: datetime) -> Iterator[Cause]:
    yield from around.new_versions(at)
    yield from running.mismatches(at)
    yield from running.ending(at)
    yield from around.waivers_ended(at)
    yield from around.vendors(at)
    yield from around.incidents(at)
    yield from around.reviews_overdue(at)
    yield from _of_what_runs(at)


def _of_what_runs(at: datetime) -> Iterator[Cause]:
    """Version by version: of ten thousand, only some hundred are held at a time."""
    packs, stopped = around.new_packs(at), around.stopped()
    newest, owners = around.newest_data(at), around.owners_now()
    for some in _in_batches(running.standing_cases(at)):
        explained = running.explained_twice([case.version.pk for case in some], at)
        for case in some:
            yield from around.policy_changed(case, packs)
            yield from around.upstream_stopped(case, stopped)
            yield from running.changed(case)
            yield from running.drifted(case)
            yield from running.failing(case)
            yield from running.explained_otherwise(case, explained)
            yield from around.upstream(case, newest)
            yield from around.left(case, owners)
