"""Waivers are asked for by the owner, renewed once, and revoked."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import records, roles
from governance.models import Waiver, WaiverRevocation
from governance.waived import ends_at, tier_of
from governance.waiving.terms import (
    Wish,
    WrongState,
    require_pause,
    require_terms,
    require_waivable,
    subject,
)
from registry.acts import act
from registry.models import RegisteredModel, User


@act
def request(*, wish: Wish, by: User, at: datetime) -> Waiver:
    """Ask for a waiver, within the maximum of the model's tier.

    Raises `NotAllowed`, `NotWaivable`, `records.Refused`.
    """
    return _request(wish, None, by, at)


@act
def renew(*, waiver: Waiver, wish: Wish, by: User, at: datetime) -> Waiver:
    """Ask once more for the same rules, with another reason; a renewal ends it.

    Raises as `request`, and `WrongState`.
    """
    locked = locked_waiver(waiver)
    if against := _against_renewal(locked):
        raise WrongState(against)
    if wish.reason.strip() == locked.reason:
        raise records.Refused(
            {"reason": [_("A renewal needs a new reason: what has changed since?")]}
        )
    if (wish.model, wish.version, wish.environment) != (
        locked.model,
        locked.version,
        locked.environment,
    ) or set(wish.rules) - set(locked.rules):
        raise records.Refused(
            {"rules": [_("A renewal is for the same rules, version and environment.")]}
        )
    return _request(wish, locked, by, at)


def renewable(waiver: Waiver) -> bool:
    """Whether its state allows the one renewal."""
    return not _against_renewal(waiver)


def _against_renewal(waiver: Waiver) -> str:
    """Why this waiver cannot be renewed; empty if it can."""
    if waiver.renews_id is not None or hasattr(waiver, "renewal"):
        return _("A waiver is renewed once. The rule has to be met.")
    if not hasattr(waiver, "decision") or not waiver.decision.granted:
        return _("Only a waiver that was granted can be renewed.")
    if hasattr(waiver, "revocation"):
        return _("This waiver was revoked.")
    return ""


def _request(wish: Wish, renews: Waiver | None, by: User, at: datetime) -> Waiver:
    roles.require(by, "request waivers", model=wish.model, environment=wish.environment)
    roles.require_person(by)
    tier = tier_of(wish.model, at)
    require_terms(wish, tier, at)
    require_waivable(wish.rules, at)
    row = Waiver(
        kind=wish.kind,
        rules=list(dict.fromkeys(wish.rules)),
        model=wish.model,
        version=wish.version,
        environment=wish.environment,
        tier=tier,
        reason=wish.reason.strip(),
        risk_statement=wish.risk_statement.strip(),
        compensating_controls=wish.compensating_controls.strip(),
        plan_to_close=wish.plan_to_close.strip(),
        evidence=wish.evidence.strip(),
        valid_from=wish.valid_from,
        valid_until=wish.valid_until,
        renews=renews,
        requested_by=by,
        requested_at=at,
    )
    require_pause(row)
    row.subject_sha256 = subject(row)
    records.insert(row, {"__all__": [_("A waiver is renewed once.")]})
    return row


@act
def revoke(*, waiver: Waiver, reason: str, by: User, at: datetime) -> WaiverRevocation:
    """Take a granted waiver back; it never comes back.

    Its owner may too. Raises `NotAllowed`, `WrongState`, `records.Refused`.
    """
    locked = locked_waiver(waiver)
    right = "request waivers" if by == locked.model.owner else "decide waivers"
    roles.require(by, right, model=locked.model, environment=locked.environment)
    roles.require_person(by)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why it is revoked.")]})
    granted = hasattr(locked, "decision") and locked.decision.granted
    if not granted or hasattr(locked, "revocation") or at >= ends_at(locked, at):
        raise WrongState(_("This waiver is not in force."))
    return WaiverRevocation.objects.create(
        waiver=locked, reason=reason, revoked_by=by, revoked_at=at
    )


def locked_waiver(waiver: Waiver) -> Waiver:
    """The waiver as it stands now, locked with its model: two signatures cannot
    grant it, nor two waivers of one rule be granted, at once."""
    RegisteredModel.objects.select_for_update().get(pk=waiver.model_id)
    Waiver.objects.select_for_update(of=("self",)).get(pk=waiver.pk)
    return Waiver.objects.select_related(
        "model__owner", "version__run", "environment", "decision", "revocation"
    ).get(pk=waiver.pk)
