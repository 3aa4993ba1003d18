"""Effective challenge: questions and answers, dissent, and what overrides it."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from governance import persons, roles, signatures
from governance.models import (
    ApprovalRequest,
    Challenge,
    ChallengeDisposition,
    ChallengeResponse,
    Dissent,
    DissentOverride,
    Signature,
)
from governance.separation import hands_in_request
from governance.signatures import Proof, signed_act
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import Role, User

Outcome = ChallengeDisposition.Outcome
OVERRIDERS = (Role.EXECUTIVE, Role.RISK_MANAGER)


class CannotChallenge(Exception):
    """This step is not possible; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def open_challenges(request: ApprovalRequest) -> QuerySet[Challenge]:
    """Challenges without an end, and those that their challenger maintains."""
    return request.challenges.exclude(
        disposition__outcome__in=[Outcome.RESOLVED, Outcome.CHANGED]
    )


def open_dissents(request: ApprovalRequest) -> QuerySet[Dissent]:
    """Dissents that nobody overrode."""
    return request.dissents.filter(override=None)


@act
def challenge(
    *,
    request: ApprovalRequest,
    question: str,
    expertise: str,
    independence: str,
    by: User,
    at: datetime,
) -> Challenge:
    """Ask a question that has to be answered (SR 26-2, effective challenge).

    By the second line or the executive, with their expertise and independence stated,
    and without a hand in the version. Raises `NotAllowed`, `CannotChallenge`.
    """
    locked = _lock(request)
    require_challenger(locked, by=by)
    _refuse_empty(question=question, expertise=expertise, independence=independence)
    return Challenge.objects.create(
        request=locked,
        question=question,
        expertise=expertise,
        independence=independence,
        authority=_authority(by),
        raised_by=by,
        raised_at=at,
    )


@act
def respond(
    *, challenge: Challenge, text: str, by: User, at: datetime
) -> ChallengeResponse:
    """Answer a challenge, for those who own or develop the model.

    Raises `NotAllowed`, `CannotChallenge`.
    """
    require_answerer(_lock(challenge.request), by=by)
    _refuse_empty(text=text)
    return ChallengeResponse.objects.create(
        challenge=challenge, text=text, responded_by=by, responded_at=at
    )


@act
def dispose(
    *, challenge: Challenge, outcome: str, reason: str, by: User, at: datetime
) -> ChallengeDisposition:
    """Say what became of a challenge; only who raised it, and once it is answered.

    Where they have left, a risk manager does. Raises `NotAllowed`, `CannotChallenge`.
    """
    require_disposer(challenge, _lock(challenge.request), by=by)
    if outcome not in Outcome.values:
        raise CannotChallenge("outcome", _("There is no such outcome."))
    _refuse_empty(reason=reason)
    return ChallengeDisposition.objects.create(
        challenge=challenge,
        outcome=outcome,
        reason=reason,
        disposed_by=by,
        disposed_at=at,
    )


@act
def dissent(
    *, request: ApprovalRequest, reason: str, by: User, at: datetime
) -> Dissent:
    """Disagree without ending the request; it blocks until it is overridden.

    Raises `NotAllowed`, `CannotChallenge`.
    """
    locked = _lock(request)
    require_dissenter(locked, by=by)
    _refuse_empty(reason=reason)
    return Dissent.objects.create(
        request=locked, reason=reason, dissented_by=by, dissented_at=at
    )


@signed_act
def override(
    *, dissent: Dissent, reason: str, proof: Proof, by: User, at: datetime
) -> DissentOverride:
    """Go on in spite of a dissent, signed, as executive or risk manager.

    Never by the one who dissents. Raises `NotAllowed`, `CannotChallenge`,
    `signatures.WrongPassword`, `LockedOut`.
    """
    locked = _lock(dissent.request)
    role = require_overrider(dissent, locked, by=by)
    _refuse_empty(reason=reason)
    row = DissentOverride.objects.create(
        dissent=dissent, reason=reason, role=role, overridden_by=by, overridden_at=at
    )
    digest = sha256_of_json(
        {
            "request_subject_sha256": locked.subject_sha256,
            "dissent": str(dissent.pk),
            "dissented_by": str(dissent.dissented_by_id),
            "dissent_reason": dissent.reason,
            "reason": reason,
        }
    )
    signatures.sign_record(
        record_type="dissent_override",
        record_id=row.pk,
        subject_sha256=digest,
        statement=_(
            "I, %(name)s, acting as %(role)s, override the dissent of %(other)s from "
            "%(what)s (“%(dissent)s”), because: %(reason)s. Record %(digest)s."
        )
        % {
            "name": by.printed_name,
            "role": role.label,
            "other": dissent.dissented_by.printed_name,
            "what": str(locked),
            "dissent": dissent.reason,
            "reason": reason,
            "digest": digest,
        },
        role=role,
        meaning=Signature.Meaning.RESPONSIBILITY,
        proof=proof,
        by=by,
        at=at,
    )
    return row


