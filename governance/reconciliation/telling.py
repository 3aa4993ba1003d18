"""Telling people of what runs and may not: once for each thing that was seen."""

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy

from governance import notifications
from governance.models import Announcement
from governance.reconciliation.fleet import unauthorised
from governance.reconciliation.standing import Running
from registry.acts import act
from registry.models import Role, User

KIND = "deployment.unauthorised"
TOLD = (Role.RISK_MANAGER, Role.OPERATOR)
LOCK = 0x4652_4549_0009


@act
def tell_unauthorised(*, by: User, at: datetime) -> int:
    """Tell owners, risk managers and operators of what became unauthorised.

    Nobody is told of the same sighting or report twice: two workers take turns. How
    many were told of.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    found = unauthorised(at=at)
    known = set(
        Announcement.objects.filter(
            kind=KIND, about_id__in=[str(one.row.pk) for one in found]
        ).values_list("about_id", flat=True)
    )
    fresh = [one for one in found if str(one.row.pk) not in known]
    for one in fresh:
        _tell(one, at)
    return len(fresh)


def _tell(one: Running, at: datetime) -> None:
    owner = [one.version.model.owner] if one.version else []
    notifications.tell(
        to=[*owner, *TOLD],
        subject=gettext_lazy("Unauthorised in %(place)s: %(what)s"),
        text=gettext_lazy("%(because)s %(next)s"),
        values={
            "place": one.environment.name,
            "what": one.version or one.place or one.sha256[:12],
            "because": one.because,
            "next": one.next_step,
        },
        link="/deployments/",
        about=one.row,
        kind=KIND,
        at=at,
    )
