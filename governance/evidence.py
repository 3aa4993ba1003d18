"""The act of asking for evidence."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audits import evidence
from audits.models import EvidenceRun
from governance import roles
from registry.acts import act
from registry.models import DatasetVersion, ModelVersion, User


@act
def request_run(
    *,
    version: ModelVersion,
    kind: str,
    dataset_version: DatasetVersion,
    by: User,
    at: datetime,
    config: Mapping[str, Any] | None = None,
) -> EvidenceRun:
    """Ask the evidence engine. Raises `NotAllowed` and `evidence.CannotMeasure`."""
    roles.require(by, "request evidence", model=version.model)
    return evidence.request(
        version=version,
        kind=kind,
        dataset_version=dataset_version,
        config=config or {},
        by=by,
        at=at,
    )