def require_challenger(request: ApprovalRequest, *, by: User) -> None:
    """Refuse who is not a person of the second line without a hand in it, and what
    is decided. Raises `NotAllowed`, `CannotChallenge`, as the others here do."""
    roles.require(
        by, "sign", model=request.version.model, environment=request.environment
    )
    roles.require_person(by)
    _require_open(request)
    hands = hands_in_request(request)
    twin = persons.twin_of_ids(by, hands, unknown_is_one=False)
    what = hands.get(str(twin.pk if twin else by.pk))
    if what is not None:
        raise roles.NotAllowed(
            _("%(name)s %(what)s and is not independent.")
            % {"name": by.printed_name, "what": what}
        )


def require_answerer(request: ApprovalRequest, *, by: User) -> None:
    """Refuse who neither owns nor develops the model, and what is decided."""
    roles.require(
        by,
        "answer challenges",
        model=request.version.model,
        environment=request.environment,
    )
    roles.require_person(by)
    _require_open(request)


def require_disposer(
    challenge: Challenge, request: ApprovalRequest, *, by: User
) -> None:
    """Refuse who did not raise it, and what is not answered or has ended."""
    require_challenger(request, by=by)
    raiser = challenge.raised_by
    deputy = not raiser.is_active and Role.RISK_MANAGER in roles.roles_of(by)
    if raiser.pk != by.pk and not deputy:
        raise roles.NotAllowed(
            _("Only who raised the challenge says what became of it.")
        )
    if ChallengeDisposition.objects.filter(challenge=challenge).exists():
        raise CannotChallenge("outcome", _("This challenge has ended already."))
    if not challenge.responses.exists():
        raise CannotChallenge("outcome", _("Nobody has answered it yet."))


def require_dissenter(request: ApprovalRequest, *, by: User) -> None:
    """Refuse who dissented already."""
    require_challenger(request, by=by)
    if request.dissents.filter(dissented_by=by).exists():
        raise CannotChallenge("reason", _("Your dissent stands in the record already."))


def require_overrider(dissent: Dissent, request: ApprovalRequest, *, by: User) -> Role:
    """The role in which somebody overrides the dissent of somebody else."""
    require_challenger(request, by=by)
    held = roles.roles_of(by)
    role = next((role for role in OVERRIDERS if role in held), None)
    dissenter = [dissent.dissented_by]
    own = persons.twin_among(by, dissenter, unknown_is_one=False) is not None
    if role is None or own:
        raise roles.NotAllowed(
            _("An executive or a risk manager overrides the dissent of somebody else.")
        )
    if DissentOverride.objects.filter(dissent=dissent).exists():
        raise CannotChallenge("reason", _("It is overridden already."))
    return role


def _lock(request: ApprovalRequest) -> ApprovalRequest:
    rows = ApprovalRequest.objects.select_for_update(of=("self",))
    return rows.select_related("version__model", "version__run", "assessment").get(
        pk=request.pk
    )


def _require_open(request: ApprovalRequest) -> None:
    rejected = request.signatures.filter(meaning=Signature.Meaning.REJECTION).exists()
    if rejected or hasattr(request, "authorisation") or hasattr(request, "withdrawal"):
        raise CannotChallenge("", _("This request is decided already."))


def _authority(by: User) -> Role:
    return sorted(roles.roles_of(by) & roles.RIGHTS["sign"])[0]


def _refuse_empty(**texts: str) -> None:
    for field, text in texts.items():
        if not text.strip():
            raise CannotChallenge(field, _("Say it in words."))
