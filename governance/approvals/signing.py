"""Signing and rejecting a request; the last signature authorises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance import awaited, challenges, conditions, evaluations, signatures
from governance.approvals.locked import (
    CommentNeeded,
    NotReady,
    lock,
    require_met,
    waits_elsewhere,
)
from governance.case import Case
from governance.conditions import Stated, UnusableCondition
from governance.eligibility import NotOpen, capacity, statement
from governance.lifecycle import WAITS, move, status_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Evaluation,
    Signature,
    Status,
)
from governance.requirements import APPROVE, evaluate
from governance.requirements.quorum import Progress, max_days, progress
from governance.signatures import Proof
from registry.models import User

Meaning = Signature.Meaning
MOST_AT_ONCE = 50


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
        if one.meaning not in (Meaning.REVIEW, Meaning.APPROVAL):
            raise NotOpen(_("Only reviews and approvals are signed together."))
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
    locked = lock(request)
    case = Case(locked.version, locked.environment, at)
    found = capacity(case, locked, by=by, meaning=meaning)
    if meaning == Meaning.REJECTION and not comment.strip():
        raise CommentNeeded(_("Say why you reject it."))
    if meaning == Meaning.APPROVAL:
        require_met(
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
    if stated and meaning not in (Meaning.REVIEW, Meaning.APPROVAL):
        raise UnusableCondition(
            _("Only a review or an approval can be given on conditions.")
        )
    last_day = any(item.kind == conditions.Kind.UNTIL for item in stated)
    if stated and meaning == Meaning.REVIEW and not last_day:
        raise UnusableCondition(
            _("A conditional validation has an end: state its last day.")
        )
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
        if status in WAITS and not waits_elsewhere(request):
            reason = signature.comment
            move(version=version, to=Status.REJECTED, by=by, at=at, reason=reason)
        awaited.end(request)
        return
    limited = signature.meaning == Meaning.REVIEW and signature.conditions.exists()
    if limited and status == Status.IN_VALIDATION:
        status = Status.CONDITIONALLY_VALIDATED
        move(version=version, to=status, by=by, at=at)
    found = progress(case)
    if not found.complete:
        awaited.put(case, request)
        return
    _require_answered(request, found)
    require_met(
        evaluate(case, APPROVE), _("The version does not meet its requirements.")
    )
    authorise(case, request)
    awaited.end(request)
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
    # The light path prolongs nothing: the full quorum signs again when it would have.
    base = case.change.base if case.change and case.on_light_path else None
    planned = base.valid_until if base else None
    ends = (longest, request.valid_until, conditions.end_of(request), planned)
    until = min(end for end in ends if end is not None)
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
