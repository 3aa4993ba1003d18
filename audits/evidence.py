"""Evidence runs: asking for them, and finding the reports that count."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audits.models import EvidenceReport, EvidenceRun
from registry.models import Column, DatasetVersion, ModelVersion, User

DEFAULTS: dict[str, float | int | str] = {
    "threshold": 0.5,
    "positive": "1",
    "favourable": 1,
    "minimum_group_size": 30,
    "rows": 300,
    "background_rows": 100,
    "seed": 0,
}
_NUMBERS: dict[str, tuple[type, float, float]] = {
    "threshold": (float, 0.0, 1.0),
    "favourable": (int, 0, 1),
    "minimum_group_size": (int, 2, 1_000_000),
    "rows": (int, 20, 100_000),
    "background_rows": (int, 10, 10_000),
    "seed": (int, 0, 2**31 - 1),
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
    complete = _configuration(config)
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


def _configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(config) - set(DEFAULTS))
    if unknown:
        raise CannotMeasure(
            f"config/{unknown[0]}",
            _("Unknown setting. Known are: %(names)s.")
            % {"names": ", ".join(sorted(DEFAULTS))},
        )
    numbers = {name: value for name, value in config.items() if name in _NUMBERS}
    for name, value in numbers.items():
        kind, low, high = _NUMBERS[name]
        whole = kind is int
        right_type = isinstance(value, int if whole else (int, float))
        if not right_type or isinstance(value, bool) or not low <= value <= high:
            raise CannotMeasure(
                f"config/{name}",
                _("Must be a %(kind)s from %(low)s to %(high)s.")
                % {
                    "kind": _("whole number") if whole else _("number"),
                    "low": low,
                    "high": high,
                },
            )
    positive = str(config.get("positive", DEFAULTS["positive"]))
    if not 0 < len(positive) <= 100:
        raise CannotMeasure(
            "config/positive", _("Name the class that counts as positive.")
        )
    return {**DEFAULTS, **numbers, "positive": positive}


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


def latest_reports(version: ModelVersion) -> dict[str, EvidenceReport]:
    """The newest finished report of each kind: these are what decisions judge.

    Their documents, which can be large, are left in the database until asked for.
    """
    reports = (
        EvidenceReport.objects.filter(run__version=version)
        .select_related("run__dataset_version__dataset")
        .prefetch_related("measurements")
        .defer("document")
        .order_by("reported_at")
    )
    return {report.run.kind: report for report in reports}
