"""Suspending, reinstating, revoking and superseding authorisations (decisions 3.5)."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import access, notifications, persons, roles, signatures
from governance.case import Case
from governance.lifecycle import State, move, state_of, status_of
from governance.models import (
    Authorisation,
    AuthorisationChange,
    Condition,
    RecordSignature,
    Status,
)
from governance.policy import NoPolicy
from governance.requirements import DEPLOY, evaluate
from governance.separation import hands_in
from governance.waived import tier_of
from registry.acts import act
from registry.models import ModelVersion, Role, User

RECORD = "authorisationchange"
# A suspension of these tiers ends only when an approver agrees (decisions.md 3.5, A3).
AGREED_TIERS = (1, 2)
_RIGHT = {
    State.SUSPENDED: "suspend",
    State.ACTIVE: "reinstate",
    State.REVOKED: "revoke",
}
_MOVES = {
    State.ACTIVE: {State.SUSPENDED, State.REVOKED},
    State.SUSPENDED: {State.ACTIVE, State.REVOKED},
    State.REVOKED: set(),
    # It never comes back; its file can still be revoked, also for emergencies.
    State.SUPERSEDED: {State.REVOKED},
}
# What people ask for; only a newer version that runs supersedes.
BY_PEOPLE = tuple(_RIGHT)


class CannotChange(Exception):
    """The authorisation has no such change, or the reason is missing."""


@act
def change_authorisation(
    *,
    authorisation: Authorisation,
    to: AuthorisationChange.State,
    reason: str,
    by: User,
    at: datetime,
) -> AuthorisationChange:
    """Suspend, reinstate or revoke; a revoked authorisation never comes back.

    Reinstating needs everything but the suspension itself to pass now, and for tiers 1
    and 2 an approver's signed agreement. The system may suspend and revoke by itself,
    never reinstate. Raises `NotAllowed` and `CannotChange`.
    """
    version = authorisation.version
    if to not in BY_PEOPLE:
        raise CannotChange(_("Only a newer version that runs supersedes another."))
    _require(authorisation, to, by)
    latest = _locked(authorisation)
    now = State(latest.state) if latest else State.ACTIVE
    if to not in _MOVES[now]:
        raise CannotChange(
            _("An authorisation that is %(now)s cannot become %(to)s.")
            % {"now": now.label, "to": to.label}
        )
    if not reason.strip():
        raise CannotChange(_("Give the reason."))
    if to == State.ACTIVE and latest is not None:
        _require_cause_removed(authorisation, latest, by, at)
    change = AuthorisationChange.objects.create(
        authorisation=authorisation,
        state=to,
        reason=reason,
        changed_by=by,
        changed_at=at,
        sequence=latest.sequence + 1 if latest else 1,
    )
    _follow(version, by=by, at=at, reason=reason)
    if to != State.ACTIVE:
        _tell(change)
    return change


def _locked(authorisation: Authorisation) -> AuthorisationChange | None:
    """The latest change, of an authorisation that nobody else changes meanwhile."""
    Authorisation.objects.select_for_update().get(pk=authorisation.pk)
    return authorisation.changes.order_by("-sequence").first()


def _require(
    authorisation: Authorisation, to: AuthorisationChange.State, by: User
) -> None:
    if to != State.SUSPENDED:
        roles.require_person(by)
    if by.username == "system" and to != State.ACTIVE:
        return
    roles.require(
        by,
        _RIGHT[to],
        model=authorisation.version.model,
        environment=authorisation.environment,
    )


def _require_cause_removed(
    authorisation: Authorisation,
    suspension: AuthorisationChange,
    by: User,
    at: datetime,
) -> None:
    case = Case(authorisation.version, authorisation.environment, at).as_granted()
    if authorisation != case.authorisation:
        raise CannotChange(_("A newer authorisation has taken its place."))
    if not case.subject_holds:
        raise CannotChange(
            _("What was signed is no longer what stands here; it is approved anew.")
        )
    try:
        failing = [check for check in evaluate(case, DEPLOY) if check.blocks]
    except NoPolicy as error:
        raise CannotChange(str(error)) from error
    if failing:
        named = "; ".join(f"{check.title}: {check.observed}" for check in failing)
        raise CannotChange(_("It does not pass yet: %(checks)s") % {"checks": named})
    strictest = case.tier == 1
    if case.tier in AGREED_TIERS and not agreed(
        suspension, by, unknown_is_one=strictest
    ):
        raise CannotChange(
            _("An approver agrees first, signed: this is tier %(tier)s.")
            % {"tier": case.tier}
        )


def agreed(suspension: AuthorisationChange, by: User, *, unknown_is_one: bool) -> bool:
    """Whether another person, who is still an approver, agreed to end a suspension.

    `unknown_is_one` for tier 1: who is not known to be another person is none
    (decisions.md 3.4, 12).
    """
    rows = RecordSignature.objects.filter(
        record_type=RECORD, record_id=suspension.pk, role=Role.APPROVER
    ).select_related("signed_by")
    return any(
        row.signed_by.is_active
        and Role.APPROVER in roles.roles_of(row.signed_by)
        and persons.twin_among(by, [row.signed_by], unknown_is_one=unknown_is_one)
        is None
        for row in rows
    )


@signatures.signed_act
def agree(
    *,
    authorisation: Authorisation,
    comment: str,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> RecordSignature:
    """Agree, as an approver, that a suspension may end; signed.

    Raises `NotAllowed`, `CannotChange`, `WrongPassword`, `LockedOut`.
    """
    version, place = authorisation.version, authorisation.environment
    roles.require(by, "agree to reinstatements", model=version.model, environment=place)
    roles.require_person(by)
    hands = hands_in(version)
    strictest = tier_of(version.model, at) == 1
    twin = persons.twin_of_ids(by, hands, unknown_is_one=strictest)
    if str(by.pk) in hands or twin is not None:
        raise roles.NotAllowed(_("Owners and developers do not approve their model."))
    latest = _locked(authorisation)
    if latest is None or latest.state != State.SUSPENDED:
        raise CannotChange(_("It is not suspended."))
    if RecordSignature.objects.filter(record_id=latest.pk, signed_by=by).exists():
        raise CannotChange(
            _("%(name)s has signed already.") % {"name": by.printed_name}
        )
    return signatures.sign_record(
        record_type=RECORD,
        record_id=latest.pk,
        subject_sha256=authorisation.request.subject_sha256,
        statement=agreement(authorisation, latest, by=by),
        role=Role.APPROVER,
        meaning=RecordSignature.Meaning.APPROVAL,
        comment=comment,
        proof=proof,
        by=by,
        at=at,
    )


def agreement(
    authorisation: Authorisation, suspension: AuthorisationChange, *, by: User
) -> str:
    """The sentence that an approver signs for a reinstatement."""
    return _(
        "I, %(name)s, acting as %(role)s, agree that the suspension of %(version)s in "
        "%(place)s, “%(reason)s”, may end; what was approved is bound by the record "
        "%(digest)s."
    ) % {
        "name": by.printed_name,
        "role": Role.APPROVER.label,
        "version": authorisation.version,
        "place": authorisation.environment.name,
        "reason": suspension.reason,
        "digest": authorisation.request.subject_sha256,
    }


def suspend_all(
    *, version: ModelVersion, reason: str, at: datetime
) -> list[AuthorisationChange]:
    """Suspend every authorisation of a version that is active and has not ended.

    Part of an act whose facts suspend by themselves, whoever brought them.
    """
    by = access.system_user()
    rows = version.authorisations.filter(valid_until__gt=at).prefetch_related("changes")
    return [
        change_authorisation(
            authorisation=row, to=State.SUSPENDED, reason=reason, by=by, at=at
        )
        for row in rows
        if state_of(row) == State.ACTIVE
    ]


def supersede(
    *, newer: Authorisation, by: User, at: datetime
) -> list[AuthorisationChange]:
    """End what older versions of a model are authorised for, where this one runs now.

    Part of the act that reports the newer version as running (decisions.md 3.5, A6).
    Active and suspended ones are superseded, for good; the versions stay approved, as
    after an expiry. A newer version that may take only a share of the traffic leaves
    the rest to the older ones, and supersedes nothing.
    """
    if _takes_a_share(newer):
        return []
    version = newer.version
    older = Authorisation.objects.filter(
        version__model=version.model_id,
        version__registered_at__lt=version.registered_at,
        environment=newer.environment_id,
        valid_until__gt=at,
    ).select_related("version__model__owner", "environment")
    found = (_superseded(row, newer, by, at) for row in older.order_by("pk"))
    return [change for change in found if change is not None]


def _takes_a_share(authorisation: Authorisation) -> bool:
    shares = authorisation.request.conditions.filter(kind=Condition.Kind.TRAFFIC)
    return any(row.terms["at_most_percent"] < 100 for row in shares)


def _superseded(
    row: Authorisation, newer: Authorisation, by: User, at: datetime
) -> AuthorisationChange | None:
    latest = _locked(row)
    if latest is not None and latest.state in (State.REVOKED, State.SUPERSEDED):
        return None
    change = AuthorisationChange.objects.create(
        authorisation=row,
        state=State.SUPERSEDED,
        superseded_by=newer,
        reason=_("%(newer)s runs in its place.") % {"newer": newer.version},
        changed_by=by,
        changed_at=at,
        sequence=latest.sequence + 1 if latest else 1,
    )
    _tell(change)
    return change


def _tell(change: AuthorisationChange) -> None:
    version = change.authorisation.version
    notifications.tell(
        to=[version.model.owner, Role.RISK_MANAGER, Role.OPERATOR],
        subject=gettext_lazy("%(version)s in %(place)s is %(state)s"),
        text=gettext_lazy("%(reason)s"),
        values={
            "version": version,
            "place": change.authorisation.environment.name,
            "state": State(change.state).label,
            "reason": change.reason,
        },
        link=f"/authorisations/{change.authorisation_id}/",
        about=change,
        kind="authorisation.changed",
        at=change.changed_at,
    )


def _follow(version: ModelVersion, *, by: User, at: datetime, reason: str) -> None:
    """The version's status follows: suspended when nothing authorises it any more."""
    standing = version.authorisations.filter(valid_until__gt=at)
    active = any(
        state_of(row) == State.ACTIVE for row in standing.prefetch_related("changes")
    )
    status = status_of(version)
    to = Status.APPROVED if active else Status.SUSPENDED
    if status in (Status.APPROVED, Status.SUSPENDED) and status != to:
        move(version=version, to=to, by=by, at=at, reason=reason)
