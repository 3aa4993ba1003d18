"""Who works on what: advisory locks stand for living workers."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from audits.evidence import OPEN
from audits.models import EvidencePart, EvidenceRun
from registry.acts import acting

MAX_ATTEMPTS = 3
LOOKED_AT = 50  # open rows that a worker tries in one go
_LOCK_CLASS = 0x45_56_49_44  # "EVID": the first key of our advisory locks
WORKER = "worker"
Work = EvidenceRun | EvidencePart


@contextmanager
def claimed(rows: Iterable[Work]) -> Iterator[Work | None]:
    """Take the first of the rows that no living worker has; None when there is none.

    PostgreSQL drops a session-level advisory lock with the connection, so that what a
    killed worker had is free at once, and can be finished only once.
    """
    for row in rows:
        number = row.pk.int & 0x7FFFFFFF
        if not _try_lock(number):
            continue
        try:
            yield row
            return
        finally:
            _unlock(number)
    yield None


@contextmanager
def changing(run: EvidenceRun) -> Iterator[bool]:
    """Hold the run's row in a transaction; answer whether the run is open still.

    Nobody cancels or ends a run between this answer and what is written then.
    """
    with acting(by=WORKER):
        fresh = EvidenceRun.objects.select_for_update().get(pk=run.pk)
        yield fresh.state in OPEN


def waiting(now: datetime) -> list[Work]:
    """What a worker could take up, the most urgent first, then the oldest question."""
    return sorted([*open_parts(now), *open_runs(now)], key=_urgency)


def _urgency(work: Work) -> tuple[int, datetime]:
    run = work.run if isinstance(work, EvidencePart) else work
    return -run.priority, run.requested_at


def open_parts(now: datetime) -> Iterable[EvidencePart]:
    """Parts of open runs that wait, the most urgent first."""
    return (
        EvidencePart.objects.filter(
            _due(now), state=EvidencePart.State.PENDING, run__state__in=OPEN
        )
        .select_related("run__version__model", "run__dataset_version__artifact")
        .select_related("run__dataset_version__dataset")
        .order_by("-run__priority", "run__requested_at", "number")[:LOOKED_AT]
    )


def open_runs(now: datetime) -> Iterable[EvidenceRun]:
    """Runs that wait, or that are ready to be merged, the most urgent first.

    A question that is being measured for somebody else is waited for.
    """
    unfinished = EvidencePart.objects.filter(
        run=OuterRef("pk"), state=EvidencePart.State.PENDING
    )
    measured_now = EvidenceRun.objects.filter(
        version=OuterRef("version"),
        question_sha256=OuterRef("question_sha256"),
        state=EvidenceRun.State.RUNNING,
    ).exclude(question_sha256="")
    begun = Q(state=EvidenceRun.State.RUNNING)
    return (
        EvidenceRun.objects.filter(_due(now), ~Exists(unfinished), state__in=OPEN)
        .filter(begun | ~Exists(measured_now))
        .select_related(
            "version__model", "dataset_version__dataset", "dataset_version__artifact"
        )
        .order_by("-priority", F("requested_at").asc())[:LOOKED_AT]
    )


def _due(now: datetime) -> Q:
    return Q(not_before=None) | Q(not_before__lte=now)


def next_attempt(attempts: int, *, now: datetime) -> datetime:
    """When to try again after that many attempts: each wait four times the last."""
    seconds = settings.FREIGABE_EVIDENCE_RETRY_SECONDS * 4 ** max(0, attempts - 1)
    return now + timedelta(seconds=seconds)


def _try_lock(number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_CLASS, number])
        row = cursor.fetchone()
    return bool(row and row[0])


def _unlock(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_CLASS, number])
