"""Delegation: a signer on leave lets one other person sign, for a while."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from governance import roles
from governance.models import Delegation, DelegationEnd
from registry.acts import act
from registry.models import Role, User

LONGEST = timedelta(days=90)


class CannotDelegate(Exception):
    """This delegation is not possible; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def active(*, at: datetime) -> QuerySet[Delegation]:
    """The delegations in force at a moment; each ends by itself."""
    return Delegation.objects.filter(
        Q(end=None) | Q(end__ended_at__gt=at), valid_from__lte=at, valid_until__gt=at
    ).select_related("delegator", "delegate")


def seen_by(person: User) -> QuerySet[Delegation]:
    """The delegations that this person may see, the newest first.

    Their own, given and received; all of them for administrators, the second line and
    auditors. Raises `NotAllowed`.
    """
    rows = Delegation.objects.select_related("delegator", "delegate", "end")
    if roles.may(person, "see all delegations"):
        return rows
    roles.require(person, "read")
    return rows.filter(Q(delegator=person) | Q(delegate=person))


def to(person: User, *, at: datetime) -> list[Delegation]:
    """For whom this person may sign now.

    Only while the delegator is active and holds the role themselves: so a delegate
    cannot pass on what was delegated to them (decisions.md 3.4, rule 11).
    """
    rows = active(at=at).filter(delegate=person, delegator__is_active=True)
    return [row for row in rows if row.role in roles.roles_of(row.delegator)]


@act
def delegate(
    *,
    to: User,
    role: Role,
    reason: str,
    valid_until: datetime,
    by: User,
    at: datetime,
    valid_from: datetime | None = None,
) -> Delegation:
    """Let one other person sign in a role of one's own, for 90 days at most.

    Whether the delegate may sign a certain version is decided when they sign it.
    Raises `NotAllowed`, `CannotDelegate`.
    """
    roles.require(by, "delegate signing")
    roles.require_person(by)
    begins = valid_from or at
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    _refuse(to, role, by)
    if not reason.strip():
        raise CannotDelegate("reason", _("Say why you delegate."))
    if begins < at:
        raise CannotDelegate("valid_from", _("It cannot begin in the past."))
    if not begins < valid_until <= begins + LONGEST:
        raise CannotDelegate(
            "valid_until",
            _("It ends after it begins, and after %(days)s days at most.")
            % {"days": LONGEST.days},
        )
    overlapping = Delegation.objects.filter(
        Q(end=None) | Q(end__ended_at__gt=begins),
        delegator=by,
        role=role,
        valid_from__lt=valid_until,
        valid_until__gt=begins,
    )
    if overlapping.exists():
        raise CannotDelegate(
            "to", _("You have delegated this role for that time already; end it first.")
        )
    return Delegation.objects.create(
        delegator=by,
        delegate=to,
        role=role,
        reason=reason,
        valid_from=begins,
        valid_until=valid_until,
        delegated_at=at,
    )


def _refuse(to: User, role: Role, by: User) -> None:
    if role not in roles.roles_of(by) & roles.RIGHTS["sign"]:
        raise CannotDelegate(
            "role",
            _("You delegate a role that you hold and that signs; none passes on."),
        )
    if to.pk == by.pk:
        raise CannotDelegate("to", _("Name somebody else."))
    if to.is_machine or not to.is_active:
        raise CannotDelegate("to", _("Name an active person, never a machine."))
    held = roles.roles_of(to)
    if not held & roles.RIGHTS["sign"]:
        raise CannotDelegate(
            "to",
            _("%(name)s holds no role that signs.") % {"name": to.printed_name},
        )


@act
def end(
    *, delegation: Delegation, reason: str, by: User, at: datetime
) -> DelegationEnd:
    """End a delegation early; delegator, delegate or an administrator may.

    Raises `NotAllowed`, `CannotDelegate`.
    """
    if by.pk not in (delegation.delegator_id, delegation.delegate_id):
        roles.require(by, "manage access")
    roles.require_person(by)
    locked = Delegation.objects.select_for_update(of=("self",)).get(pk=delegation.pk)
    if DelegationEnd.objects.filter(delegation=locked).exists():
        raise CannotDelegate("reason", _("It was ended already."))
    if locked.valid_until <= at:
        raise CannotDelegate("reason", _("It has ended by itself."))
    if not reason.strip():
        raise CannotDelegate("reason", _("Say why it ends."))
    return DelegationEnd.objects.create(
        delegation=locked, reason=reason, ended_by=by, ended_at=at
    )
