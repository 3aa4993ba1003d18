"""Executing evidence runs: claim one, measure in the sandbox, store the report once."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from audits.answers import Limits
from audits.datasets import DatasetProblem
from audits.evaluators.base import Evaluation, UnusableEvidence
from audits.isolation import isolation
from audits.measuring import Measured, measure
from audits.models import EvidenceReport, EvidenceRun, Measurement
from audits.sandbox import SandboxRefused
from registry.acts import acting
from registry.digests import canonical_json, sha256_hex
from registry.storage import ArtifactDamaged

MAX_ATTEMPTS = 3
_PROGRESS_SECONDS = 0.5
_LOCK_CLASS = 0x45_56_49_44  # "EVID": the first key of our advisory locks
WORKER = "worker"
State = EvidenceRun.State
logger = logging.getLogger(__name__)


def execute_next() -> bool:
    """Take one run that waits, or whose worker died, and bring it to its end.

    False when there is none. A session-level advisory lock stands for the living
    worker: PostgreSQL drops it with the connection, so that a killed worker's run is
    free at once, and can be finished only once.
    """
    with _claimed() as run:
        if run is None:
            return False
        if settings.FREIGABE_REQUIRE_SANDBOX and not isolation().contained:
            _fail(run, "This machine has no bubblewrap, and the operator requires it.")
            return True
        try:
            measured = measure(run, limits=_limits(), on_progress=_reporter(run))
        except (SandboxRefused, UnusableEvidence, DatasetProblem) as error:
            _fail(run, str(error))
        except ArtifactDamaged as error:
            logger.error("%s", error)
            _fail(run, str(error))
        else:
            store(run=run, measured=measured)
    return True


def _limits() -> Limits:
    return Limits(
        timeout_seconds=settings.FREIGABE_EVIDENCE_TIMEOUT_SECONDS,
        memory_bytes=settings.FREIGABE_EVIDENCE_MEMORY_BYTES,
    )


@contextmanager
def _claimed() -> Iterator[EvidenceRun | None]:
    open_runs = (
        EvidenceRun.objects.filter(Q(state=State.PENDING) | Q(state=State.RUNNING))
        .select_related(
            "version__model", "dataset_version__dataset", "dataset_version__artifact"
        )
        .order_by("requested_at")
    )
    for run in open_runs[:50]:
        number = run.pk.int & 0x7FFFFFFF
        if not _try_lock(number):
            continue
        try:
            yield _start(run)
            return
        finally:
            _unlock(number)
    yield None


def _start(run: EvidenceRun) -> EvidenceRun | None:
    """Mark the locked run as running, unless it ended while we looked."""
    with acting(by=WORKER):
        fresh = EvidenceRun.objects.select_for_update().get(pk=run.pk)
        if fresh.state not in (State.PENDING, State.RUNNING):
            return None
        run.attempts = fresh.attempts + 1
        run.state = State.RUNNING
        run.progress, run.step = 0.0, "starting"
        run.save(update_fields=["attempts", "state", "progress", "step"])
    if run.attempts > MAX_ATTEMPTS:
        _fail(run, f"The worker died {MAX_ATTEMPTS} times while it measured this.")
        return None
    return run


def _reporter(run: EvidenceRun) -> Callable[[float, str], None]:
    last = time.monotonic()

    def report(share: float, step: str) -> None:
        nonlocal last
        if time.monotonic() - last < _PROGRESS_SECONDS and step == run.step:
            return
        last = time.monotonic()
        changed = (round(share, 2), step[:200]) != (run.progress, run.step)
        run.progress, run.step = round(share, 2), step[:200]
        if changed:
            with acting(by=WORKER):
                run.save(update_fields=["progress", "step"])

    return report


def store(
    *, run: EvidenceRun, measured: Measured, at: datetime | None = None
) -> EvidenceReport:
    """Store the report and end the run, in one transaction.

    The document is canonical JSON (RFC 8785) without times, so that the same inputs
    give the same bytes.
    """
    document = canonical_json(measured.as_json(run))
    now = at or timezone.now()
    with acting(by=WORKER):
        EvidenceRun.objects.select_for_update().get(pk=run.pk, state=State.RUNNING)
        report = EvidenceReport.objects.create(
            run=run,
            document=document.decode(),
            sha256=sha256_hex(document),
            sandbox=measured.sandbox[:200],
            reported_at=now,
        )
        Measurement.objects.bulk_create(_rows(report, measured.evaluation))
        run.state, run.progress, run.step, run.ended_at = State.FINISHED, 1.0, "", now
        run.save(update_fields=["state", "progress", "step", "ended_at"])
    return report


def _rows(report: EvidenceReport, evaluation: Evaluation) -> list[Measurement]:
    return [
        Measurement(
            report=report,
            name=m.name[:100],
            group=m.group[:200],
            value=m.value,
            lower=m.lower,
            upper=m.upper,
            n=m.n,
            unit=m.unit,
            method=m.method[:200],
            because=m.because,
        )
        for m in evaluation.measurements
    ]


def _fail(run: EvidenceRun, reason: str) -> None:
    with acting(by=WORKER):
        run.state, run.failure, run.ended_at = State.FAILED, reason, timezone.now()
        run.save(update_fields=["state", "failure", "ended_at"])


def _try_lock(number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_CLASS, number])
        row = cursor.fetchone()
    return bool(row and row[0])


def _unlock(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_CLASS, number])
