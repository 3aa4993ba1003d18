"""Evidence runs: asking for them, and finding the reports that count."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
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
    VersionDataset,
)

Kind, State = EvidenceRun.Kind, EvidenceRun.State
_ASKING = 0x41_53_4B_31  # "ASK1": the first key of our advisory locks
OPEN = (EvidenceRun.State.PENDING, EvidenceRun.State.RUNNING)


# Of each finished run, what says whether it counts.
_JUDGED = (
    "id",
    "version_id",
    "kind",
    "config",
    "answered_by_id",
    "dataset_version_id",
    "requested_by_id",
    "requested_at",
)


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

    Who asks the same again while it is open gets the same run; somebody else gets a run
    of their own, which the other's report will answer, so that nobody speaks for, or
    cancels, anybody else. A question that was answered before is answered by that
    report at once; the new run names the one that measured. With `again` it is
    measured anew.

    Raises `CannotMeasure` for an unknown kind, a configuration that is not understood,
    or a data set that lacks what the kind needs.
    """
    if kind not in EvidenceRun.Kind:
        names = ", ".join(EvidenceRun.Kind.values)
        raise CannotMeasure("kind", _("Must be one of: %(names)s.") % {"names": names})
    complete = configuration(version, kind, config)
    _require_columns(version, kind, dataset_version)
    run = EvidenceRun(
        version=version,
        kind=kind,
        dataset_version=dataset_version,
        config=complete,
        priority=priority,
        requested_by=by,
        requested_at=at,
    )
    run.question_sha256 = question = question_of(run)
    with transaction.atomic():
        _one_at_a_time(question)
        same = version.evidence_runs.filter(question_sha256=question, requested_by=by)
        waiting = same.filter(state__in=OPEN).first()
        if waiting is not None:
            _hurry(waiting, priority)
            return waiting
        run.save(force_insert=True)
        if not again:
            answer_from_store(run, at=at)
    return run


def question_of(run: EvidenceRun) -> str:
    """The digest of a run's question, for the engines that are installed here."""
    return question_digest(
        version=run.version,
        kind=run.kind,
        dataset_version=run.dataset_version,
        config=run.config,
    )


def _hurry(run: EvidenceRun, priority: int) -> None:
    if priority > run.priority:
        run.priority = priority
        run.save(update_fields=["priority"])


