"""Whose signatures an approval still needs, and how long it may last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from governance import expressions, quorum
from governance.case import Case
from governance.models import Delegation, Signature
from governance.persons import Register
from governance.policy import Check, Pack, Rule
from governance.policy.pack import key_of
from governance.quorum import Place, Signed
from governance.seats import Approvals, Stage
from registry.models import Role


@dataclass(frozen=True)
class Progress:
    """How far the signatures of a case are: of every pack that asks for some.

    `by_pack` says of each pack that applies how many signatures it wants, and how many
    of them it lacks.
    """

    asked: tuple[Approvals, ...]
    signed: tuple[Signed, ...]
    wanted: int
    missing: tuple[Place, ...]
    by_pack: tuple[tuple[int, int], ...] = ()

    @cached_property
    def complete(self) -> bool:
        """Whether every pack has its signatures. Where none asks, nothing is."""
        return bool(self.asked) and all(
            quorum.complete(asked, self.signed) for asked in self.asked
        )

    @property
    def have(self) -> int:
        """How many of the wanted signatures are there."""
        return self.wanted - len(self.missing)

    def helps(self, more: Signed) -> bool:
        """Whether one more signature brings any pack nearer to its end."""
        return any(quorum.helps(asked, self.signed, more) for asked in self.asked)

    def open_stages(self) -> list[Stage]:
        """The stage of each pack that waits for signatures now."""
        found = [(a, quorum.open_stage(a, self.signed)) for a in self.asked]
        return [a.stages[index] for a, index in found if index is not None]


def progress(case: Case) -> Progress:
    """The stages that every pack asks of this case, and what is signed of them.

    One signature may fill a seat in each pack, never two seats of one. Every pack's
    rule asks: searched once for a case.
    """
    known: Progress | None = vars(case).get("progress")
    if known is None:
        known = _progress(case)
        case.knowing(progress=known)
    return known


def _progress(case: Case) -> Progress:
    asked, counting = approvals_asked(case), tuple(signed(case))
    wanted = [len(quorum.missing(a, ())) if a.stages else 0 for a in asked]
    missing = [quorum.missing(a, counting) if a.stages else () for a in asked]
    return Progress(
        tuple(found for found in asked if found.stages),
        counting,
        wanted=max(wanted, default=0),
        missing=max(missing, key=len, default=()),
        by_pack=tuple(zip(wanted, map(len, missing), strict=True)),
    )


def approvals_asked(case: Case) -> list[Approvals]:
    """What each pack asks, with only the stages whose condition holds."""
    known: list[Approvals] | None = vars(case).get("approvals_asked")
    if known is None:
        known = _approvals_asked(case)
        case.knowing(approvals_asked=known)
    return known


def _approvals_asked(case: Case) -> list[Approvals]:
    keys = {id(found): _of_tier(case, found.pack) for found in case.packs}
    for bound in case.rules:
        keys[id(bound.applying)] += bound.rule.seats_keys
    return [
        quorum.of_pack(tuple(keys[id(found)])).applying(lambda text: _holds(text, case))
        for found in case.packs
    ]


def _of_tier(case: Case, pack: Pack) -> list[str]:
    """What a pack asks in the tier; for a minor change inside its plan, less."""
    stated = pack.approvals.get(f"T{case.tier}")
    if not stated:
        return []
    if not case.on_light_path:
        return [pack.approvals_keys[f"T{case.tier}"]]
    return [key_of(quorum.lighter(stated, case.tier))]


def _holds(text: str, case: Case) -> bool:
    """What cannot be evaluated holds: the stage is asked."""
    try:
        return expressions.holds(
            text, case.values(expressions.compiled(text).variables)
        )
    except (expressions.Unevaluable, expressions.UnusableExpression):
        return True


def signed(case: Case) -> list[Signed]:
    """The signatures that count now.

    Those that hold, by active people who have had the role ever since they signed, or
    for whom the delegator has; nobody counts who has had a hand in the version, also
    when that came later. In tier 1 nobody either of whom it is no longer known that
    they are somebody else than an earlier signer, or than a hand that is still here
    (rule 12). Read once for a case, as its signatures are.
    """
    known: list[Signed] | None = vars(case).get("signed")
    if known is None:
        known = _signed(case)
        case.knowing(signed=known)
    return known


def _signed(case: Case) -> list[Signed]:
    if not case.subject_holds or case.request is None or not case.signatures:
        return []
    hands = case.hands
    attesting = _attesting_owner(case)
    rows = case.holding
    holders = [_holder(s) for s in rows]
    since, register = case.around.roles_since, case.around.register
    strictest = case.tier == 1
    barred = {UUID(pk) for pk in hands} - {attesting}
    counted: set[UUID] = set()
    found = []
    for row, holder in zip(rows, holders, strict=True):
        granted_at = since.get((holder.pk, row.role))
        if granted_at is None or granted_at > row.signed_at:
            continue
        people = {row.signed_by, holder}
        if not all(p.is_active for p in people):
            continue
        if any(str(p.pk) in hands and p.pk != attesting for p in people):
            continue
        if any(_is_one_of(p.pk, counted, barred, register, strictest) for p in people):
            continue
        counted |= {p.pk for p in people}
        found.append(
            Signed(str(row.signed_by_id), row.meaning, row.role, row.signed_by.unit)
        )
    return found


def _is_one_of(
    pk: UUID,
    counted: set[UUID],
    barred: set[UUID],
    register: Register,
    strictest: bool,
) -> bool:
    """Whether it is known since they signed that this is one human with an earlier
    signer or a hand, or in the strictest tier unknown whether it is.

    Nobody can tell any more who was behind an account that is closed: that this was
    somebody else was known when the signature was given.
    """
    here = barred - register.left if strictest else set()
    return (
        register.twin(pk, barred, unknown_is_one=False) is not None
        or register.twin(pk, counted | here, unknown_is_one=strictest) is not None
    )


def _holder(signature: Signature) -> Any:
    """Whose role the signature was given in: the signer's, or the delegator's."""
    delegation: Delegation | None = signature.delegation
    return signature.signed_by if delegation is None else delegation.delegator


def owner_attests(case: Case, asked: Sequence[Approvals]) -> bool:
    """Whether every pack that asks for signatures lets the owner of a tier 4 model
    attest it themselves."""
    return case.tier == 4 and bool(asked) and all(a.owner_may_sign for a in asked)


def _attesting_owner(case: Case) -> Any:
    asked = [found for found in approvals_asked(case) if found.stages]
    return case.version.model.owner_id if owner_attests(case, asked) else None


def signatures(rule: Rule, _item: Mapping[str, Any], case: Case) -> Check:
    """`signature_event`: the quorum of the tier is complete, in every pack."""
    found = progress(case)
    rejected = [s for s in case.signatures if s.meaning == Signature.Meaning.REJECTION]
    passed = found.complete and not rejected
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=_counted(rule, case),
        because=_signature_reason(rule, case, rejected),
        next_step="" if passed else _signature_step(case, found, rejected),
    )


def _counted(rule: Rule, case: Case) -> str:
    """How far the rule's own pack is, and which others still lack signatures."""
    own, others = [], []
    stating = {id(bound.applying) for bound in case.rules if bound.rule is rule}
    counts = progress(case).by_pack
    for applying, (wanted, lacking) in zip(case.packs, counts, strict=True):
        have = {"have": wanted - lacking, "wanted": wanted, "pack": applying.pack.slug}
        if id(applying) in stating:
            own.append(_("%(have)s of %(wanted)s signatures") % have)
        elif lacking:
            others.append(_("%(pack)s: %(have)s of %(wanted)s signatures") % have)
    return "; ".join([*own, *others])


