"""Large runs in parts: any worker predicts some rows, one merges all of them."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from django.conf import settings

from audits import claims, scores
from audits.answers import PART_ROWS, Limits, predict
from audits.artifacts import MODEL_FORMATS
from audits.evidence import OPEN, model_file
from audits.measuring import opened
from audits.models import EvidencePart, EvidenceRun
from audits.sandbox import OnProgress
from registry.acts import acting

Kind = EvidenceRun.Kind
logger = logging.getLogger(__name__)
_SCORED = (Kind.PERFORMANCE, Kind.FAIRNESS, Kind.DRIFT)


def planned(run: EvidenceRun) -> list[EvidencePart]:
    """Answer the parts, unsaved, into which a run should be cut; none for most.

    Only runs that score every row are cut, and only where the model can be run.
    """
    rows = run.dataset_version.row_count or 0
    size = settings.FREIGABE_EVIDENCE_PART_ROWS
    if size > PART_ROWS:  # only parts that begin there give the bytes of the whole
        size -= size % PART_ROWS
    runnable = model_file(run.version).format in MODEL_FORMATS
    if run.kind not in _SCORED or rows <= size or not runnable:
        return []
    edges = [*range(0, rows, size), rows]
    return [
        EvidencePart(run=run, number=number, first_row=first, end_row=end)
        for number, (first, end) in enumerate(zip(edges, edges[1:], strict=False), 1)
    ]


def predict_part(
    part: EvidencePart, *, limits: Limits, on_progress: OnProgress | None = None
) -> None:
    """Score the rows of a part and keep the scores in the storage.

    Raises what `measure` raises.
    """
    with opened(part.run, limits=limits, on_progress=on_progress) as job:
        found = predict(
            job.source,
            rows=part.end_row - part.first_row,
            first=part.first_row,
            limits=limits,
            on_progress=on_progress,
        )
    with acting(by=claims.WORKER):
        part.state, part.facts = EvidencePart.State.FINISHED, asdict(found.facts)
        part.scores_name, part.scores_sha256 = scores.keep(part, found.scores)
        part.save(update_fields=["state", "facts", "scores_name", "scores_sha256"])


def start(run: EvidenceRun, parts: Sequence[EvidencePart], *, now: datetime) -> None:
    """Put the parts into the queue; the run, if it is open still, waits for them."""
    with claims.changing(run) as is_open:
        if not is_open:
            return
        EvidencePart.objects.bulk_create(parts)
        run.state, run.started_at = EvidenceRun.State.RUNNING, now
        run.step = f"waiting for {len(parts)} parts"
        run.save(update_fields=["state", "started_at", "step"])


def forget_ended() -> None:
    """Remove the scores of runs that have ended, however they ended.

    A storage that fails keeps them until the next time.
    """
    kept = EvidencePart.objects.exclude(scores_name="")
    ended = kept.exclude(run__state__in=OPEN).values("run")
    for run in EvidenceRun.objects.filter(pk__in=ended):
        try:
            scores.forget(run)
        except OSError as error:
            logger.warning("The scores of %s stay for now: %s", run.pk, error)
            continue
        with acting(by=claims.WORKER):
            kept.filter(run=run).update(scores_name="")