def _one_at_a_time(question: str) -> None:
    """Let two who ask the same question at once see each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [_ASKING, int(question[:8], 16) - 2**31],
        )


def answer_from_store(
    run: EvidenceRun, *, at: datetime, since: datetime | None = None
) -> bool:
    """End a waiting run with the report of the same question, if there is one.

    With `since`, only with a report that was made at that time or later.
    """
    reports = EvidenceReport.objects.filter(
        run__version=run.version, run__question_sha256=run.question_sha256
    )
    if since is not None:
        reports = reports.filter(reported_at__gte=since)
    report = reports.defer("document").order_by("-reported_at").first()
    if report is None or not run.question_sha256:
        return False
    run.answered_by_id, run.state = report.run_id, State.FINISHED
    run.progress, run.started_at, run.ended_at = 1.0, at, at
    run.save(
        update_fields=["answered_by", "state", "progress", "started_at", "ended_at"]
    )
    return True


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
    report: EvidenceReport | None = getattr(run.answered_by or run, "report", None)
    return report


def latest_reports(
    version: ModelVersion, *, until: datetime | None = None
) -> dict[str, EvidenceReport]:
    """The report of each kind that counts: these are what decisions judge.

    Whoever builds a model chooses neither the data nor the settings that it is judged
    by. The report that the second line asked for last counts; without one, the newest
    that was measured on the version's registered test data with the settings that
    apply to all. Documents are left in the database until asked for. With `until`,
    only what was there by then.
    """
    counting = dict(_counting(version, until=until))
    reports = (
        EvidenceReport.objects.filter(run__in=counting.values())
        .select_related("run__dataset_version__dataset")
        .prefetch_related("measurements")
        .defer("document")
    )
    return {report.run.kind: report for report in reports}


def counting_runs_by(
    versions: Iterable[ModelVersion],
) -> dict[UUID, dict[str, UUID]]:
    """The run that measured for the report that counts, of each version and kind.

    As `latest_reports` chooses, in three queries for many versions.
    """
    by_id = {version.pk: version for version in versions}
    tested = set(
        VersionDataset.objects.filter(version__in=by_id, use="test").values_list(
            "version_id", "dataset_version_id"
        )
    )
    second = [role.value for role in Role if role.line == 2]
    held = defaultdict(list)
    for user, begin, end in RoleAssignment.objects.filter(
        role__in=second, user__is_machine=False
    ).values_list("user_id", "granted_at", "ended_at"):
        held[user].append((begin, end))
    counting: dict[UUID, dict[str, UUID]] = {key: {} for key in by_id}
    vouching: dict[UUID, dict[str, UUID]] = {key: {} for key in by_id}
    runs = EvidenceRun.objects.filter(version__in=by_id, state=State.FINISHED)
    for run in runs.order_by("ended_at", "id").values_list(*_JUDGED, named=True):
        answer = run.answered_by_id or run.id
        if _vouches(run, by_id[run.version_id], held[run.requested_by_id]):
            vouching[run.version_id][run.kind] = answer
        elif (
            run.answered_by_id is None
            and (run.version_id, run.dataset_version_id) in tested
            and not own_settings(run.kind, run.config)
        ):
            counting[run.version_id][run.kind] = answer
    return {key: {**counting[key], **vouching[key]} for key in by_id}


def latest_reports_by(
    versions: Iterable[ModelVersion],
) -> dict[UUID, dict[str, EvidenceReport]]:
    """What `latest_reports` says of each of many versions, in a few queries."""
    chosen = counting_runs_by(versions)
    wanted = {run for kinds in chosen.values() for run in kinds.values()}
    reports = {
        report.run_id: report
        for report in EvidenceReport.objects.filter(run__in=wanted)
        .select_related("run")
        .prefetch_related("run__dataset_version__dataset", "measurements")
        .defer("document")
    }
    return {
        key: {kind: reports[run] for kind, run in kinds.items() if run in reports}
        for key, kinds in chosen.items()
    }


def _vouches(
    run: Any,
    version: ModelVersion,
    held: Iterable[tuple[datetime, datetime | None]],
) -> bool:
    """As `_by_second_line`, for one run whose asker's second-line roles are known."""
    builders = {
        version.developer_id,
        version.registered_by_id,
        version.model.developer_id,
        version.model.owner_id,
    }
    return run.requested_by_id not in builders and any(
        begin <= run.requested_at and (end is None or end > run.requested_at)
        for begin, end in held
    )


def _counting(
    version: ModelVersion, *, until: datetime | None
) -> Iterator[tuple[str, UUID]]:
    """Kinds, and the runs that measured for them; of one kind the last one counts."""
    on_test_data = version.version_datasets.filter(
        use="test", dataset_version=OuterRef("dataset_version")
    )
    runs = (
        version.evidence_runs.filter(state=State.FINISHED)
        .annotate(on_test_data=Exists(on_test_data), vouched=_by_second_line(version))
        .order_by("vouched", "ended_at", "id")
    )
    if until is not None:
        runs = runs.filter(ended_at__lte=until)
    for run in runs.only("version", "kind", "config", "answered_by"):
        measured = run.answered_by_id is None
        if run.vouched or (
            measured and run.on_test_data and not own_settings(run.kind, run.config)
        ):
            yield run.kind, run.answered_by_id or run.pk


def _by_second_line(version: ModelVersion) -> Exists:
    """Whether a person of the second line asked, who has no hand in the version."""
    builders = {
        version.developer_id,
        version.registered_by_id,
        version.model.developer_id,
        version.model.owner_id,
    }
    return Exists(
        RoleAssignment.objects.filter(
            Q(ended_at=None) | Q(ended_at__gt=OuterRef("requested_at")),
            role__in=[role.value for role in Role if role.line == 2],
            granted_at__lte=OuterRef("requested_at"),
            user=OuterRef("requested_by"),
            user__is_machine=False,
        ).exclude(user__in=builders)
    )
