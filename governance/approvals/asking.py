"""Submitting a version, taking the request back, sending it back for changes."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import (
    awaited,
    evaluations,
    notifications,
    persons,
    roles,
    separation,
)
from governance.approvals.locked import (
    CommentNeeded,
    NotReady,
    fresh,
    lock,
    require_met,
    waits_elsewhere,
)
from governance.case import Case
from governance.eligibility import NotOpen, SameHand, ended
from governance.lifecycle import WAITS, State, move, state_of, status_of
from governance.models import ApprovalRequest, Evaluation, Status, Withdrawal
from governance.requirements import SUBMIT, evaluate
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import Environment, ModelVersion, User


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
    version = fresh(version)
    case = Case(version, environment, at)
    require_met(evaluate(case, SUBMIT), _("The version cannot be submitted yet."))
    if case.assessment is None:
        raise NotReady(_("Its risk is not assessed yet."), [])
    if valid_until is not None and valid_until <= at:
        raise NotReady(_("The end of validity must lie in the future."), [])
    if case.request is not None and case.subject_holds and not ended(case):
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
    if status not in (Status.IN_VALIDATION, Status.APPROVED, Status.SUSPENDED):
        move(version=version, to=Status.IN_VALIDATION, by=by, at=at)
    subject = case.subject(case.pack_subjects, valid_until)
    earlier = version.approval_requests.filter(environment=environment)
    last = earlier.order_by("-sequence").first()
    request = ApprovalRequest.objects.create(
        version=version,
        environment=environment,
        assessment=case.assessment,
        subject=subject,
        subject_sha256=sha256_hex(subject.encode()),
        comment=comment,
        valid_until=valid_until,
        requested_by=by,
        requested_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    evaluations.record(
        case=case, occasion=Evaluation.Occasion.SUBMISSION, request=request, by=by
    )
    awaited.overtake(request)
    awaited.put(Case(version, environment, at), request)
    return request


@act
def withdraw(
    *, request: ApprovalRequest, reason: str, by: User, at: datetime
) -> Withdrawal:
    """Take a request back. Raises `NotAllowed`, `NotOpen`, `CommentNeeded`."""
    locked = lock(request)
    require_withdrawer(Case(locked.version, locked.environment, at), locked, by=by)
    return _take_back(locked, reason, Status.DEVELOPMENT, by=by, at=at)


@act
def request_changes(
    *, request: ApprovalRequest, reason: str, by: User, at: datetime
) -> Withdrawal:
    """Send a request back to its owner, who mends the version and submits it again.

    By anybody who may sign and has no hand in it (decisions.md 3.5). The request and
    its signatures stay on record, and nobody signs it any more. Raises `NotAllowed`,
    `SameHand`, `NotOpen`, `CommentNeeded`.
    """
    locked = lock(request)
    version = locked.version
    require_returner(Case(version, locked.environment, at), locked, by=by)
    row = _take_back(locked, reason, Status.CHANGES_REQUESTED, by=by, at=at)
    notifications.tell(
        to=[locked.requested_by, version.model.owner],
        subject=gettext_lazy("Changes requested: %(version)s"),
        text=gettext_lazy("%(name)s sends it back: %(reason)s"),
        values={
            "version": str(version),
            "name": by.printed_name,
            "reason": reason.strip(),
        },
        kind="approval.changes-requested",
        about=locked,
        link=f"/approvals/{locked.pk}/",
        at=at,
    )
    return row


def require_withdrawer(case: Case, request: ApprovalRequest, *, by: User) -> None:
    """Refuse who did not ask, and what is decided. Raises `NotAllowed`, `NotOpen`."""
    roles.require(
        by,
        "submit versions",
        model=request.version.model,
        environment=request.environment,
    )
    if request.requested_by_id != by.pk:
        raise roles.NotAllowed(_("Only the person who asked can take it back."))
    _require_open(case, request)


def require_returner(case: Case, request: ApprovalRequest, *, by: User) -> None:
    """Refuse who may not sign or has a hand in it, and what is decided.

    Raises `NotAllowed`, `SameHand`, `NotOpen`.
    """
    model = request.version.model
    roles.require(by, "sign", model=model, environment=request.environment)
    roles.require_person(by)
    _require_open(case, request)
    hands = separation.hands_in_request(request)
    twin = persons.twin_of_ids(by, hands, unknown_is_one=False)
    what = hands.get(str(twin.pk if twin else by.pk))
    if what is not None:
        raise SameHand(
            _("%(name)s %(what)s and cannot send it back.")
            % {"name": by.printed_name, "what": what}
        )


def _require_open(case: Case, request: ApprovalRequest) -> None:
    if case.request != request or ended(case):
        raise NotOpen(_("This request is decided already."))


def _take_back(
    locked: ApprovalRequest, reason: str, to: Status, *, by: User, at: datetime
) -> Withdrawal:
    """End a request that is open. A version that waits or runs elsewhere stays so."""
    if not reason.strip():
        raise CommentNeeded(_("Say why."))
    if status_of(locked.version) in WAITS and not waits_elsewhere(locked):
        move(version=locked.version, to=to, by=by, at=at, reason=reason)
    awaited.end(locked)
    return Withdrawal.objects.create(
        request=locked,
        reason=reason,
        returned=to == Status.CHANGES_REQUESTED,
        withdrawn_by=by,
        withdrawn_at=at,
    )
