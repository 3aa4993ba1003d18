"""Verifying the log beside a bare loop that fetches and hashes the same bytes."""

import hashlib
import statistics
import time
from typing import Any

from django.db import connection
from django.utils import timezone

from audits import log, verification
from audits.models import Entry
from audits.verification import Level
from registry.acts import acting

ENTRIES = 300_000


def _fill() -> None:
    """Insert rows in one statement: each is captured like any other."""
    with acting(by="bench"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO registry_environment (id, slug, name, emergency_allowed) "
            "SELECT gen_random_uuid(), 'bench-' || n, repeat('Bench ', 30), false "
            "FROM generate_series(1, %s) n",
            [ENTRIES],
        )
    log.advance(at=timezone.now())


def _bare() -> float:
    begin = time.perf_counter()
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT body FROM audits_entry ORDER BY entry_id")
        while rows := cursor.fetchmany(10_000):
            for (body,) in rows:
                hashlib.sha256(b"\0" + body.encode()).digest()
    return time.perf_counter() - begin


def verify(*, level: Level, goal: float | None) -> dict[str, Any]:
    """Seconds of a check of that level beside the bare loop, passes interleaved."""
    if Entry.objects.count() < ENTRIES:
        _fill()
    passes = [(_timed(level), _bare()) for _ in range(3)]
    return {
        "ours": statistics.median(ours for ours, _ in passes),
        "reference": statistics.median(bare for _, bare in passes),
        "ratio": statistics.median(ours / bare for ours, bare in passes),
        "reference_name": f"fetch and SHA-256 of {Entry.objects.count()} entries",
        "unit": "s",
        "goal": goal,
    }


def _timed(level: Level) -> float:
    begin = time.perf_counter()
    verdict = verification.verify(level=level)
    taken = time.perf_counter() - begin
    if not verdict.ok:
        raise SystemExit(f"The log does not hold: {verdict.findings}")
    return taken
