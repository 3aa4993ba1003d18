"""Who gives an external auditor the reading of which models, until when."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, records, roles
from governance.models import AuditAccess, AuditAccessEnd
from registry.acts import act
from registry.models import Role, User

LONGEST = timedelta(days=366)


class CannotGive(records.Refused):
    """The access cannot be given like this."""


@act
def give_access(
    *,
    auditor: User,
    models_patterns: Sequence[str],
    units: Sequence[str],
    begins_at: datetime,
    ends_at: datetime,
    reason: str,
    by: User,
    at: datetime,
) -> AuditAccess:
    """Let an external auditor read some models for a time (decisions.md 3.4).

    Two people always take part: an administrator who made somebody an external
    auditor cannot give the access as well. The access ends by itself. Raises
    `NotAllowed` and `CannotGive`.
    """
    roles.require(by, "give auditors access")
    roles.require_person(by)
    row = AuditAccess(
        auditor=auditor,
        models_patterns=[text.strip() for text in models_patterns if text.strip()],
        units=[text.strip() for text in units if text.strip()],
        begins_at=begins_at,
        ends_at=ends_at,
        reason=reason,
        given_by=by,
        given_at=at,
    )
    if faults := _faults(row):
        raise CannotGive(faults)
    # One of both may be empty; what is there fits its column, or is named.
    empty = [name for name in ("models_patterns", "units") if not getattr(row, name)]
    records.valid(row, unset=empty)
    row.save()
    notifications.tell(
        to=[auditor],
        subject=gettext_lazy("You may read some models"),
        text=gettext_lazy("Until %(day)s (UTC). Why: %(reason)s"),
        values={"day": f"{ends_at:%Y-%m-%d %H:%M}", "reason": reason},
        at=at,
        link="/auditors/",
    )
    return row


def _faults(row: AuditAccess) -> dict[str, list[str]]:
    """What is wrong with an access that is about to be given, by its fields."""
    faults: dict[str, list[str]] = {}
    role = row.auditor.role_assignments.filter(
        role=Role.EXTERNAL_AUDITOR, ended_at=None
    ).first()
    if role is None or not row.auditor.is_active or row.auditor.is_machine:
        faults["auditor"] = [_("This account is none of an external auditor.")]
    elif row.given_by_id in (row.auditor_id, role.granted_by_id):
        faults["auditor"] = [_("Who gave the role does not give the access as well.")]
    if not row.models_patterns and not row.units:
        faults["models_patterns"] = [_("Name models, such as credit-*, or units.")]
    begins_at, ends_at = row.begins_at, row.ends_at
    if ends_at <= max(begins_at, row.given_at) or ends_at - begins_at > LONGEST:
        faults["ends_at"] = [
            _("An access ends after it began, in the future, and within 366 days.")
        ]
    if not row.reason.strip():
        faults["reason"] = [_("Say why.")]
    return faults


@act
def end_access(
    *, access: AuditAccess, reason: str, by: User, at: datetime
) -> AuditAccess:
    """End an access before its time, at once; one that ended stays so.

    Raises `NotAllowed` and `CannotGive`.
    """
    roles.require(by, "end access of auditors")
    if not reason.strip():
        raise CannotGive({"reason": [_("Say why.")]})
    locked = AuditAccess.objects.select_for_update().get(pk=access.pk)
    AuditAccessEnd.objects.get_or_create(
        access=locked,
        defaults={"reason": reason, "ended_by": by, "ended_at": at},
    )
    return all_accesses().get(pk=access.pk)


def all_accesses() -> QuerySet[AuditAccess]:
    """Every access with the people on it, the newest first."""
    return AuditAccess.objects.select_related("auditor", "given_by", "end__ended_by")


def accesses_for(by: User) -> QuerySet[AuditAccess]:
    """The accesses that one may see: an external auditor their own, others all."""
    rows = all_accesses()
    return rows.filter(auditor=by) if roles.is_outside(by) else rows


def state_of(access: AuditAccess, at: datetime) -> str:
    """`coming`, `holds` or `over`, as decided at this moment."""
    end = getattr(access, "end", None)
    if access.ends_at <= at or (end is not None and end.ended_at <= at):
        return "over"
    return "holds" if access.begins_at <= at else "coming"
