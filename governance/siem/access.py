"""Role changes, as Entity Management."""

from uuid import UUID

from audits.models import Entry
from governance.siem.event import Activity, Json, Place, Severity, changed
from registry.models import RoleAssignment, User


def of_role(place: Place, row: RoleAssignment) -> Json:
    """A role was given, or taken away; by whom, the log knows."""
    given = place.entry.op == Entry.Operation.INSERT
    at = row.granted_at if given else row.ended_at or place.entry.occurred_at
    return changed(
        place,
        activity=Activity.CREATE if given else Activity.DELETE,
        at=at,
        by=row.granted_by if given else _actor(place.entry),
        kind="role assignment",
        uid=row.pk,
        name=row.role,
        user=row.user,
        severity=Severity.MEDIUM,
    )


def _actor(entry: Entry) -> User | None:
    """The user behind an entry; None for what no act of the application did."""
    try:
        return User.objects.filter(pk=UUID(entry.actor or "")).first()
    except ValueError:
        return None
