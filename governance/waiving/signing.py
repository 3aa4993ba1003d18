"""Waivers are granted by the signatures of a tier's approvers, and one tier up."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import permutations
from uuid import UUID

from django.utils.translation import gettext as _

from governance import persons, records, roles, separation, signatures
from governance.models import RecordSignature, Waiver, WaiverDecision
from governance.waived import tier_of
from governance.waiving.requesting import locked_waiver
from governance.waiving.terms import NoSeat, SameHand, WrongState, require_pause
from registry.models import Role, User

Meaning = RecordSignature.Meaning
RECORD = "waiver"
_R = Role
# Who signs a waiver: the approvers of the tier and of one tier up (decisions.md 3.7).
SEATS: dict[int, tuple[frozenset[Role], ...]] = {
    1: (
        frozenset({_R.RISK_MANAGER, _R.COMPLIANCE}),
        frozenset({_R.APPROVER}),
        frozenset({_R.EXECUTIVE}),
    ),
    2: (frozenset({_R.APPROVER}), frozenset({_R.RISK_MANAGER, _R.COMPLIANCE})),
    3: (frozenset({_R.RISK_MANAGER, _R.APPROVER}), frozenset({_R.APPROVER})),
    4: (
        frozenset({_R.RISK_MANAGER, _R.APPROVER}),
        frozenset({_R.RISK_MANAGER, _R.APPROVER}),
    ),
}


@signatures.signed_act
def sign(
    *,
    waiver: Waiver,
    proof: signatures.Proof,
    by: User,
    at: datetime,
    comment: str = "",
) -> RecordSignature:
    """Approve a waiver. The last signature grants it.

    Raises `NotAllowed`, `SameHand`, `NoSeat`, `WrongState`, `WrongPassword`,
    `LockedOut`.
    """
    locked = locked_waiver(waiver)
    role = role_to_sign(locked, by=by, at=at)
    signature = _sign(locked, role, Meaning.APPROVAL, comment, proof, by, at)
    if not open_seats(locked, at):
        require_pause(locked)
        WaiverDecision.objects.create(
            waiver=locked, granted=True, decided_by=by, decided_at=at
        )
    return signature


@signatures.signed_act
def refuse(
    *, waiver: Waiver, reason: str, proof: signatures.Proof, by: User, at: datetime
) -> RecordSignature:
    """Refuse a waiver, signed, with the reason; one refusal ends it.

    Raises as `sign`, and `records.Refused`.
    """
    locked = locked_waiver(waiver)
    role = role_to_sign(locked, by=by, at=at)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why you refuse it.")]})
    signature = _sign(locked, role, Meaning.REJECTION, reason, proof, by, at)
    WaiverDecision.objects.create(
        waiver=locked, granted=False, reason=reason, decided_by=by, decided_at=at
    )
    return signature


def _sign(
    waiver: Waiver,
    role: Role,
    meaning: RecordSignature.Meaning,
    comment: str,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> RecordSignature:
    return signatures.sign_record(
        record_type=RECORD,
        record_id=waiver.pk,
        subject_sha256=waiver.subject_sha256,
        statement=statement(waiver, by=by, role=role, meaning=meaning),
        role=role,
        meaning=meaning,
        comment=comment,
        proof=proof,
        by=by,
        at=at,
    )


def role_to_sign(waiver: Waiver, *, by: User, at: datetime) -> Role:
    """The role in which this person may decide now, or the reason why not.

    Raises `NotAllowed`, `SameHand`, `NoSeat`, `WrongState`.
    """
    roles.require(
        by, "decide waivers", model=waiver.model, environment=waiver.environment
    )
    if by.is_machine:
        raise SameHand(_("A machine cannot sign."))
    if hasattr(waiver, "decision") or at >= waiver.valid_until:
        raise WrongState(_("This waiver is decided already, or over."))
    _refuse_hands(waiver, by, at)
    signed = _roles_signed(waiver)
    for role in sorted(roles.roles_of(by) & roles.RIGHTS["decide waivers"]):
        if _seated([*signed, role], SEATS[_tier(waiver, at)]) > _seated(
            signed, SEATS[_tier(waiver, at)]
        ):
            return role
    raise NoSeat(
        _("No signature of %(name)s is asked for here.") % {"name": by.printed_name}
    )


def _refuse_hands(waiver: Waiver, by: User, at: datetime) -> None:
    """Who asked, owns or developed never decides (decisions.md 3.4, 2 and 4)."""
    model = waiver.model
    hands = {str(waiver.requested_by_id), str(model.owner_id), str(model.developer_id)}
    for version in [waiver.version] if waiver.version else model.versions.all():
        hands |= set(separation.hands_in(version))
    if str(by.pk) in hands:
        raise SameHand(
            _("%(name)s asked for this waiver, or had a hand in the model.")
            % {"name": by.printed_name}
        )
    if any(s.signed_by_id == by.pk for s in signatures_of(waiver)):
        raise SameHand(_("%(name)s has signed already.") % {"name": by.printed_name})
    others = {*hands, *(str(s.signed_by_id) for s in signatures_of(waiver))}
    twin = persons.twin_of_ids(by, others, unknown_is_one=_tier(waiver, at) == 1)
    if twin is not None:
        raise SameHand(
            _("%(name)s and %(other)s are, or may be, one person.")
            % {"name": by.printed_name, "other": twin.printed_name}
        )


def signatures_of(waiver: Waiver) -> list[RecordSignature]:
    """The signatures on a waiver, the oldest first."""
    return signatures_by([waiver])[waiver.pk]


def signatures_by(waivers: Iterable[Waiver]) -> dict[UUID, list[RecordSignature]]:
    """The signatures on each of many waivers, the oldest first."""
    found: dict[UUID, list[RecordSignature]] = {row.pk: [] for row in waivers}
    rows = RecordSignature.objects.filter(record_type=RECORD, record_id__in=found)
    for row in rows.select_related("signed_by"):
        found[row.record_id].append(row)
    return found


def open_seats(waiver: Waiver, at: datetime) -> int:
    """How many signatures are still asked for."""
    seats = SEATS[_tier(waiver, at)]
    return len(seats) - _seated(_roles_signed(waiver), seats)


def _roles_signed(waiver: Waiver) -> list[str]:
    """The roles of the approvals that count: of active people who hold them still."""
    return [
        s.role
        for s in signatures_of(waiver)
        if s.meaning == Meaning.APPROVAL
        and s.signed_by.is_active
        and s.role in roles.roles_of(s.signed_by)
    ]


def _tier(waiver: Waiver, at: datetime) -> int:
    """The stricter of the tier that was asked for and today's."""
    return min(waiver.tier, tier_of(waiver.model, at))


def _seated(signed: Sequence[str], seats: Sequence[frozenset[Role]]) -> int:
    """The most seats that these roles can fill, each with one signature."""
    padded = [*signed, *[""] * len(seats)]
    return max(
        sum(role in seat for role, seat in zip(order, seats, strict=True))
        for order in permutations(padded, len(seats))
    )


def statement(
    waiver: Waiver, *, by: User, role: Role, meaning: RecordSignature.Meaning
) -> str:
    """The exact sentence that the signer of a waiver reads and signs."""
    verb = _("refuse") if meaning == Meaning.REJECTION else _("approve")
    return _(
        "I, %(name)s, acting as %(role)s, %(verb)s that the rules %(rules)s need not "
        "hold for %(about)s in %(place)s from %(start)s until %(end)s, having seen "
        "the reason, the risk, the compensating controls and the plan, all bound by "
        "the record %(digest)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "verb": verb,
        "rules": ", ".join(waiver.rules),
        "about": waiver.version or waiver.model,
        "place": waiver.environment or _("all environments"),
        "start": waiver.valid_from.strftime("%Y-%m-%d %H:%M UTC"),
        "end": waiver.valid_until.strftime("%Y-%m-%d %H:%M UTC"),
        "digest": waiver.subject_sha256,
    }
