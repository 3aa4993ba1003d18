"""Submitting a version, and signing, rejecting or withdrawing the request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance import challenges, conditions, evaluations, roles, signatures
from governance.case import Case
from governance.conditions import Stated, UnusableCondition
from governance.eligibility import (
    NoSeat,
    NotOpen,
    SameHand,
    capacity,
    ended,
    statement,
)
from governance.lifecycle import State, move, state_of, status_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Evaluation,
    Signature,
    Status,
    Withdrawal,
)
from governance.policy import Check
from governance.requirements import APPROVE, SUBMIT, evaluate
from governance.requirements.quorum import Progress, max_days, progress
from governance.signatures import Proof
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import Environment, ModelVersion, User

__all__ = [
    "CommentNeeded",
    "NoSeat",
    "NotOpen",
    "NotReady",
    "SameHand",
    "Wanted",
    "authorise",
    "sign",
    "sign_batch",
    "submit",
    "withdraw",
]

Meaning = Signature.Meaning
MOST_AT_ONCE = 50


class NotReady(Exception):
    """Requirements are not met; `checks` holds the failing ones."""

    def __init__(self, message: str, checks: list[Check]) -> None:
        super().__init__(message)
        self.checks = checks


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
    if status in (Status.DEVELOPMENT, Status.REJECTED):
        move(version=version, to=Status.IN_VALIDATION, by=by, at=at)
    subject = case.subject(case.pack_subjects, valid_until)
    earlier = version.approval_requests.filter(environment=environment)
    last = earlier.order_by("-sequence").first()
    assert case.assessment is not None  # noqa: S101
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
    return request


@signatures.signed_act
def sign(
    *,
    request: ApprovalRequest,
    meaning: str,
    proof: Proof,
    by: User,
    at: datetime,
    comment: str = "",
    stated: Sequence[Stated] = (),
) -> Signature:
    """Sign a request as the person who authenticates now, perhaps on conditions.

    The last signature of every pack's quorum creates the authorisation. A failed proof
    is recorded although nothing is signed. Raises `NotAllowed`, `SameHand`, `NoSeat`,
    `NotOpen`, `NotReady`, `CommentNeeded`, `signatures.NotSigned`.
    """
    return _sign(
        request,
        meaning,
        lambda: signatures.authenticate(by=by, proof=proof, at=at),
        by=by,
        at=at,
        comment=comment,
        stated=stated,
    )


@dataclass(frozen=True)
class Wanted:
    """One signature of a batch: on this request, as the signer saw it."""

    request: ApprovalRequest
    meaning: str
    subject_sha256: str
    comment: str = ""


@signatures.signed_act
def sign_batch(
    *, wanted: Sequence[Wanted], proof: Proof, by: User, at: datetime
) -> list[Signature]:
    """Sign several requests, each with its own statement and digest, or none at all.

    The signer authenticates once for the series (21 CFR 11.200(a)(1)(i)) and names
    the digest of each record that they saw. Raises as `sign` does.
    """
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise NotOpen(
            _("Sign between 1 and %(most)s requests at once.") % {"most": MOST_AT_ONCE}
        )
    for one in wanted:
        if one.subject_sha256 != one.request.subject_sha256:
            raise NotOpen(
                _("%(what)s is not the record that you saw. Read it again.")
                % {"what": one.request}
            )
    method = signatures.authenticate(by=by, proof=proof, at=at)
    # In one order, so that two batches cannot wait for each other.
    ordered = sorted(wanted, key=lambda one: (one.request.version_id, one.request.pk))
    return [
        _sign(
            one.request,
            one.meaning,
            lambda: method,
            by=by,
            at=at,
            comment=one.comment,
        )
        for one in ordered
    ]


def _sign(
    request: ApprovalRequest,
    meaning: str,
    authenticate: Callable[[], str],
    *,
    by: User,
    at: datetime,
    comment: str = "",
    stated: Sequence[Stated] = (),
) -> Signature:
    """Check and store one signature; the signer authenticates once it is possible."""
    locked = _lock(request)
    case = Case(locked.version, locked.environment, at)
    found = capacity(case, locked, by=by, meaning=meaning)
    if meaning == Meaning.REJECTION and not comment.strip():
        raise CommentNeeded(_("Say why you reject it."))
    if meaning == Meaning.APPROVAL:
        _require(
            evaluate(case, APPROVE), _("The version does not meet its requirements.")
        )
    text = _with_conditions(locked, meaning, comment, stated, at)
    method = authenticate()
    signature = Signature(
        request=locked,
        signed_by=by,
        printed_name=by.printed_name,
        role=found.role,
        meaning=meaning,
        method=method,
        statement=statement(locked, found, by=by, meaning=meaning, comment=text),
        delegation=found.delegation,
        warned=[warning.rule for warning in found.warnings],
        comment=comment,
        signed_at=at,
    )
    signature.record_sha256 = signatures.record_digest(signature)
    signature.save(force_insert=True)
    conditions.state(stated, signature)
    _conclude(Case(locked.version, locked.environment, at), locked, signature)
    return signature


def _with_conditions(
    request: ApprovalRequest,
    meaning: str,
    comment: str,
    stated: Sequence[Stated],
    at: datetime,
) -> str:
    """The comment, with the conditions in words: they are signed too."""
    if stated and meaning != Meaning.APPROVAL:
        raise UnusableCondition(_("Only an approval can be given on conditions."))
    conditions.require_usable(stated, request, at=at)
    lines = [
        _("On the condition: %(what)s") % {"what": conditions.in_words(item)}
        for item in stated
    ]
    return "\n".join([*lines, *([comment] if comment.strip() else [])])


def _conclude(case: Case, request: ApprovalRequest, signature: Signature) -> None:
    version, by, at = request.version, signature.signed_by, signature.signed_at
    status = status_of(version)
    if signature.meaning == Meaning.REJECTION:
        # A version that runs elsewhere stays approved there.
        if status == Status.IN_VALIDATION and not _waits_elsewhere(request):
            reason = signature.comment
            move(version=version, to=Status.REJECTED, by=by, at=at, reason=reason)
        return
    found = progress(case)
    if not found.complete:
        return
    _require_answered(request, found)
    _require(evaluate(case, APPROVE), _("The version does not meet its requirements."))
    authorise(case, request)
    evaluations.record(
        case=Case(version, request.environment, at).as_granted(),
        occasion=Evaluation.Occasion.SIGNATURE,
        request=request,
        by=by,
    )
    if status != Status.APPROVED:
        move(version=version, to=Status.APPROVED, by=by, at=at)


def _require_answered(request: ApprovalRequest, found: Progress) -> None:
    """Refuse the last signature while dissent stands, or a challenge that a pack
    wants closed."""
    dissents = [row.dissented_by for row in challenges.open_dissents(request)]
    if dissents:
        raise NotReady(
            _("%(names)s dissents: an executive or a risk manager overrides it first.")
            % {"names": ", ".join(user.printed_name for user in dissents)},
            [],
        )
    wanted = any(asked.challenges_closed for asked in found.asked)
    if wanted and challenges.open_challenges(request).exists():
        raise NotReady(_("A challenge is not answered and closed yet."), [])


def authorise(case: Case, request: ApprovalRequest) -> Authorisation:
    """Turn a completed quorum into an authorisation bound to the artifact."""
    longest = case.at + timedelta(days=max_days(case))
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
    if case.request != locked or ended(case):
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
        .select_related("version__model", "version__run", "environment", "assessment")
        .get(pk=request.pk)
    )


def _require(checks: list[Check], message: str) -> None:
    failing = [check for check in checks if check.blocks]
    if failing:
        raise NotReady(message, failing)
