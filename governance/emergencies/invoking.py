"""Breaking the glass: invoked, confirmed by a second person, extended once, ended."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from governance import (
    access,
    findings,
    notifications,
    persons,
    records,
    roles,
    signatures,
)
from governance.emergencies.terms import (
    MOST_PER_QUARTER,
    RECORD,
    SECOND_PERSON_TIERS,
    TOLD,
    Meaning,
    NotPossible,
    SameHand,
    ends_at,
    longest,
    overdue_of,
    subject,
    waits,
)
from governance.lifecycle import State, state_of, status_of
from governance.models import (
    Authorisation,
    Emergency,
    EmergencyAuthorisation,
    EmergencyEnd,
    EmergencyExtension,
    EmergencyToken,
    RecordSignature,
    Severity,
    Status,
)
from governance.waived import tier_of
from registry.acts import act
from registry.models import Environment, ModelVersion, RegisteredModel, Role, User

LONGEST_WISH = timedelta(hours=72)


@dataclass(frozen=True)
class Call:
    """What somebody says when breaking the glass."""

    version: ModelVersion
    environment: Environment
    reason_code: Emergency.ReasonCode
    incident: str
    reason: str
    compensating_controls: str
    expected_end: datetime


@signatures.signed_act
def invoke(*, call: Call, proof: signatures.Proof, by: User, at: datetime) -> Emergency:
    """Break the glass; for tiers 1 and 2 it counts when a second person confirms it.

    Raises `NotAllowed`, `NotPossible`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    version = call.version
    roles.require(
        by, "break the glass", model=version.model, environment=call.environment
    )
    roles.require_person(by)
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    digest = require_possible(version, call.environment, at)
    _require_terms(call, tier_of(model, at), at)
    if standing_in(version, call.environment, at):
        raise NotPossible(_("The glass is broken here already."))
    emergency = store(call, digest, None, by, at)
    sign(emergency, "break the glass", Meaning.RESPONSIBILITY, proof, by, at)
    if emergency.tier not in SECOND_PERSON_TIERS:
        give(emergency, start=at, confirmed_by=None, at=at)
    return emergency


def require_possible(
    version: ModelVersion, environment: Environment, at: datetime
) -> str:
    """The digest that may run in an emergency. Raises `NotPossible`.

    Never for prohibited practices, for a file that is unknown or was revoked, or while
    an earlier emergency of the same owner waits too long for its review.
    """
    model = version.model
    part = version.version_artifacts.filter(role="model").select_related("artifact")
    found = part.first()
    if not environment.emergency_allowed:
        raise NotPossible(_("This environment allows no emergencies."))
    if model.ai_act_class == RegisteredModel.AIActClass.PROHIBITED:
        raise NotPossible(_("A prohibited practice (AI Act Art. 5) never runs."))
    if found is None:
        raise NotPossible(_("This version has no model file."))
    if status_of(version) in (Status.RETIRED, Status.REJECTED):
        raise NotPossible(_("This version was retired or rejected."))
    if revoked(found.artifact.sha256):
        raise NotPossible(_("The authorisation of this file was revoked."))
    if overdue_of(model.owner, at):
        raise NotPossible(
            _("An earlier emergency of %(owner)s waits too long for its review.")
            % {"owner": model.owner.printed_name}
        )
    return found.artifact.sha256


def revoked(artifact_sha256: str) -> bool:
    """Whether any authorisation of this file was ever revoked, anywhere."""
    rows = Authorisation.objects.filter(artifact_sha256=artifact_sha256)
    return any(
        state_of(row) == State.REVOKED for row in rows.prefetch_related("changes")
    )