def _signature_reason(rule: Rule, case: Case, rejected: list[Signature]) -> str:
    if rejected:
        return _("%(name)s rejected it: %(reason)s") % {
            "name": rejected[0].printed_name,
            "reason": rejected[0].comment,
        }
    if case.request is not None and not case.subject_holds:
        return _(
            "Evidence, risk or inventory changed after it was submitted, so that "
            "earlier signatures no longer count."
        )
    return rule.text


def _signature_step(case: Case, found: Progress, rejected: list[Signature]) -> str:
    if not found.asked:
        return _("A policy approver publishes a pack that says who approves.")
    if case.request is None or rejected or not case.subject_holds:
        return _("%(owner)s submits the version for approval.") % {
            "owner": case.version.model.owner.printed_name
        }
    return _("Still to sign: %(seats)s.") % {
        "seats": ", ".join(in_words(found.missing))
    }


def in_words(places: Sequence[Place]) -> list[str]:
    """Empty places in words: how many, which meaning, by whom."""
    return list(_in_words(tuple(places), get_language()))


@lru_cache(maxsize=512)
def _in_words(places: tuple[Place, ...], _language: str | None) -> tuple[str, ...]:
    meanings = dict(Signature.Meaning.choices)
    texts = [
        _(" or ").join(
            f"{meanings.get(seat.meaning, seat.meaning)} "
            f"({' / '.join(str(Role(name).label) for name in seat.roles)})"
            for seat in place.seats
        )
        for place in places
    ]
    return tuple(f"{texts.count(text)} x {text}" for text in dict.fromkeys(texts))


def max_days(case: Case) -> int:
    """The longest authorisation that all packs allow, in days; 0 when none says."""
    limits = [case.max_days]
    limits += [found.max_days for found in approvals_asked(case)]
    return min((days for days in limits if days), default=0)


def authorisation(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`approval`: an authorisation exists and is no older than its tier allows."""
    found = case.authorisation
    tier = case.tier
    if found is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("not authorised"),
            because=rule.text,
            next_step=_("Approval creates the authorisation."),
        )
    last = found.valid_from + timedelta(days=item["max_days"][f"T{tier}"])
    until = min(found.valid_until, last)
    passed = case.at < until
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=_("authorised until %(day)s")
        % {"day": until.strftime("%Y-%m-%d %H:%M UTC")},
        because=rule.text,
        next_step="" if passed else _("The owner submits the version again."),
    )
