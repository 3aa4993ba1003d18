"""Registering models, versions and environments."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from audits.artifacts import MODEL_FORMATS
from governance import roles
from governance.lifecycle import move
from governance.models import Status
from governance.records import AlreadyRegistered, Refused, insert, valid
from registry.acts import act
from registry.digests import NotCanonical, canonical_json, sha256_hex
from registry.models import (
    Artifact,
    DatasetVersion,
    Environment,
    ModelVersion,
    RegisteredModel,
    Run,
    User,
    VersionArtifact,
    VersionDataset,
)

INVENTORY_FIELDS = (
    "name",
    "purpose",
    "products",
    "expected_use",
    "actual_use",
    "restrictions",
    "limitations",
    "inputs",
    "outputs",
    "components",
    "affected_people",
    "ai_system",
    "vendor",
    "foundation_model",
    "jurisdictions",
    "ai_act_class",
    "affects_people",
    "personal_data",
    "is_model",
    "generative",
    "exposure",
    "purpose_class",
    "third_party_components",
    "ai_act_role",
    "annex_iii_point",
    "profiling",
    "art6_3_claimed",
    "art50_applicable",
    "fria_required",
    "dpia_required",
    "special_categories_used",
    "aedt",
    "aedt_output",
    "gxp",
    "credit",
    "owner",
    "developer",
    "validator",
    "validation_planned_on",
    "valid_from",
    "valid_until",
)


@dataclass(frozen=True)
class RunFacts:
    """What is known of the training run."""

    name: str = ""
    code_repository: str = ""
    code_commit: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    environment_sha256: str = ""


@dataclass(frozen=True)
class Operating:
    """How a version's scores become outcomes; see `ModelVersion`."""

    positive: str = "1"
    favourable: int = 1
    threshold: float = 0.5


@act
def register_model(
    *, slug: str, by: User, at: datetime, **inventory: Any
) -> RegisteredModel:
    """Enter a model into the inventory. Raises `NotAllowed` and `Refused`."""
    roles.require(by, "register models", model=slug)
    _known_fields(inventory)
    model = RegisteredModel(slug=slug, registered_by=by, registered_at=at, **inventory)
    taken = {"slug": [_("A model with this name exists.")]}
    if RegisteredModel.objects.filter(slug=slug).exists():
        raise AlreadyRegistered(taken)
    valid(model)
    insert(model, taken)
    return model


class Overtaken(Refused):
    """Others changed the same fields meanwhile; `record` has their values."""

    def __init__(self, record: RegisteredModel, names: Sequence[str]) -> None:
        said = _("Somebody changed this meanwhile.")
        super().__init__({name: [said] for name in names})
        self.record, self.names = record, list(names)


@act
def change_inventory(
    *,
    model: RegisteredModel,
    by: User,
    at: datetime,
    seen: Mapping[str, Any] | None = None,
    **inventory: Any,
) -> RegisteredModel:
    """Change fields of the inventory record. Raises `NotAllowed` and `Refused`.

    `seen` are values that the person looked at: what others changed since is not
    replaced unseen, which raises `Overtaken`. A change of what was judged voids
    signatures: see `Case.subject`.
    """
    roles.require(by, "change inventory records", model=model)
    _known_fields(inventory)
    fresh = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    told = [name for name in inventory if name in (seen or {})]
    over = [n for n in told if not _same((seen or {})[n], getattr(fresh, n))]
    if over:
        raise Overtaken(fresh, over)
    for name, value in inventory.items():
        setattr(fresh, name, value)
    valid(fresh)
    fresh.save()
    return fresh


def _same(seen: object, now: object) -> bool:
    """Whether a value is still the one that was seen: a form turns its line ends."""
    if isinstance(seen, str) and isinstance(now, str):
        return seen.splitlines() == now.strip().splitlines()
    return seen == now


@act
def register_environment(
    *, slug: str, name: str, by: User, emergency_allowed: bool = False
) -> Environment:
    """Add an environment. Raises `NotAllowed` and `Refused`."""
    roles.require(by, "register environments", environment=slug)
    taken = {"slug": [_("An environment with this name exists.")]}
    if Environment.objects.filter(slug=slug).exists():
        raise AlreadyRegistered(taken)
    environment = Environment(slug=slug, name=name, emergency_allowed=emergency_allowed)
    valid(environment)
    insert(environment, taken)
    return environment


