"""Whose signatures an approval still needs, and how long it may last."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.models import Signature
from governance.policy import Check, Rule, Seat
from governance.separation import hands_in_request
from governance.signatures import holds
from registry.models import Role


def open_seats(case: Case, seats: tuple[Seat, ...]) -> list[tuple[Seat, int]]:
    """The seats of a quorum that still need signatures, and how many.

    Only signatures that hold, by active people who still have the role, count, each
    person once.
    Nobody counts who has had a hand in the version, also when that came later.
    """
    if not case.subject_holds or case.request is None:
        return [(seat, seat.count) for seat in seats]
    used = set(hands_in_request(case.request))
    still = []
    for seat in seats:
        signers = [s for s in case.signatures if _fills(s, seat)]
        fresh = [s for s in signers if str(s.signed_by_id) not in used][: seat.count]
        used |= {str(s.signed_by_id) for s in fresh}
        if len(fresh) < seat.count:
            still.append((seat, seat.count - len(fresh)))
    return still


def _fills(signature: Signature, seat: Seat) -> bool:
    if signature.meaning != seat.meaning or signature.role not in seat.roles:
        return False
    if not holds(signature):
        return False
    signer = signature.signed_by
    return (
        signer.is_active
        and signer.role_assignments.filter(role=signature.role, ended_at=None).exists()
    )


def signatures(rule: Rule, _item: Mapping[str, Any], case: Case) -> Check:
    """`signature_event`: the quorum of the tier is complete."""
    tier = case.tier
    seats = case.pack.seats(tier)
    wanted = sum(seat.count for seat in seats)
    missing = open_seats(case, seats)
    lacking = sum(count for _seat, count in missing)
    rejected = [s for s in case.signatures if s.meaning == Signature.Meaning.REJECTION]
    passed = bool(seats) and not missing and not rejected
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=_("%(have)s of %(wanted)s signatures")
        % {"have": wanted - lacking, "wanted": wanted},
        because=_signature_reason(rule, case, rejected),
        next_step="" if passed else _signature_step(case, missing, rejected),
    )


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


def _signature_step(
    case: Case, missing: list[tuple[Seat, int]], rejected: list[Signature]
) -> str:
    if case.request is None or rejected or not case.subject_holds:
        return _("%(owner)s submits the version for approval.") % {
            "owner": case.version.model.owner.printed_name
        }
    meanings = dict(Signature.Meaning.choices)
    parts = [
        f"{count} x {meanings.get(seat.meaning, seat.meaning)} ({_role_names(seat)})"
        for seat, count in missing
    ]
    return _("Still to sign: %(seats)s.") % {"seats": ", ".join(parts)}


def _role_names(seat: Seat) -> str:
    return " / ".join(str(Role(name).label) for name in seat.roles)


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
