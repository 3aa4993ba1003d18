"""Evidence runs: asking for them, and finding the reports that count."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audits.artifacts import MODEL_FORMATS
from audits.models import EvidenceReport, EvidenceRun
from audits.questions import (
    CannotMeasure,
    configuration,
    own_settings,
    question_digest,
)
from registry.models import (
    Artifact,
    Column,
    DatasetVersion,
    ModelVersion,
    Role,
    RoleAssignment,
    User,
)

Kind, State = EvidenceRun.Kind, EvidenceRun.State
_ASKING = 0x41_53_4B_31  # "ASK1": the first key of our advisory locks
OPEN = (EvidenceRun.State.PENDING, EvidenceRun.State.RUNNING)


class AlreadyEnded(Exception):
    """The run has ended, so that it cannot be cancelled."""


def request(
    *,
    version: ModelVersion,
    kind: str,
    dataset_version: DatasetVersion,
    config: Mapping[str, Any],
    by: User,
    at: datetime,
    priority: int = EvidenceRun.Priority.NORMAL,
    again: bool = False,
) -> EvidenceRun:
    """Put a question into the queue.

    The same open question is not asked twice. A question that was answered before is
    answered by that report at once; the new run names the one that measured. With
    `again` it is measured anew.

    Raises `CannotMeasure` for an unknown kind, a configuration that is not understood,
    or a data set that lacks what the kind needs.
    """
    if kind not in EvidenceRun.Kind:
        names = ", ".join(EvidenceRun.Kind.values)
        raise CannotMeasure("kind", _("Must be one of: %(names)s.") % {"names": names})
    complete = configuration(version, kind, config)
    _require_columns(version, kind, dataset_version)
    question = question_digest(
        version=version, kind=kind, dataset_version=dataset_version, config=complete
    )
    run = EvidenceRun(
        version=version,
        kind=kind,
        dataset_version=dataset_version,
        config=complete,
        question_sha256=question,
        priority=priority,
        requested_by=by,
        requested_at=at,
    )
    with transaction.atomic():
        _one_at_a_time(question)
        asked = version.evidence_runs.filter(question_sha256=question)
        waiting = asked.filter(state__in=OPEN).first()
        if waiting is not None:
            return waiting
        if not again:
            _answer_from_store(run, asked, at=at)
        run.save(force_insert=True)
    return run


def _one_at_a_time(question: str) -> None:
    """Let two who ask the same question at once see each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [_ASKING, int(question[:8], 16) - 2**31],
        )


def _answer_from_store(
    run: EvidenceRun, asked: QuerySet[EvidenceRun], *, at: datetime
) -> None:
    measured = asked.filter(report__isnull=False).order_by("-ended_at").first()
    if measured is not None:
        run.answered_by, run.state = measured, EvidenceRun.State.FINISHED
        run.progress, run.started_at, run.ended_at = 1.0, at, at


def cancel(*, run: EvidenceRun, by: User, at: datetime) -> None:
    """End an open run without an answer; a worker that is at it stops within seconds.

    Raises `AlreadyEnded`.
    """
    with transaction.atomic():
        fresh = EvidenceRun.objects.select_for_update().get(pk=run.pk)
        if fresh.state not in OPEN:
            raise AlreadyEnded(_("This run has already ended."))
        run.state, run.cancelled_by, run.ended_at = State.CANCELLED, by, at
        run.save(update_fields=["state", "cancelled_by", "ended_at"])


def _require_columns(
    version: ModelVersion, kind: str, dataset_version: DatasetVersion
) -> None:
    if dataset_version.artifact_id is None:
        raise CannotMeasure(
            "dataset", _("Only an address of this data set is known; upload the file.")
        )
    for role in _needed(version, kind):
        if not dataset_version.names(role):
            raise CannotMeasure(
                "dataset",
                _("No column of this data set has the role %(role)s.")
                % {"role": role.value},
            )


def _needed(version: ModelVersion, kind: str) -> list[Column]:
    """What columns must be there for. Fairness can do without the truth."""
    needed = []
    if kind == Kind.PERFORMANCE:
        needed.append(Column.TARGET)
    if kind == Kind.FAIRNESS:
        needed.append(Column.SENSITIVE)
    if kind == Kind.DATA_QUALITY:
        return [Column.FEATURE]
    if model_file(version).format in MODEL_FORMATS:
        return [Column.FEATURE, *needed]
    if kind in (Kind.EXPLAINABILITY, Kind.ROBUSTNESS):
        raise CannotMeasure(
            "version",
            _("The model file of this version cannot be run, as this kind needs."),
        )
    return [Column.PREDICTION, *needed]


def model_file(version: ModelVersion) -> Artifact:
    """The model file of a version: every version has exactly one."""
    parts = version.version_artifacts.select_related("artifact")
    return parts.get(role="model").artifact


def report_of(run: EvidenceRun) -> EvidenceReport | None:
    """The report that answers a run: its own, or that of the run that measured."""
    return EvidenceReport.objects.filter(run=run.answered_by_id or run.pk).first()


def latest_reports(
    version: ModelVersion, *, until: datetime | None = None
) -> dict[str, EvidenceReport]:
    """The newest report of each kind that counts: these are what decisions judge.

    Whoever builds a model chooses neither the data nor the settings that it is judged
    by: a report counts when it was measured on the version's registered test data with
    the settings that apply to all, or when the second line asked for it. Documents are
    left in the database until asked for. With `until`, only what was there by then.
    """
    declared = set(
        version.version_datasets.filter(use="test").values_list(
            "dataset_version", flat=True
        )
    )
    vouched = _asked_by_second_line(version, until=until)
    reports = (
        EvidenceReport.objects.filter(run__version=version)
        .select_related("run__dataset_version__dataset")
        .prefetch_related("measurements")
        .defer("document")
        .order_by("reported_at", "id")
    )
    if until is not None:
        reports = reports.filter(reported_at__lte=until)
    return {
        report.run.kind: report
        for report in reports
        if report.run_id in vouched
        or (
            report.run.dataset_version_id in declared
            and not own_settings(report.run.kind, report.run.config)
        )
    }


def _asked_by_second_line(
    version: ModelVersion, *, until: datetime | None
) -> set[UUID]:
    """Runs that people of the second line asked for, or asked for again."""
    people = RoleAssignment.objects.filter(
        role__in=[role.value for role in Role if role.line == 2], user__is_machine=False
    )
    asked = version.evidence_runs.filter(requested_by__in=people.values("user"))
    if until is not None:
        asked = asked.filter(requested_at__lte=until)
    pairs = asked.values_list("id", "answered_by")
    return {key for pair in pairs for key in pair if key is not None}
