"""The acts of asking for evidence, and of taking the question back."""

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
    priority: int = EvidenceRun.Priority.NORMAL,
    again: bool = False,
) -> EvidenceRun:
    """Ask the evidence engine; what was answered before is answered from the store.

    With `again` it is measured anew. Raises `NotAllowed` and `CannotMeasure`.
    """
    roles.require(by, "request evidence", model=version.model)
    if priority > EvidenceRun.Priority.NORMAL:
        roles.require(by, "request urgent evidence", model=version.model)
    return evidence.request(
        version=version,
        kind=kind,
        dataset_version=dataset_version,
        config=config or {},
        by=by,
        at=at,
        priority=priority,
        again=again,
    )


@act
def cancel_run(*, run: EvidenceRun, by: User, at: datetime) -> None:
    """Take a question back: one's own, or as the second line anybody's.

    Whoever builds a model must not stop the measurements that others asked for. Raises
    `NotAllowed` and `evidence.AlreadyEnded`.
    """
    roles.require(by, right_to_cancel(run, by), model=run.version.model)
    evidence.cancel(run=run, by=by, at=at)


def right_to_cancel(run: EvidenceRun, by: User) -> str:
    """The right that somebody needs to cancel a run."""
    if run.requested_by_id == by.pk:
        return "request evidence"
    return "cancel evidence that others requested"
