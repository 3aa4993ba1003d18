"""Executing evidence runs: claim one, measure in the sandbox, store the report once."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from audits import claims, evidence, parts, reports, scores
from audits.answers import Limits
from audits.charts import legible
from audits.claims import MAX_ATTEMPTS, WORKER
from audits.datasets import DatasetProblem
from audits.evaluators.base import UnusableEvidence
from audits.isolation import isolation
from audits.measuring import Measured, measure
from audits.models import EvidencePart, EvidenceReport, EvidenceRun
from audits.sandbox import OnProgress, SandboxRefused
from registry.acts import acting
from registry.storage import ArtifactDamaged

_PROGRESS_SECONDS = 0.5
_BEGUN = (
    "attempts",
    "state",
    "started_at",
    "not_before",
    "step",
    "question_sha256",
)
State = EvidenceRun.State
GAVE_UP = (
    f"The worker died {MAX_ATTEMPTS} times while it measured this, or its disk failed."
)
logger = logging.getLogger(__name__)


class Cancelled(Exception):
    """Somebody cancelled the run while it was measured."""


def execute_next() -> int:
    """Bring one open run, or one part of a large one, a step further.

    Answers 0 when there is nothing to do, else how many workers could help now: 1, or
    the number of parts when a large run was cut. What a killed worker left is taken up
    by the next, after a pause that grows.
    """
    parts.forget_ended()
    with claims.claimed(claims.waiting(timezone.now())) as work:
        return 0 if work is None else execute(work)


def execute(work: claims.Work) -> int:
    """Bring claimed work a step further; how many workers could help now.

    What another worker did between the look at the queue and the claim is seen.
    """
    if isinstance(work, EvidencePart):
        _execute_part(work)
        return 1
    return _execute_run(work)


def _execute_run(run: EvidenceRun) -> int:
    if not _still_open(run) or _answered_meanwhile(run):
        return 1
    if run.parts.filter(state=EvidencePart.State.PENDING).exists():
        return 1
    pieces = [] if run.parts.exists() else parts.planned(run)
    if pieces:
        parts.start(run, pieces, now=timezone.now())
        return len(pieces)
    if _begin(run):
        with _ending(run):
            measured = measure(run, limits=_limits(), on_progress=_reporter(run))
            store(run=run, measured=measured)
    return 1


def _execute_part(part: EvidencePart) -> None:
    run = part.run
    part.refresh_from_db(fields=["state", "attempts"])
    if part.state != EvidencePart.State.PENDING or not _still_open(run):
        return
    with acting(by=WORKER):
        part.attempts += 1
        part.not_before = claims.next_attempt(part.attempts, now=timezone.now())
        # Named before they are written: what a killed worker leaves is found.
        part.scores_name = scores.name_of(part)
        part.save(update_fields=["attempts", "not_before", "scores_name"])
    if part.attempts > MAX_ATTEMPTS:
        _fail(run, GAVE_UP)
        return
    with _ending(run):
        parts.predict_part(part, limits=_limits_of_part(), on_progress=_watching(run))
        _count_parts(run)


def _count_parts(run: EvidenceRun) -> None:
    done = run.parts.filter(state=EvidencePart.State.FINISHED).count()
    share = round(0.9 * done / run.parts.count(), 2)
    with acting(by=WORKER):
        EvidenceRun.objects.filter(pk=run.pk, state=State.RUNNING).update(
            progress=share, step=f"{done} of {run.parts.count()} parts scored"
        )


def _limits() -> Limits:
    return Limits(
        timeout_seconds=settings.FREIGABE_EVIDENCE_TIMEOUT_SECONDS,
        memory_bytes=settings.FREIGABE_EVIDENCE_MEMORY_BYTES,
    )


def _limits_of_part() -> Limits:
    """One thread each: the workers together use all processors."""
    return replace(_limits(), threads=1)


def _still_open(run: EvidenceRun) -> bool:
    """Whether the run is open still, now that nobody else can have it."""
    run.refresh_from_db(fields=["state", "attempts", "progress", "step"])
    return run.state in evidence.OPEN


def _answered_meanwhile(run: EvidenceRun) -> bool:
    """End a run whose question was measured for somebody else since it was asked."""
    if run.state != State.PENDING:
        return False
    with claims.changing(run) as is_open:
        return is_open and evidence.answer_from_store(
            run, at=timezone.now(), since=run.requested_at
        )


def _begin(run: EvidenceRun) -> bool:
    """Mark the locked run as running.

    False when it was cancelled just now, or has been tried often enough.
    """
    now = timezone.now()
    with claims.changing(run) as is_open:
        if not is_open:
            return False
        run.attempts += 1
        run.state, run.started_at = State.RUNNING, run.started_at or now
        run.not_before = claims.next_attempt(run.attempts, now=now)
        run.step = "starting"
        # Asked before an upgrade, it is answered by the engines of now.
        run.question_sha256 = evidence.question_of(run)
        run.save(update_fields=_BEGUN)
    if run.attempts > MAX_ATTEMPTS:
        _fail(run, GAVE_UP)
        return False
    if settings.FREIGABE_REQUIRE_SANDBOX and not isolation().contained:
        _fail(run, "This machine has no bubblewrap, and the operator requires it.")
        return False
    return True


@contextmanager
def _ending(run: EvidenceRun) -> Iterator[None]:
    """End the run with a reason, or try again later, when its measuring fails."""
    try:
        yield
    except Cancelled:
        return
    except (SandboxRefused, UnusableEvidence, DatasetProblem) as error:
        _fail(run, str(error))
    except ArtifactDamaged as error:
        logger.error("%s", error)
        if isinstance(error.__cause__, OSError) and not isinstance(
            error.__cause__, FileNotFoundError
        ):
            _try_again(run, str(error))
        else:
            _fail(run, str(error))
    except OSError as error:
        logger.error("Evidence run %s: %s", run.pk, error)
        _try_again(run, f"The worker's disk or storage failed: {error.strerror}.")


def _try_again(run: EvidenceRun, reason: str) -> None:
    if run.attempts >= MAX_ATTEMPTS:
        _fail(run, reason)
        return
    with acting(by=WORKER):
        EvidenceRun.objects.filter(pk=run.pk, state=State.RUNNING).update(
            step=f"will be tried again: {reason}"[:200]
        )


def _fail(run: EvidenceRun, reason: str) -> None:
    with claims.changing(run) as is_open:
        if is_open:
            run.state, run.ended_at = State.FAILED, timezone.now()
            run.failure = legible(reason)  # it may quote a hostile model or file
            run.save(update_fields=["state", "failure", "ended_at"])


def _watching(run: EvidenceRun) -> OnProgress:
    """End the sandbox's child when the run was cancelled, or ended by another part."""

    def watch(_share: float, _step: str) -> None:
        states = EvidenceRun.objects.filter(pk=run.pk).values_list("state", flat=True)
        if states.get() not in evidence.OPEN:
            raise Cancelled

    return watch


