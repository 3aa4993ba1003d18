"""What only people know: a vendor's notice, a key that somebody else may hold."""

from datetime import date, datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, records, roles
from governance.models import KeyCompromise, VendorNotice
from registry.acts import act
from registry.models import RegisteredModel, Role, User


@act
def record_vendor_notice(
    *,
    model: RegisteredModel,
    text: str,
    by: User,
    at: datetime,
    support_ends_on: date | None = None,
) -> VendorNotice:
    """Record a vendor's change or end of support. Raises `NotAllowed`, `Refused`."""
    roles.require(by, "record vendor notices", model=model)
    if not text.strip():
        raise records.Refused({"text": [_("Say what the vendor announced.")]})
    return VendorNotice.objects.create(
        model=model,
        text=text.strip(),
        support_ends_on=support_ends_on,
        recorded_by=by,
        recorded_at=at,
    )


@act
def report_compromised_key(
    *, key_id: str, reason: str, by: User, at: datetime
) -> KeyCompromise:
    """15: nothing that this key signed counts any more, from this moment.

    The gate signs no more permits with it; those it signed are revoked when read.
    Raises `NotAllowed`, `records.Refused`.
    """
    roles.require(by, "report compromised keys")
    roles.require_person(by)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say what happened.")]})
    row = KeyCompromise(key_id=key_id, reason=reason, reported_by=by, reported_at=at)
    records.insert(row, {"key_id": [_("This key was reported already.")]})
    notifications.tell(
        to=[Role.RISK_MANAGER, Role.PLATFORM_ADMIN, Role.OPERATOR, Role.AUDITOR],
        subject=gettext_lazy("A key is compromised: nothing that it signed counts"),
        text=gettext_lazy("%(key)s: %(reason)s"),
        values={"key": key_id, "reason": reason},
        about=row,
        kind="key.compromised",
        at=at,
    )
    return row


def reported_keys(*, by: User) -> QuerySet[KeyCompromise]:
    """The keys that were reported, the newest first.

    For everybody who may read, and those who report. Raises `NotAllowed`.
    """
    if not roles.may(by, "report compromised keys"):
        roles.require(by, "read")
    rows = KeyCompromise.objects.select_related("reported_by")
    return rows.order_by("-reported_at", "pk")
