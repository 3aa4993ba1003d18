"""Evidence runs: asking for them, and finding the reports that count."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from audits.models import EvidenceReport, EvidenceRun
from registry.models import (
    Column,
    DatasetVersion,
    ModelVersion,
    Role,
    RoleAssignment,
    User,
)

DEFAULTS: dict[str, int] = {
    "minimum_group_size": 30,
    "rows": 300,
    "background_rows": 100,
    "seed": 0,
}
_RANGES: dict[str, tuple[int, int]] = {
    "minimum_group_size": (30, 1_000_000),
    "rows": (20, 100_000),
    "background_rows": (10, 10_000),
    "seed": (0, 2**31 - 1),
}


class CannotMeasure(Exception):
    """The question cannot be answered; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def request(
    *,
    version: ModelVersion,
    kind: str,
    dataset_version: DatasetVersion,
    config: Mapping[str, Any],
    by: User,
    at: datetime,
) -> EvidenceRun:
    """Put a question into the queue; the same open question is not asked twice.

    Raises `CannotMeasure` for an unknown kind, a configuration that is not understood,
    or a data set that lacks what the kind needs.
    """
    if kind not in EvidenceRun.Kind:
        names = ", ".join(EvidenceRun.Kind.values)
        raise CannotMeasure("kind", _("Must be one of: %(names)s.") % {"names": names})
    complete = _configuration(version, config)
    _require_columns(kind, dataset_version)
    if not version.version_artifacts.filter(role="model").exists():
        raise CannotMeasure("version", _("This version has no model file to measure."))
    same = EvidenceRun.objects.filter(
        version=version,
        kind=kind,
        dataset_version=dataset_version,
        config=complete,
        state__in=[EvidenceRun.State.PENDING, EvidenceRun.State.RUNNING],
    ).first()
    if same is not None:
        return same
    with transaction.atomic():
        return EvidenceRun.objects.create(
            version=version,
            kind=kind,
            dataset_version=dataset_version,
            config=complete,
            requested_by=by,
            requested_at=at,
        )


def _configuration(version: ModelVersion, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run: the version's are fixed, the others may be given."""
    fixed: dict[str, Any] = {
        "positive": version.positive_class,
        "favourable": version.favourable,
        "threshold": version.threshold,
    }
    for name, value in config.items():
        if name in fixed:
            if value != fixed[name]:
                raise CannotMeasure(
                    f"config/{name}",
                    _("This version was registered with %(value)s; that is measured.")
                    % {"value": fixed[name]},
                )
        elif name in _RANGES:
            _require_whole(name, value)
        else:
            names = ", ".join(sorted(_RANGES))
            raise CannotMeasure(
                f"config/{name}",
                _("Unknown setting. Known are: %(names)s.") % {"names": names},
            )
    return {**DEFAULTS, **config, **fixed}


def _require_whole(name: str, value: object) -> None:
    low, high = _RANGES[name]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not low <= value <= high:  # type: ignore[operator]
        raise CannotMeasure(
            f"config/{name}",
            _("Must be a whole number from %(low)s to %(high)s.")
            % {"low": low, "high": high},
        )


def _require_columns(kind: str, dataset_version: DatasetVersion) -> None:
    if dataset_version.artifact_id is None:
        raise CannotMeasure(
            "dataset", _("Only an address of this data set is known; upload the file.")
        )
    needed = [Column.FEATURE]
    if kind != EvidenceRun.Kind.EXPLAINABILITY:
        needed.append(Column.TARGET)
    if kind == EvidenceRun.Kind.FAIRNESS:
        needed.append(Column.SENSITIVE)
    for role in needed:
        if not dataset_version.names(role):
            raise CannotMeasure(
                "dataset",
                _("No column of this data set has the role %(role)s.")
                % {"role": role.value},
            )


def latest_reports(
    version: ModelVersion, *, until: datetime | None = None
) -> dict[str, EvidenceReport]:
    """The newest report of each kind that counts: these are what decisions judge.

    A report counts when it was measured on the version's registered test data, or when
    the second line asked for it: whoever builds a model does not choose the data that
    it is judged by afterwards. Documents are left in the database until asked for.
    With `until`, only what had been reported by then.
    """
    declared = version.version_datasets.filter(use="test").values("dataset_version")
    second_line = RoleAssignment.objects.filter(
        role__in=[role.value for role in Role if role.line == 2], user__is_machine=False
    )
    reports = (
        EvidenceReport.objects.filter(run__version=version)
        .filter(
            Q(run__dataset_version__in=declared)
            | Q(run__requested_by__in=second_line.values("user"))
        )
        .select_related("run__dataset_version__dataset")
        .prefetch_related("measurements")
        .defer("document")
        .order_by("reported_at", "id")
    )
    if until is not None:
        reports = reports.filter(reported_at__lte=until)
    return {report.run.kind: report for report in reports}
