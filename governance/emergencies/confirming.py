"""The second person confirms; then the short right to run is given, loudly."""

from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from governance import access, findings, notifications, persons, roles, signatures
from governance.emergencies.standing import lock, require_possible
from governance.emergencies.statements import sign
from governance.emergencies.terms import (
    MOST_PER_QUARTER,
    TOLD,
    Meaning,
    NotPossible,
    SameHand,
    ends_at,
    longest,
    waits,
)
from governance.models import Emergency, EmergencyAuthorisation, Severity
from registry.models import User


@signatures.signed_act
def confirm(
    *, emergency: Emergency, proof: signatures.Proof, by: User, at: datetime
) -> EmergencyAuthorisation:
    """Confirm as the second person (decisions.md 3.4, 10): from now on it may run.

    Raises `NotAllowed`, `SameHand`, `NotPossible`, `WrongPassword`, `LockedOut`.
    """
    locked = lock(emergency)
    require_confirmer(locked, by=by, at=at)
    require_possible(locked.version, locked.environment, at)
    sign(locked, "confirm the emergency", Meaning.APPROVAL, proof, by, at)
    return give(locked, start=at, confirmed_by=by, at=at)


def require_confirmer(emergency: Emergency, *, by: User, at: datetime) -> None:
    """Refuse whoever may not confirm it now. Raises as `confirm`."""
    roles.require(
        by,
        "confirm an emergency",
        model=emergency.version.model,
        environment=emergency.environment,
    )
    roles.require_person(by)
    if by.pk == emergency.invoked_by_id:
        raise SameHand(_("Another person confirms an emergency."))
    strictest = emergency.tier == 1
    if persons.twin_among(by, [emergency.invoked_by], unknown_is_one=strictest):
        raise SameHand(_("Another person confirms an emergency, not another account."))
    if not waits(emergency, at):
        raise NotPossible(_("This emergency is confirmed, ended or too old."))


def give(
    emergency: Emergency, *, start: datetime, confirmed_by: User | None, at: datetime
) -> EmergencyAuthorisation:
    """Give the short right to run, tell everybody, and count."""
    row = EmergencyAuthorisation.objects.create(
        emergency=emergency,
        artifact_sha256=emergency.artifact_sha256,
        confirmed_by=confirmed_by,
        valid_from=start,
        valid_until=min(emergency.expected_end, start + longest(emergency.tier)),
    )
    _raise_when_frequent(emergency, start)
    _tell(row, at)
    return row


def _tell(authorisation: EmergencyAuthorisation, at: datetime) -> None:
    """Loudly, at once: risk, compliance, the executive and audit (3.8, 4)."""
    emergency = authorisation.emergency
    notifications.tell(
        to=[*TOLD, emergency.version.model.owner],
        subject=gettext_lazy("BREAK-GLASS %(incident)s: %(version)s in %(place)s"),
        text=gettext_lazy(
            "%(name)s broke the glass: %(reason)s It runs without approval until "
            "%(end)s. Done instead: %(controls)s"
        ),
        values={
            "incident": emergency.incident,
            "version": emergency.version,
            "place": emergency.environment.name,
            "name": emergency.invoked_by.printed_name,
            "reason": emergency.reason,
            "controls": emergency.compensating_controls,
            "end": ends_at(authorisation).strftime("%Y-%m-%d %H:%M UTC"),
        },
        link=f"/break-glass/{emergency.pk}/",
        about=emergency,
        kind="break-glass",
        at=at,
    )


def quarter_of(at: datetime) -> datetime:
    """The first moment of the quarter (UTC)."""
    first = at.astimezone(UTC)
    return datetime(first.year, (first.month - 1) // 3 * 3 + 1, 1, tzinfo=UTC)


def _raise_when_frequent(emergency: Emergency, at: datetime) -> None:
    """More than two of a model in a quarter are a finding (decisions.md 3.8, 8)."""
    model = emergency.version.model
    count = EmergencyAuthorisation.objects.filter(
        emergency__version__model=model, valid_from__gte=quarter_of(at)
    ).count()
    if count != MOST_PER_QUARTER + 1:
        return
    findings.raise_finding(
        model=model,
        severity=Severity.HIGH,
        title=gettext_noop("Break-glass is becoming a habit"),
        text=_("The glass was broken %(count)s times in this quarter.")
        % {"count": count},
        due_on=(at + timedelta(days=30)).date(),
        source=findings.Source.BREAK_GLASS,
        by=access.system_user(),
        at=at,
    )
