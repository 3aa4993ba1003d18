"""The facts of a dossier: inventory record, version, files, data and training run."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance import matrices
from governance.dossier import content
from governance.models import Status
from governance.models.risk import Band, RiskAssessment, RiskMatrix
from registry.models import Column, ModelVersion, RegisteredModel, Run, User

# SR 11-7, section VI; the order in which an auditor reads them.
_LABELS = {
    "purpose": gettext_noop("Intended purpose"),
    "products": gettext_noop("Products"),
    "expected_use": gettext_noop("Expected use"),
    "actual_use": gettext_noop("Actual use"),
    "restrictions": gettext_noop("Restrictions on use"),
    "limitations": gettext_noop("Limitations"),
    "inputs": gettext_noop("Inputs"),
    "outputs": gettext_noop("Outputs"),
    "components": gettext_noop("Components"),
    "affected_people": gettext_noop("People affected"),
    "affects_people": gettext_noop("Affects people"),
    "personal_data": gettext_noop("Personal data"),
    "jurisdictions": gettext_noop("Jurisdictions"),
    "ai_act_class": gettext_noop("EU AI Act class"),
    "ai_system": gettext_noop("AI system"),
    "vendor": gettext_noop("Vendor"),
    "foundation_model": gettext_noop("Foundation model"),
    "owner": gettext_noop("Owner (first line)"),
    "developer": gettext_noop("Developer (first line)"),
    "validator": gettext_noop("Validator (second line)"),
    "valid_from": gettext_noop("Valid from"),
    "valid_until": gettext_noop("Valid until"),
    "registered_by": gettext_noop("Registered by"),
    "registered_at": gettext_noop("Registered at"),
}


def moment_text(at: datetime) -> str:
    """Date and time with the zone, as every page and paper of Freigabe writes them."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def inventory(model: RegisteredModel) -> content.Inventory:
    """The inventory record with all its fields."""
    return content.Inventory(
        slug=model.slug,
        name=model.name,
        fields=tuple(
            content.Field(name, _(label), _shown(model, name))
            for name, label in _LABELS.items()
        ),
    )


def _shown(model: RegisteredModel, name: str) -> str:
    value = getattr(model, name)
    if name == "ai_act_class":
        return str(RegisteredModel.AIActClass(value).label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, User):
        return value.printed_name
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def version_facts(
    version: ModelVersion, status: Status, *, at: datetime
) -> content.Version:
    """The version with its files and its life cycle until `at`."""
    moves = version.status_changes.filter(moved_at__lte=at).order_by("sequence")
    parts = version.version_artifacts.select_related("artifact__uploaded_by")
    return content.Version(
        version=version.version,
        sha256=version.sha256,
        method=version.method,
        notes=version.notes,
        developer=version.developer.printed_name,
        registered_by=version.registered_by.printed_name,
        registered_at=version.registered_at,
        status=str(status.label),
        moves=tuple(
            content.Move(
                str(Status(move.status).label),
                move.moved_by.printed_name,
                move.moved_at,
                move.reason,
            )
            for move in moves.select_related("moved_by")
        ),
        files=tuple(
            content.FileFacts(
                part=str(part.get_role_display()),
                file_name=part.artifact.file_name,
                format=part.artifact.format,
                media_type=part.artifact.media_type,
                size=part.artifact.size,
                sha256=part.artifact.sha256,
                uploaded_by=part.artifact.uploaded_by.printed_name,
                uploaded_at=part.artifact.uploaded_at,
            )
            for part in parts.order_by("-role", "artifact__sha256")
        ),
    )


def siblings(version: ModelVersion, *, at: datetime) -> tuple[content.Sibling, ...]:
    """The other versions of the model that were registered by then, newest first."""
    others = (
        ModelVersion.objects.filter(model_id=version.model_id, registered_at__lte=at)
        .exclude(pk=version.pk)
        .order_by("-registered_at", "version")
    )
    found = []
    for other in others:
        moves = other.status_changes.filter(moved_at__lte=at).order_by("-sequence")
        latest = moves.first()
        status = Status(latest.status) if latest else Status.DEVELOPMENT
        found.append(
            content.Sibling(
                other.version, other.sha256, str(status.label), other.registered_at
            )
        )
    return tuple(found)


