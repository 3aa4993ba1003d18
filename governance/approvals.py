"""Submitting a version, and signing, rejecting or withdrawing the request."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance import roles, signatures
from governance.case import Case
from governance.lifecycle import State, move, state_of, status_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Signature,
    Status,
    Withdrawal,
)
from governance.policy import Check, Seat
from governance.requirements import APPROVE, SUBMIT, evaluate
from governance.requirements.quorum import open_seats
from governance.separation import hands_in_request
from registry.acts import act, acting
from registry.digests import sha256_hex
from registry.models import Environment, ModelVersion, Role, User

Meaning = Signature.Meaning


class NotReady(Exception):
    """Requirements are not met; `checks` holds the failing ones."""

    def __init__(self, message: str, checks: list[Check]) -> None:
        super().__init__(message)
        self.checks = checks


class NotOpen(Exception):
    """The request was decided, withdrawn or overtaken."""


class SameHand(Exception):
    """Separation of duties forbids this person to sign (decisions.md 3.4)."""


class NoSeat(Exception):
    """The quorum has no open place for this person and meaning."""


class CommentNeeded(Exception):
    """A rejection needs a reason."""


@act
def submit(
    *,
    version: ModelVersion,
    environment: Environment,
    by: User,
    at: datetime,
    comment: str = "",
    valid_until: datetime | None = None,
) -> ApprovalRequest:
    """Ask for approval; freezes the digest of everything that will be judged.

    Raises `NotAllowed`, `NotReady`, `NotOpen`, `policy.NoPolicy`.
    """
    roles.require(by, "submit versions", model=version.model, environment=environment)
    roles.require_person(by)
    version = _fresh(version)
    case = Case(version, environment, at)
    _require(evaluate(case, SUBMIT), _("The version cannot be submitted yet."))
    if valid_until is not None and valid_until <= at:
        raise NotReady(_("The end of validity must lie in the future."), [])
    if case.request is not None and case.subject_holds and not _ended(case):
        raise NotOpen(
            _("This version waits for signatures already; withdraw that request first.")
        )
    status = status_of(version)
    if status == Status.RETIRED:
        raise NotOpen(_("This version is retired."))
    if case.authorisation and state_of(case.authorisation) == State.SUSPENDED:
        raise NotOpen(
            _("It is suspended here: a risk manager reinstates or revokes it.")
        )
    if status in (Status.DEVELOPMENT, Status.REJECTED):
        move(version=version, to=Status.IN_VALIDATION, by=by, at=at)
    subject = case.subject(case.pack_row, valid_until)
    earlier = version.approval_requests.filter(environment=environment)
    last = earlier.order_by("-sequence").first()
    assert case.assessment is not None  # noqa: S101
    return ApprovalRequest.objects.create(
        version=version,
        environment=environment,
        assessment=case.assessment,
        pack=case.pack_row,
        subject=subject,
        subject_sha256=sha256_hex(subject.encode()),
        comment=comment,
        valid_until=valid_until,
        requested_by=by,
        requested_at=at,
        sequence=last.sequence + 1 if last else 1,
    )


def sign(
    *,
    request: ApprovalRequest,
    meaning: str,
    password: str,
    by: User,
    at: datetime,
    comment: str = "",
) -> Signature:
    """Sign a request as the person who authenticates now.

    The last signature of the quorum creates the authorisation. A failed password is
    recorded although nothing is signed. Raises `NotAllowed`, `SameHand`, `NoSeat`,
    `NotOpen`, `NotReady`, `CommentNeeded`, `signatures.WrongPassword` or `LockedOut`.
    """
    try:
        with acting(by=by):
            return _sign(request, meaning, password, by, at, comment)
    except signatures.WrongPassword:
        signatures.record_failure(request=request, by=by, at=at)
        raise


def _sign(
    request: ApprovalRequest,
    meaning: str,
    password: str,
    by: User,
    at: datetime,
    comment: str,
) -> Signature:
    locked = _lock(request)
    case = Case(locked.version, locked.environment, at)
    role = role_to_sign(case, locked, by=by, meaning=meaning)
    if meaning == Meaning.REJECTION and not comment.strip():
        raise CommentNeeded(_("Say why you reject it."))
    if meaning == Meaning.APPROVAL:
        _require(
            evaluate(case, APPROVE), _("The version does not meet its requirements.")
        )
    signatures.reauthenticate(by=by, password=password, at=at)
    signature = Signature(
        request=locked,
        signed_by=by,
        printed_name=by.printed_name,
        role=role,
        meaning=meaning,
        method=signatures.PASSWORD,
        statement=signatures.statement(
            request=locked, by=by, role=role, meaning=meaning, comment=comment
        ),
        comment=comment,
        signed_at=at,
    )
    signature.record_sha256 = signatures.record_digest(signature)
    signature.save(force_insert=True)
    _conclude(Case(locked.version, locked.environment, at), locked, signature)
    return signature


def role_to_sign(
    case: Case, request: ApprovalRequest, *, by: User, meaning: str
) -> Role:
    """The role in which this person may sign now, or the reason why not.

    Raises `NotAllowed`, `SameHand`, `NotOpen`, `NoSeat`.
    """
    roles.require(
        by, "sign", model=request.version.model, environment=request.environment
    )
    _refuse_same_hand(request, by)
    _require_open(case, request)
    held = roles.roles_of(by)
    if meaning == Meaning.REJECTION:
        return next(iter(sorted(held & roles.RIGHTS["sign"])))
    for seat, _count in open_seats(case, _seats(case)):
        fitting = sorted(held & {Role(name) for name in seat.roles})
        if seat.meaning == meaning and fitting:
            return fitting[0]
    raise NoSeat(
        _("No signature of the meaning %(meaning)s is asked of %(name)s here.")
        % {"meaning": meaning, "name": by.printed_name}
    )


def _refuse_same_hand(request: ApprovalRequest, by: User) -> None:
    if by.is_machine:
        raise SameHand(_("A machine cannot sign."))
    hands = hands_in_request(request)
    if str(by.pk) in hands:
        raise SameHand(
            _("%(name)s %(what)s and cannot sign it.")
            % {"name": by.printed_name, "what": hands[str(by.pk)]}
        )
    granted_by = by.role_assignments.filter(
        ended_at=None, granted_by=request.requested_by
    )
    if granted_by.exists():
        raise SameHand(
            _("%(name)s holds a role from the person who asks for the approval.")
            % {"name": by.printed_name}
        )
    if request.signatures.filter(signed_by=by).exists():
        raise SameHand(_("%(name)s has signed already.") % {"name": by.printed_name})


def _require_open(case: Case, request: ApprovalRequest) -> None:
    if case.request != request:
        raise NotOpen(_("This request was withdrawn or overtaken by a newer one."))
    if _ended(case):
        raise NotOpen(_("This request is decided already."))
    if not case.subject_holds:
        raise NotOpen(
            _(
                "Evidence, risk or inventory changed since this was submitted. "
                "The owner submits it again."
            )
        )


def _ended(case: Case) -> bool:
    assert case.request is not None  # noqa: S101
    rejected = any(s.meaning == Meaning.REJECTION for s in case.signatures)
    return rejected or hasattr(case.request, "authorisation")


def _conclude(case: Case, request: ApprovalRequest, signature: Signature) -> None:
    version, by, at = request.version, signature.signed_by, signature.signed_at
    status = status_of(version)
    if signature.meaning == Meaning.REJECTION:
        # A version that runs elsewhere stays approved there.
        if status == Status.IN_VALIDATION and not _waits_elsewhere(request):
            reason = signature.comment
            move(version=version, to=Status.REJECTED, by=by, at=at, reason=reason)
        return
    seats = _seats(case)
    if not seats or open_seats(case, seats):
        return
    _require(evaluate(case, APPROVE), _("The version does not meet its requirements."))
    authorise(case, request)
    if status != Status.APPROVED:
        move(version=version, to=Status.APPROVED, by=by, at=at)


def authorise(case: Case, request: ApprovalRequest) -> Authorisation:
    """Turn a completed quorum into an authorisation bound to the artifact."""
    longest = case.at + timedelta(days=case.pack.max_days(case.tier))
    until = min(longest, request.valid_until or longest)
    if case.artifact is None or until <= case.at:
        raise NotReady(_("The policy allows no authorisation for this tier."), [])
    return Authorisation.objects.create(
        request=request,
        version=request.version,
        environment=request.environment,
        artifact_sha256=case.artifact.sha256,
        valid_from=case.at,
        valid_until=until,
    )


@act
def withdraw(
    *, request: ApprovalRequest, reason: str, by: User, at: datetime
) -> Withdrawal:
    """Take a request back. Raises `NotAllowed`, `NotOpen`, `CommentNeeded`."""
    roles.require(
        by,
        "submit versions",
        model=request.version.model,
        environment=request.environment,
    )
    locked = _lock(request)
    if locked.requested_by_id != by.pk:
        raise roles.NotAllowed(_("Only the person who asked can take it back."))
    case = Case(locked.version, locked.environment, at)
    if case.request != locked or _ended(case):
        raise NotOpen(_("This request is decided already."))
    if not reason.strip():
        raise CommentNeeded(_("Say why you take it back."))
    waits = _waits_elsewhere(locked)
    if status_of(locked.version) == Status.IN_VALIDATION and not waits:
        move(version=locked.version, to=Status.DEVELOPMENT, by=by, at=at, reason=reason)
    return Withdrawal.objects.create(
        request=locked, reason=reason, withdrawn_by=by, withdrawn_at=at
    )


def _waits_elsewhere(request: ApprovalRequest) -> bool:
    """Whether the version still waits for signatures for another environment."""
    return (
        request.version.approval_requests.filter(withdrawal=None, authorisation=None)
        .exclude(environment=request.environment)
        .exclude(signatures__meaning=Meaning.REJECTION)
        .exists()
    )


def _fresh(version: ModelVersion) -> ModelVersion:
    """The version as it stands now, locked, with its model as it stands now."""
    rows = ModelVersion.objects.select_for_update(of=("self",))
    return rows.select_related("model__owner", "run").get(pk=version.pk)


def _lock(request: ApprovalRequest) -> ApprovalRequest:
    """The request and its version, locked: two signatures cannot complete a quorum,
    nor move the version, at once."""
    _fresh(request.version)
    return (
        ApprovalRequest.objects.select_for_update(of=("self",))
        .select_related(
            "version__model", "version__run", "environment", "pack", "assessment"
        )
        .get(pk=request.pk)
    )


def _seats(case: Case) -> tuple[Seat, ...]:
    return case.pack.seats(case.tier)


def _require(checks: list[Check], message: str) -> None:
    failing = [check for check in checks if check.blocks]
    if failing:
        raise NotReady(message, failing)
