"""The facts of a dossier: inventory record, version, files, data and training run."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from governance.dossier import content
from governance.inventory_words import CHOSEN, LABELS, in_words
from governance.models import Status
from registry.models import Column, ModelVersion, RegisteredModel, Run

MEASURED_ON = "measured"  # of data that the version does not name itself


def moment_text(at: datetime) -> str:
    """Date and time with the zone, as every page and paper of Freigabe writes them."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def inventory(model: RegisteredModel) -> content.Inventory:
    """The inventory record with all its fields."""
    return content.Inventory(
        slug=model.slug,
        name=model.name,
        fields=tuple(
            content.Field(name, str(label), _shown(model, name), _code(model, name))
            for name, label in LABELS.items()
            if name not in ("slug", "name")
        ),
    )


def _shown(model: RegisteredModel, name: str) -> str:
    if name == "registered_at":
        return moment_text(model.registered_at)
    return in_words(model, name)


def _code(model: RegisteredModel, name: str) -> str:
    """What is stored where people read words: choices, yes and no."""
    value = getattr(model, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if name in CHOSEN else ""


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
                role=part.role,
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


def data_uses(version: ModelVersion) -> tuple[content.DataUse, ...]:
    """The data set versions that the version names, and those it was measured on."""
    named = [
        (link.use, str(link.get_use_display()), link.dataset_version)
        for link in version.version_datasets.select_related(
            "dataset_version__dataset", "dataset_version__registered_by"
        ).order_by("-use", "dataset_version__sha256")
    ]
    known = {data.pk for _role, _use, data in named}
    runs = version.evidence_runs.select_related(
        "dataset_version__dataset", "dataset_version__registered_by"
    ).order_by("dataset_version__sha256")
    for run in runs:
        if run.dataset_version_id not in known:
            known.add(run.dataset_version_id)
            named.append((MEASURED_ON, _("Measured on"), run.dataset_version))
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
            role=role,
            sensitive=tuple(
                str(c["name"]) for c in data.columns if c["role"] == Column.SENSITIVE
            ),
            labels=tuple(
                (str(c["name"]), str(c.get("label_en", "")), str(c.get("label_de", "")))
                for c in data.columns
                if c.get("label_en") or c.get("label_de")
            ),
        )
        for role, use, data in named
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
