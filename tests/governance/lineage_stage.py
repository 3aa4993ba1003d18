"""Events as OpenLineage's own clients send them, and a world that they speak of."""

import uuid
from typing import Any

from registry.models import ModelVersion
from tests.world import NOW

SPEC = "https://openlineage.io/spec"
PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python"
RUN = uuid.UUID("d37e971c-09bc-485e-8fbe-c9279a52750a")


def facet(**said: object) -> dict[str, object]:
    return {"_producer": PRODUCER, "_schemaURL": f"{SPEC}/facets/1-0-1/X.json", **said}


def named(namespace: str, name: str, version="", sha256="", uri="") -> dict[str, Any]:
    """A data set of an event, or a model."""
    facets = {}
    if version:
        facets["version"] = facet(datasetVersion=version)
    if sha256:
        facets["freigabe_artifact"] = facet(
            sha256=sha256, **({"uri": uri} if uri else {})
        )
    return {"namespace": namespace, "name": name, "facets": facets}


def model(version="1", sha256="", slug="mortgage-approval") -> dict[str, Any]:
    return named("models://registry", slug, version, sha256)


def event(
    kind="COMPLETE", inputs=(), outputs=(), run=RUN, at=NOW, **more: Any
) -> dict[str, Any]:
    """A run event."""
    code = facet(type="git", url="https://git.example/x", version="4f1c2a90b7de")
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "run": {"runId": str(run), "facets": {}},
        "job": {
            "namespace": "ml",
            "name": "train.credit",
            "facets": {"sourceCodeLocation": code},
        },
        "inputs": list(inputs),
        "outputs": list(outputs),
        "producer": "https://example.org/ci",
        "schemaURL": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        **more,
    }


def file_of(version: ModelVersion) -> str:
    """The digest of the model file."""
    return str(version.version_artifacts.get(role="model").artifact.sha256)
