"""Taking one permit back for good, while the authorisation stands."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, records, roles
from governance.models import EmergencyToken, GateDecision, PermitRevocation
from registry.acts import act
from registry.models import Environment, ModelVersion, Role, User


class NoSuchPermit(Exception):
    """Nothing by that id was permitted here."""


class CannotRevoke(Exception):
    """It was revoked before."""


@act
def revoke(*, permit_id: UUID, reason: str, by: User, at: datetime) -> PermitRevocation:
    """Take a permit back, or a sealed emergency token; it never counts again.

    The next signed list of the revoked names it. Raises `NotAllowed`,
    `NoSuchPermit`, `CannotRevoke` and `records.Refused`.
    """
    version, environment = _what(permit_id)
    roles.require(by, "revoke permits", model=version.model, environment=environment)
    roles.require_person(by)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why the permit is revoked.")]})
    if PermitRevocation.objects.filter(permit_id=permit_id).exists():
        raise CannotRevoke(_("This permit was revoked already."))
    row = PermitRevocation(
        permit_id=permit_id, reason=reason.strip(), revoked_by=by, revoked_at=at
    )
    records.insert(row, {"permit_id": [_("This permit was revoked already.")]})
    notifications.tell(
        to=[version.model.owner, Role.RISK_MANAGER, Role.OPERATOR],
        subject=gettext_lazy("A permit of %(version)s in %(place)s is revoked"),
        text=gettext_lazy("%(reason)s"),
        values={
            "version": version,
            "place": environment.name,
            "reason": reason.strip(),
        },
        link=f"/gate/{permit_id}/",
        about=row,
        kind="permit.revoked",
        at=at,
    )
    return row


def _what(permit_id: UUID) -> tuple[ModelVersion, Environment]:
    """The version and the environment that a permit or a token is for."""
    parts = ("version__model__owner", "environment")
    for rows in (
        GateDecision.objects.filter(allowed=True),
        EmergencyToken.objects.all(),
    ):
        row = rows.select_related(*parts).filter(pk=permit_id).first()
        if row is not None and row.version and row.environment:
            return row.version, row.environment
    raise NoSuchPermit(_("There is no such permit."))
