"""A stage for lineage: models with versions on data, in places, feeding each other."""

from dataclasses import dataclass

from governance import deployments, feeding, registration
from governance.registration import RunFacts
from registry.models import Dataset, DatasetVersion, ModelVersion, RegisteredModel
from tests.world import World, later


def versioned(
    world: World,
    model: RegisteredModel,
    number: str,
    data: DatasetVersion,
    *,
    run: bool = True,
    use: str = "training",
) -> ModelVersion:
    """Ben registers a version that used the data, an hour after the one before."""
    return registration.register_version(
        model=model,
        version=number,
        artifacts=[(world.artifact(), "model")],
        datasets=[(data, use)],
        run=RunFacts(name="train", code_commit="c0ffee" * 6) if run else None,
        by=world.ben,
        at=later(hours=model.versions.count() + 1),
    )


def reported(world: World, version: ModelVersion, hours: int = 50) -> None:
    """Ola reports that it runs, without any permit."""
    deployments.record(
        version=version,
        environment=world.production,
        artifact_sha256="0" * 64,
        by=world.ola,
        at=later(hours=hours),
    )


@dataclass(frozen=True)
class Stage:
    """A data set, its version, and the model that learned from it."""

    dataset: Dataset
    data: DatasetVersion
    model: RegisteredModel
    versions: list[ModelVersion]


def staged(world: World, slug: str = "mortgage-approval", count: int = 2) -> Stage:
    """A model with some versions that learned from applications; the last one runs."""
    data = world.data()
    model = world.model(slug, name=slug.replace("-", " ").capitalize())
    versions = [versioned(world, model, str(n + 1), data) for n in range(count)]
    reported(world, versions[-1])
    return Stage(data.dataset, data, model, versions)


def fed(world: World, upstream: RegisteredModel, model: RegisteredModel) -> None:
    """Anna declares that one model feeds another."""
    feeding.declare(upstream=upstream, model=model, by=world.anna, at=later())
