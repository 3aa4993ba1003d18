"""Who may sign a request now, in which role, and what speaks against it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance import delegation, duties, roles
from governance.case import Case
from governance.duties import Conflict, Signing
from governance.models import ApprovalRequest, Delegation, Signature
from governance.quorum import Signed
from governance.requirements.quorum import Progress, owner_attests, progress
from registry.models import Role, User

Meaning = Signature.Meaning


class NotOpen(Exception):
    """The request was decided, withdrawn or overtaken."""


class SameHand(Exception):
    """Separation of duties forbids this person to sign (decisions.md 3.4)."""


class NoSeat(Exception):
    """The quorum has no open place for this person and meaning."""


@dataclass(frozen=True)
class Capacity:
    """In which role somebody may sign, for whom, and what the record warns of."""

    role: Role
    delegation: Delegation | None = None
    warnings: tuple[Conflict, ...] = ()


def capacity(
    case: Case, request: ApprovalRequest, *, by: User, meaning: str
) -> Capacity:
    """How this person may sign now. Checked at signing time, over all history.

    Raises `NotAllowed`, `SameHand`, `NotOpen`, `NoSeat`.
    """
    found = progress(case)
    possible = list(_possible(case, request, found, by))
    if not possible:
        roles.require(
            by, "sign", model=request.version.model, environment=request.environment
        )
    _refuse_second_signature(request, by)
    fitting = [
        one
        for one in possible
        if meaning == Meaning.REJECTION
        or found.helps(Signed(str(by.pk), meaning, one.role, by.unit))
    ]
    refused: SameHand | None = None
    for one in fitting or possible[:1]:
        against = duties.conflicts(_signing(case, request, found, one, by, meaning))
        if against and against[0].hard:
            refused = refused or SameHand(against[0].because)
            continue
        _require_open(case, request)
        if fitting:
            return Capacity(one.role, one.delegation, tuple(against))
    if refused is not None:
        raise refused
    raise NoSeat(
        _("No signature of the meaning %(meaning)s is asked of %(name)s here.")
        % {"meaning": meaning, "name": by.printed_name}
    )


def statement(
    request: ApprovalRequest,
    found: Capacity,
    *,
    by: User,
    meaning: str,
    comment: str = "",
) -> str:
    """What is read and signed: with delegation and warnings, so that they stand in
    the record."""
    more = _of_plans(request)
    if found.delegation is not None:
        more.append(
            _("I sign by delegation of %(name)s, in force until %(until)s: %(reason)s")
            % {
                "name": found.delegation.delegator.printed_name,
                "until": found.delegation.valid_until.strftime("%Y-%m-%d %H:%M UTC"),
                "reason": found.delegation.reason,
            }
        )
    more += [
        _("Separation of duties, rule %(rule)s, warns: %(because)s")
        % {"rule": warning.rule, "because": warning.because}
        for warning in found.warnings
    ]
    text = _sentence(request, by=by, role=found.role, meaning=meaning)
    return "\n".join([text, *more, *([comment.strip()] if comment.strip() else [])])


def _of_plans(request: ApprovalRequest) -> list[str]:
    """What a signer must know of change plans: that they approve one, or under one."""
    judged = json.loads(request.subject)
    said = []
    if plan := judged.get("change_plan"):
        said.append(
            _(
                "With it I judge its change plan (SHA-256 %(digest)s), under which "
                "later minor changes need fewer signatures."
            )
            % {"digest": plan}
        )
    change = judged.get("change")
    if change and change["light_path"]:
        said.append(
            _("It is a minor change inside the change plan %(digest)s: light path.")
            % {"digest": change["plan_sha256"]}
        )
    return said


def _sentence(request: ApprovalRequest, *, by: User, role: Role, meaning: str) -> str:
    """Who does what to which version, having seen what."""
    version = request.version
    acts = {
        "review": _("have reviewed"),
        "approval": _("approve"),
        "rejection": _("reject"),
    }
    return _(
        "I, %(name)s, acting as %(role)s, %(act)s %(model)s, version %(version)s "
        "(SHA-256 %(digest)s), for the environment %(environment)s, having seen its "
        "evidence, its risk assessment (%(band)s %(score)s, tier %(tier)s) and the "
        "policy packs %(packs)s, all bound by the record %(subject)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "act": acts.get(meaning, meaning),
        "model": version.model.name,
        "version": version.version,
        "digest": version.sha256,
        "environment": request.environment.name,
        "band": request.assessment.get_band_display(),
        "score": request.assessment.score,
        "tier": request.assessment.tier,
        "packs": request.pack_names,
        "subject": request.subject_sha256,
    }


def _possible(
    case: Case, request: ApprovalRequest, found: Progress, by: User
) -> Iterator[Capacity]:
    """The roles in which this person could sign at all, their own ones first."""
    may = roles.may(
        by, "sign", model=request.version.model, environment=request.environment
    )
    if may:
        for role in sorted(roles.roles_of(by) & roles.RIGHTS["sign"]):
            yield Capacity(role)
        for given in delegation.to(by, at=case.at):
            yield Capacity(Role(given.role), given)
    elif _owner_may_sign(case, found, by) and Role.OWNER in roles.roles_of(by):
        yield Capacity(Role.OWNER)


def _owner_may_sign(case: Case, found: Progress, by: User) -> bool:
    return by.pk == case.version.model.owner_id and owner_attests(case, found.asked)


def _signing(
    case: Case,
    request: ApprovalRequest,
    found: Progress,
    one: Capacity,
    by: User,
    meaning: str,
) -> Signing:
    rows = request.signatures.select_related("signed_by", "delegation__delegator")
    others = {row.signed_by for row in rows}
    others |= {row.delegation.delegator for row in rows if row.delegation}
    return Signing(
        request=request,
        by=by,
        role=one.role,
        meaning=meaning,
        tier=case.tier,
        at=case.at,
        others=tuple(sorted(others, key=lambda user: user.username)),
        owner_may_sign=_owner_may_sign(case, found, by),
        delegation=one.delegation,
    )


def _refuse_second_signature(request: ApprovalRequest, by: User) -> None:
    if request.signatures.filter(signed_by=by).exists():
        raise SameHand(_("%(name)s has signed already.") % {"name": by.printed_name})
    if request.signatures.filter(delegation__delegator=by).exists():
        raise SameHand(
            _("Somebody has signed for %(name)s already.") % {"name": by.printed_name}
        )


def _require_open(case: Case, request: ApprovalRequest) -> None:
    if case.request != request:
        raise NotOpen(_("This request was withdrawn or overtaken by a newer one."))
    if ended(case):
        raise NotOpen(_("This request is decided already."))
    if not case.subject_holds:
        raise NotOpen(
            _(
                "Evidence, risk or inventory changed since this was submitted. "
                "The owner submits it again."
            )
        )


def ended(case: Case) -> bool:
    """Whether the request was rejected or granted; where none is, none is open."""
    rejected = any(s.meaning == Meaning.REJECTION for s in case.signatures)
    return case.request is None or rejected or hasattr(case.request, "authorisation")
