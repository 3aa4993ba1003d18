"""Recording what runs: a newer version in an older one's place; `suspensions` stops."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import (
    access,
    conditions,
    emergencies,
    issued,
    roles,
    security,
    suspensions,
)
from governance.lifecycle import stands
from governance.models import EmergencyAuthorisation, GateDecision
from governance.suspensions import CannotChange, change_authorisation
from registry.acts import act
from registry.models import Deployment, Environment, ModelVersion, RegisteredModel, User

__all__ = ["CannotChange", "change_authorisation", "record"]


@act
def record(
    *,
    version: ModelVersion,
    environment: Environment,
    artifact_sha256: str,
    by: User,
    at: datetime,
    permit_id: str = "",
    source: str = "",
) -> Deployment:
    """Record that a version runs. Without a valid permit it counts as unauthorised.

    A report is never refused for lack of a permit: what runs must be known. With one,
    it supersedes what older versions were authorised for there. Another file than the
    registered one is a security event. Raises `NotAllowed`.
    """
    roles.require(
        by, "report deployments", model=version.model, environment=environment
    )
    # Two versions of a model reported at once come one after the other.
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=version.model_id)
    decision = None
    if permit_id:
        decision = GateDecision.objects.filter(pk=permit_id).first()
    why_not = _why_unauthorised(decision, version, environment, artifact_sha256, at)
    row = Deployment.objects.create(
        version=version,
        environment=environment,
        artifact_sha256=artifact_sha256,
        decision_id=None if why_not or decision is None else decision.pk,
        because=why_not,
        source=source,
        reported_by=by,
        reported_at=at,
    )
    _tell_mismatch(row)
    newer = decision.authorisation if decision and row.authorised else None
    # An emergency is short, and ends nothing.
    if newer is not None and decision is not None and decision.emergency is None:
        suspensions.supersede(newer=newer, by=access.system_user(), at=at)
    return row


def _tell_mismatch(row: Deployment) -> None:
    part = row.version.version_artifacts.filter(role="model")
    stored = part.values_list("artifact__sha256", flat=True).first() or ""
    if row.artifact_sha256 != stored:
        security.record_mismatch(
            version=row.version,
            environment=row.environment,
            expected=stored,
            seen=row.artifact_sha256,
            at=row.reported_at,
        )


def _why_unauthorised(
    decision: GateDecision | None,
    version: ModelVersion,
    environment: Environment,
    artifact_sha256: str,
    at: datetime,
) -> str:
    if decision is None:
        return _("No permit was named.")
    authorisation = decision.emergency or decision.authorisation
    if not decision.allowed or authorisation is None or decision.expires_at is None:
        return _("The decision that was named is a denial.")
    if decision.version != version or decision.environment != environment:
        return _("The permit is for another version or environment.")
    if authorisation.artifact_sha256 != artifact_sha256:
        return _("The running file differs from the permitted one.")
    if issued.is_revoked(decision):
        return _("The permit was revoked.")
    if at >= decision.expires_at:
        return _("The permit has expired.")
    if isinstance(authorisation, EmergencyAuthorisation):
        return (
            ""
            if emergencies.stands(authorisation, at=at)
            else _("The emergency is over.")
        )
    if not stands(authorisation, at=at):
        return _("The authorisation is suspended, revoked, overtaken or retired.")
    if conditions.breached(authorisation, at=at):
        return _("A condition of the approval is broken.")
    return ""