def _require_terms(call: Call, tier: int, at: datetime) -> None:
    errors = {
        name: [_("This field is needed.")]
        for name in ("incident", "reason", "compensating_controls")
        if not getattr(call, name).strip()
    }
    if not at < call.expected_end <= at + longest(tier):
        errors["expected_end"] = [
            _("An emergency of tier %(tier)s lasts %(hours)s hours at most, from now.")
            % {"tier": tier, "hours": int(longest(tier).total_seconds() // 3600)}
        ]
    if errors:
        raise records.Refused(errors)
    records.require_printable({"incident": call.incident})


def standing_in(
    version: ModelVersion, environment: Environment, at: datetime
) -> list[Emergency]:
    """The emergencies of a version in an environment that run, or can be confirmed."""
    rows = Emergency.objects.filter(
        version=version,
        environment=environment,
        invoked_at__gt=at - timedelta(days=14),
    ).select_related("authorisation", "extension", "ending", "review")
    return [
        row
        for row in rows
        if (
            at < ends_at(row.authorisation)
            if hasattr(row, "authorisation")
            else waits(row, at)
        )
    ]


def store(
    call: Call, digest: str, token: EmergencyToken | None, by: User, at: datetime
) -> Emergency:
    """Insert the emergency with the digest of all that it says."""
    row = Emergency(
        version=call.version,
        environment=call.environment,
        artifact_sha256=digest,
        tier=tier_of(call.version.model, at),
        reason_code=call.reason_code,
        incident=call.incident.strip(),
        reason=call.reason.strip(),
        compensating_controls=call.compensating_controls.strip(),
        expected_end=call.expected_end,
        token=token,
        invoked_by=by,
        invoked_at=at,
    )
    row.subject_sha256 = subject(row)
    records.insert(row, {"token": [_("This token was used already.")]})
    return row


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


@signatures.signed_act
def extend(
    *,
    emergency: Emergency,
    until: datetime,
    reason: str,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> EmergencyExtension:
    """Extend once, by the time of the tier at most; risk does.

    Raises `NotAllowed`, `NotPossible`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    locked = lock(emergency)
    roles.require(
        by,
        "extend an emergency",
        model=locked.version.model,
        environment=locked.environment,
    )
    roles.require_person(by)
    if not hasattr(locked, "authorisation") or at >= ends_at(locked.authorisation):
        raise NotPossible(_("This emergency does not run."))
    if hasattr(locked, "extension"):
        raise NotPossible(_("An emergency is extended once."))
    require_possible(locked.version, locked.environment, at)
    last = locked.authorisation.valid_until
    errors = {} if reason.strip() else {"reason": [_("Say why it is extended.")]}
    if not last < until <= last + longest(locked.tier):
        errors["until"] = [
            _("It is extended by %(hours)s hours at most.")
            % {"hours": int(longest(locked.tier).total_seconds() // 3600)}
        ]
    if errors:
        raise records.Refused(errors)
    row = EmergencyExtension(
        emergency=locked,
        valid_until=until,
        reason=reason,
        extended_by=by,
        extended_at=at,
    )
    records.insert(row, {"__all__": [_("An emergency is extended once.")]})
    sign(locked, "extend the emergency", Meaning.REVIEW, proof, by, at, comment=reason)
    return row


@act
def end(*, emergency: Emergency, reason: str, by: User, at: datetime) -> EmergencyEnd:
    """End an emergency early. Raises `NotAllowed`, `NotPossible`, `Refused`."""
    locked = lock(emergency)
    roles.require(
        by,
        "end an emergency",
        model=locked.version.model,
        environment=locked.environment,
    )
    roles.require_person(by)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why it ends.")]})
    runs = hasattr(locked, "authorisation") and at < ends_at(locked.authorisation)
    if hasattr(locked, "ending") or not (runs or waits(locked, at)):
        raise NotPossible(_("This emergency is over."))
    return EmergencyEnd.objects.create(
        emergency=locked, reason=reason, ended_by=by, ended_at=at
    )


def lock(emergency: Emergency) -> Emergency:
    """The emergency as it stands now; two people cannot confirm or extend at once."""
    Emergency.objects.select_for_update(of=("self",)).get(pk=emergency.pk)
    return told().get(pk=emergency.pk)


def told() -> QuerySet[Emergency]:
    """Emergencies with all that is looked at."""
    return Emergency.objects.select_related(
        "version__model__owner",
        "version__run",
        "environment",
        "invoked_by",
        "token__sealed_by",
        "authorisation__confirmed_by",
        "extension__extended_by",
        "ending__ended_by",
        "review__reviewed_by",
    )


def sign(
    emergency: Emergency,
    what: str,
    meaning: RecordSignature.Meaning,
    proof: signatures.Proof,
    by: User,
    at: datetime,
    *,
    comment: str = "",
) -> None:
    """Sign one step of an emergency. Raises `WrongPassword`, `LockedOut`."""
    held = roles.roles_of(by)
    role = next(iter(sorted(held & roles.RIGHTS[_RIGHT[what]])), Role.OPERATOR)
    signatures.sign_record(
        record_type=RECORD,
        record_id=emergency.pk,
        subject_sha256=emergency.subject_sha256,
        statement=statement(emergency, what, by=by, role=role),
        role=role,
        meaning=meaning,
        comment=comment,
        proof=proof,
        by=by,
        at=at,
    )


_RIGHT = {
    gettext_noop("break the glass"): "break the glass",
    gettext_noop("confirm the emergency"): "confirm an emergency",
    gettext_noop("extend the emergency"): "extend an emergency",
    gettext_noop("have reviewed the emergency"): "review an emergency",
}


def statement(emergency: Emergency, what: str, *, by: User, role: Role) -> str:
    """The sentence that each person of an emergency signs."""
    return _(
        "I, %(name)s, acting as %(role)s, %(what)s %(incident)s: %(version)s (SHA-256 "
        "%(digest)s) in %(place)s until %(end)s although it is not approved there, "
        "bound by the record %(subject)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "what": _(what),
        "incident": emergency.incident,
        "version": emergency.version,
        "digest": emergency.artifact_sha256,
        "place": emergency.environment.name,
        "end": emergency.expected_end.strftime("%Y-%m-%d %H:%M UTC"),
        "subject": emergency.subject_sha256,
    }