def _reporter(run: EvidenceRun) -> Callable[[float, str], None]:
    watch = _watching(run)
    last = time.monotonic()

    def report(share: float, step: str) -> None:
        nonlocal last
        step = legible(step)  # the child's words, which may be hostile
        share = share if math.isfinite(share) else 0.0
        if time.monotonic() - last < _PROGRESS_SECONDS and step == run.step:
            return
        last = time.monotonic()
        watch(share, step)
        if (round(share, 2), step[:200]) != (run.progress, run.step):
            run.progress, run.step = round(share, 2), step[:200]
            with acting(by=WORKER):
                run.save(update_fields=["progress", "step"])

    return report


def store(
    *, run: EvidenceRun, measured: Measured, at: datetime | None = None
) -> EvidenceReport:
    """Store the report and end the run, in one transaction.

    Raises `Cancelled` when the run was ended meanwhile.
    """
    now = at or timezone.now()
    with acting(by=WORKER):
        fresh = EvidenceRun.objects.select_for_update().get(pk=run.pk)
        if fresh.state != State.RUNNING:
            raise Cancelled
        report = reports.create(run=run, measured=measured, at=now)
        run.state, run.progress, run.step, run.ended_at = State.FINISHED, 1.0, "", now
        run.save(update_fields=["state", "progress", "step", "ended_at"])
    return report
