"""Security events: recorded each time, told once a day for the same thing."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy

from governance import notifications
from governance.models import GateDecision, SecurityEvent
from registry.models import Environment, ModelVersion, Role

TOLD = (Role.RISK_MANAGER, Role.PLATFORM_ADMIN, Role.OPERATOR)
QUIET = timedelta(hours=24)
_ASKED = gettext_lazy(
    "In %(place)s the file with SHA-256 %(seen)s was asked for; %(expected)s "
    "is approved. The gate denied it. Find out who built and sent this file."
)
_REPORTED = gettext_lazy(
    "In %(place)s the file with SHA-256 %(seen)s is reported to run; %(expected)s is "
    "registered. Find out who built and deployed this file, and stop it."
)


def record_mismatch(
    *,
    version: ModelVersion,
    environment: Environment,
    expected: str,
    seen: str,
    at: datetime,
    decision: GateDecision | None = None,
) -> SecurityEvent:
    """Record that another file than the approved one was asked for or runs.

    Part of the act that saw it. The people who look after security are told unless
    they were told of this file within a day.
    """
    known = SecurityEvent.objects.filter(
        kind=SecurityEvent.Kind.DIGEST_MISMATCH,
        version=version,
        environment=environment,
        seen=seen,
        seen_at__gt=at - QUIET,
    ).exists()
    event = SecurityEvent.objects.create(
        kind=SecurityEvent.Kind.DIGEST_MISMATCH,
        version=version,
        environment=environment,
        decision=decision,
        expected=expected,
        seen=seen,
        seen_at=at,
    )
    if not known:
        _tell(event)
    return event


def _tell(event: SecurityEvent) -> None:
    notifications.tell(
        to=TOLD,
        subject=gettext_lazy(
            "Security: another file than the approved one of %(version)s"
        ),
        text=_ASKED if event.decision_id else _REPORTED,
        values={
            "version": event.version,
            "place": event.environment.name,
            "seen": event.seen,
            "expected": event.expected or "–",
        },
        link=f"/gate/{event.decision_id}/" if event.decision_id else "/deployments/",
        about=event,
        kind="security.digest-mismatch",
        at=event.seen_at,
    )
