"""Verifying the log beside a bare loop that fetches and hashes the same bytes."""

import hashlib
import time
from typing import Any

from django.db import connection
from django.utils import timezone

from audits import log, verification
from audits.models import Entry
from registry.acts import acting
from registry.models import Environment

ENTRIES = 50_000


def _fill() -> None:
    with acting(by="bench"):
        Environment.objects.bulk_create(
            Environment(slug=f"bench-{n}", name=f"Bench {n}") for n in range(ENTRIES)
        )
    log.advance(at=timezone.now())


def _bare() -> float:
    begin = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM audits_entry ORDER BY entry_id")
        while rows := cursor.fetchmany(10_000):
            for (body,) in rows:
                hashlib.sha256(b"\0" + body.encode()).digest()
    return time.perf_counter() - begin


def verify() -> dict[str, Any]:
    """Seconds for the whole check, tree, checkpoints and replay against the tables."""
    _fill()
    reference = min(_bare() for _ in range(3))
    begin = time.perf_counter()
    verdict = verification.verify()
    ours = time.perf_counter() - begin
    if not verdict.ok:
        raise SystemExit(f"The log does not hold: {verdict.findings}")
    return {
        "ours": ours,
        "reference": reference,
        "reference_name": f"fetch and SHA-256 of {Entry.objects.count()} entries",
        "unit": "s",
        "goal": 1.5,
    }