def matrix_facts(matrix: RiskMatrix) -> content.Matrix:
    """A published matrix as rows of cells, likelihood upwards."""
    table = matrices.of(matrix)
    return content.Matrix(
        name=f"{matrix.slug} {matrix.version}",
        sha256=matrix.sha256,
        likelihood=tuple(map(str, table.likelihoods)),
        impact=tuple(map(str, table.impacts)),
        cells=tuple(
            tuple(
                (table.cells[row, column].score, table.cells[row, column].band.value)
                for column in range(1, len(table.impacts) + 1)
            )
            for row in range(1, len(table.likelihoods) + 1)
        ),
    )


def assessments(
    model: RegisteredModel, *, at: datetime
) -> tuple[content.Assessment, ...]:
    """All assessments by then, the one that counts first."""
    found = (
        RiskAssessment.objects.filter(model_id=model.pk, assessed_at__lte=at)
        .select_related("matrix", "assessed_by")
        .order_by("-assessed_at", "id")
    )
    return tuple(
        content.Assessment(
            id=str(row.pk),
            likelihood=row.likelihood,
            impact=row.impact,
            score=row.score,
            band=row.band,
            band_label=str(Band(row.band).label),
            residual_likelihood=row.residual_likelihood,
            residual_impact=row.residual_impact,
            residual_score=row.residual_score,
            residual_band_label=str(Band(row.residual_band).label)
            if row.residual_band
            else "",
            tier=row.tier,
            floor=row.floor,
            rationale=row.rationale,
            mitigations=row.mitigations,
            matrix=f"{row.matrix.slug} {row.matrix.version}",
            assessed_by=row.assessed_by.printed_name,
            assessed_at=row.assessed_at,
            review_due_on=row.review_due_on,
        )
        for row in found
    )


def data_uses(version: ModelVersion) -> tuple[content.DataUse, ...]:
    """The data set versions that the version names, and those it was measured on."""
    named = [
        (str(link.get_use_display()), link.dataset_version)
        for link in version.version_datasets.select_related(
            "dataset_version__dataset", "dataset_version__registered_by"
        ).order_by("-use", "dataset_version__sha256")
    ]
    known = {data.pk for _use, data in named}
    runs = version.evidence_runs.select_related(
        "dataset_version__dataset", "dataset_version__registered_by"
    ).order_by("dataset_version__sha256")
    for run in runs:
        if run.dataset_version_id not in known:
            known.add(run.dataset_version_id)
            named.append((_("Measured on"), run.dataset_version))
    return tuple(
        content.DataUse(
            use=use,
            dataset=data.dataset.name,
            slug=data.dataset.slug,
            version=data.version,
            sha256=data.sha256,
            rows=data.row_count,
            columns=tuple(
                (str(c["name"]), str(c.get("type", "")), str(Column(c["role"]).label))
                for c in data.columns
            ),
            description=data.dataset.description,
            source=data.dataset.source,
            uri=data.uri,
            registered_by=data.registered_by.printed_name,
            registered_at=data.registered_at,
        )
        for use, data in named
    )


def training_run(run: Run | None) -> content.TrainingRun | None:
    """The run that made the version, if one was recorded."""
    if run is None:
        return None
    return content.TrainingRun(
        name=run.name,
        code_repository=run.code_repository,
        code_commit=run.code_commit,
        environment_sha256=run.environment_sha256,
        parameters=pairs(run.parameters),
        metrics=pairs(run.metrics),
        run_by=run.run_by.printed_name,
        recorded_at=run.recorded_at,
    )


def pairs(values: Any) -> tuple[tuple[str, str], ...]:
    """A mapping as sorted names and texts; nested values as JSON."""
    items: Iterable[tuple[Any, Any]] = (
        values.items() if isinstance(values, dict) else enumerate(values or ())
    )
    return tuple(
        (
            str(name),
            value
            if isinstance(value, str)
            else json.dumps(value, ensure_ascii=False, sort_keys=True),
        )
        for name, value in sorted(items, key=lambda item: str(item[0]))
    )