@act
def register_version(
    *,
    model: RegisteredModel,
    version: str,
    artifacts: Sequence[tuple[Artifact, str]],
    by: User,
    at: datetime,
    datasets: Sequence[tuple[DatasetVersion, str]] = (),
    run: RunFacts | None = None,
    operating: Operating | None = None,
    developer: User | None = None,
    method: str = "",
    notes: str = "",
) -> ModelVersion:
    """Register one immutable version; its digest covers a canonical manifest.

    `artifacts` are (artifact, part), `datasets` (data set version, use). The model file
    of a vendor may be of a format that Freigabe cannot run, such as the manifest of a
    container image: then only declared predictions are measured. Raises
    `NotAllowed`, `Refused`, `AlreadyRegistered`.
    """
    roles.require(by, "register versions", model=model)
    _require_artifacts(artifacts, vendor=model.vendor)
    taken = {"version": [_("This version exists already.")]}
    if model.versions.filter(version=version).exists():
        raise AlreadyRegistered(taken)
    made_by = _run(run, by, at)
    use = operating or Operating()
    manifest = _manifest(model, version, artifacts, datasets, run, method, use)
    row = ModelVersion(
        model=model,
        version=version,
        method=method,
        notes=notes,
        positive_class=use.positive,
        favourable=use.favourable,
        threshold=use.threshold,
        run=made_by,
        developer=developer or (model.developer if by.is_machine else by),
        manifest=manifest,
        sha256=sha256_hex(manifest.encode()),
        registered_by=by,
        registered_at=at,
    )
    valid(row)
    insert(row, taken)
    _attach(row, artifacts, datasets)
    move(version=row, to=Status.DEVELOPMENT, by=by, at=at)
    return row


def _require_artifacts(
    artifacts: Sequence[tuple[Artifact, str]], *, vendor: str
) -> None:
    parts = [part for _artifact, part in artifacts]
    if parts.count("model") != 1:
        raise Refused({"artifacts": [_("Exactly one artifact must be the model.")]})
    if len({artifact.pk for artifact, _part in artifacts}) != len(artifacts):
        raise Refused({"artifacts": [_("The same artifact is named twice.")]})
    for artifact, part in artifacts:
        if part not in VersionArtifact.Part.values:
            names = ", ".join(VersionArtifact.Part.values)
            raise Refused(
                {"artifacts": [_("The role must be one of: %(n)s.") % {"n": names}]}
            )
        if part == "model" and artifact.format not in MODEL_FORMATS and not vendor:
            raise Refused(
                {
                    "artifacts": [
                        _(
                            "%(format)s is not a format for models. Only a vendor's "
                            "model may be a file that Freigabe cannot run: name the "
                            "vendor in the inventory record."
                        )
                        % {"format": artifact.format}
                    ]
                }
            )


def _run(run: RunFacts | None, by: User, at: datetime) -> Run | None:
    if run is None:
        return None
    row = Run(run_by=by, recorded_at=at, **asdict(run))
    valid(row, prefix="run/")
    row.save(force_insert=True)
    return row


def _manifest(
    model: RegisteredModel,
    version: str,
    artifacts: Sequence[tuple[Artifact, str]],
    datasets: Sequence[tuple[DatasetVersion, str]],
    run: RunFacts | None,
    method: str,
    operating: Operating,
) -> str:
    document = {
        "model": model.slug,
        "version": version,
        "method": method,
        "operating": asdict(operating),
        "artifacts": sorted(
            (
                {"sha256": a.sha256, "role": str(part), "size": a.size}
                for a, part in artifacts
            ),
            key=lambda item: str(item["sha256"]),
        ),
        "datasets": sorted(
            (
                {
                    "dataset": d.dataset.slug,
                    "version": d.version,
                    "sha256": d.sha256,
                    "use": str(use),
                }
                for d, use in datasets
            ),
            key=lambda item: (str(item["dataset"]), str(item["use"])),
        ),
        "run": asdict(run) if run else None,
    }
    try:
        return canonical_json(document).decode()
    except NotCanonical as error:
        raise Refused({"run": [str(error)]}) from error


def _attach(
    version: ModelVersion,
    artifacts: Sequence[tuple[Artifact, str]],
    datasets: Sequence[tuple[DatasetVersion, str]],
) -> None:
    for artifact, part in artifacts:
        VersionArtifact.objects.create(version=version, artifact=artifact, role=part)
    for dataset_version, use in datasets:
        link = VersionDataset(version=version, dataset_version=dataset_version, use=use)
        valid(link, prefix="datasets/")
        link.save(force_insert=True)


def _known_fields(inventory: Mapping[str, Any]) -> None:
    unknown = sorted(set(inventory) - set(INVENTORY_FIELDS))
    if unknown:
        raise Refused({name: [_("There is no such field.")] for name in unknown})
