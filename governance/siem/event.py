"""The parts that every OCSF event shares (standards.md 2.12; OCSF 1.9.0-dev)."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from audits.models import Entry, Leaf
from governance.release import software_version
from registry.models import User

OCSF = "1.9.0-dev"
API_ACTIVITY = 6003
COMPLIANCE_FINDING = 2003
ENTITY_MANAGEMENT = 3004

Json = dict[str, Any]


class Activity(IntEnum):
    """Activities of Entity Management that we use."""

    CREATE = 1
    UPDATE = 3
    DELETE = 4
    ACTIVATE = 10
    DEACTIVATE = 11
    SUSPEND = 12
    RESUME = 13


class Severity(IntEnum):
    """Severities that we use."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


@dataclass(frozen=True)
class Place:
    """Where in the log an event stands."""

    leaf: Leaf
    entry: Entry


def event(  # noqa: PLR0913
    place: Place,
    *,
    of_class: int,
    activity: int,
    at: datetime,
    severity: Severity,
    message: str,
    number: int = 0,
    correlation: str = "",
    **more: Any,
) -> Json:
    """An event. `number` tells apart the events of one entry; ids are never reused."""
    index = place.leaf.leaf_index
    metadata: Json = {
        "product": {
            "name": "Freigabe",
            "vendor_name": "Freigabe",
            "version": software_version(),
        },
        "version": OCSF,
        "log_name": "freigabe",
        "sequence": index,
        "uid": f"{index}-{number}",
        "logged_time": milliseconds(place.entry.occurred_at),
        "original_time": at.isoformat(),
    }
    if correlation:
        metadata["correlation_uid"] = correlation
    return {
        "class_uid": of_class,
        "category_uid": of_class // 1000,
        "activity_id": int(activity),
        "type_uid": of_class * 100 + int(activity),
        "time": milliseconds(at),
        "severity_id": int(severity),
        "message": message,
        "metadata": metadata,
        **more,
        "unmapped": {
            "leaf_index": index,
            "leaf_hash": bytes(place.leaf.leaf_hash).hex(),
            "entry_id": place.entry.entry_id,
            **more.get("unmapped", {}),
        },
    }


def milliseconds(at: datetime) -> int:
    """OCSF's timestamp: milliseconds since 1970, UTC."""
    return int(at.timestamp() * 1000)


def person(row: User) -> Json:
    """A user as OCSF names one; a machine is a service."""
    return {
        "uid": str(row.pk),
        "name": row.username,
        "type_id": 4 if row.is_machine else 1,
    }


def changed(  # noqa: PLR0913
    place: Place,
    *,
    activity: Activity,
    at: datetime,
    by: User | None,
    kind: str,
    uid: object,
    name: str,
    comment: str = "",
    severity: Severity = Severity.INFORMATIONAL,
    user: User | None = None,
    unmapped: Json | None = None,
) -> Json:
    """Entity Management: somebody made, changed or stopped something."""
    entity: Json = {"uid": str(uid), "name": name, "type": kind, "type_id": 99}
    if user is not None:
        entity["user"] = person(user)
    more: Json = {"actor": {"user": person(by)}} if by is not None else {}
    if comment:
        more["comment"] = comment
    return event(
        place,
        of_class=ENTITY_MANAGEMENT,
        activity=activity,
        at=at,
        severity=severity,
        message=f"{kind} {name}: {activity.name.lower()}",
        correlation=str(uid),
        status_id=1,
        entity=entity,
        unmapped=unmapped or {},
        **more,
    )
