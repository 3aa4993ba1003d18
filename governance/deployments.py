"""Recording what runs, and stopping what may not: deployments and authorisations."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import emergencies, roles
from governance.lifecycle import State, move, stands, state_of, status_of
from governance.models import (
    Authorisation,
    AuthorisationChange,
    EmergencyAuthorisation,
    GateDecision,
    Status,
)
from registry.acts import act
from registry.models import Deployment, Environment, ModelVersion, User

_RIGHT = {
    State.SUSPENDED: "suspend",
    State.ACTIVE: "reinstate",
    State.REVOKED: "revoke",
}
_MOVES = {
    State.ACTIVE: {State.SUSPENDED, State.REVOKED},
    State.SUSPENDED: {State.ACTIVE, State.REVOKED},
    State.REVOKED: set(),
}


class CannotChange(Exception):
    """The authorisation has no such change, or the reason is missing."""


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

    A report is never refused for lack of a permit: what runs must be known. Raises
    `NotAllowed`.
    """
    roles.require(
        by, "report deployments", model=version.model, environment=environment
    )
    decision = None
    if permit_id:
        decision = GateDecision.objects.filter(pk=permit_id).first()
    why_not = _why_unauthorised(decision, version, environment, artifact_sha256, at)
    return Deployment.objects.create(
        version=version,
        environment=environment,
        artifact_sha256=artifact_sha256,
        decision_id=None if why_not or decision is None else decision.pk,
        because=why_not,
        source=source,
        reported_by=by,
        reported_at=at,
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
    if at >= decision.expires_at:
        return _("The permit has expired.")
    if isinstance(authorisation, EmergencyAuthorisation):
        return (
            ""
            if emergencies.runs(authorisation, at=at)
            else _("The emergency is over.")
        )
    if not stands(authorisation, at=at):
        return _("The authorisation is suspended, revoked, overtaken or retired.")
    return ""


@act
def change_authorisation(
    *,
    authorisation: Authorisation,
    to: AuthorisationChange.State,
    reason: str,
    by: User,
    at: datetime,
) -> AuthorisationChange:
    """Suspend, reinstate or revoke; a revoked authorisation never comes back.

    Raises `NotAllowed` and `CannotChange`.
    """
    version = authorisation.version
    roles.require(
        by, _RIGHT[to], model=version.model, environment=authorisation.environment
    )
    if to != State.SUSPENDED:
        roles.require_person(by)
    Authorisation.objects.select_for_update().get(pk=authorisation.pk)
    latest = authorisation.changes.order_by("-sequence").first()
    now = State(latest.state) if latest else State.ACTIVE
    if to not in _MOVES[now]:
        raise CannotChange(
            _("An authorisation that is %(now)s cannot become %(to)s.")
            % {"now": now.label, "to": to.label}
        )
    if not reason.strip():
        raise CannotChange(_("Give the reason."))
    change = AuthorisationChange.objects.create(
        authorisation=authorisation,
        state=to,
        reason=reason,
        changed_by=by,
        changed_at=at,
        sequence=latest.sequence + 1 if latest else 1,
    )
    _follow(version, by=by, at=at, reason=reason)
    return change


def _follow(version: ModelVersion, *, by: User, at: datetime, reason: str) -> None:
    """The version's status follows: suspended when nothing authorises it any more."""
    standing = version.authorisations.filter(valid_until__gt=at)
    active = any(
        state_of(row) == State.ACTIVE for row in standing.prefetch_related("changes")
    )
    status = status_of(version)
    to = Status.APPROVED if active else Status.SUSPENDED
    if status in (Status.APPROVED, Status.SUSPENDED) and status != to:
        move(version=version, to=to, by=by, at=at, reason=reason)
