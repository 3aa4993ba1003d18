"""The fast lane of tier 4: one approver, and a later review of those drawn by lot."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from audits.models import Checkpoint
from governance import access, persons, roles
from governance.case import Case
from governance.models import Authorisation, Draw, DrawReview
from governance.policy import Check, NoPolicy
from governance.requirements.quorum import approvals_asked
from governance.separation import hands_in_request
from registry.acts import act, acting
from registry.models import User

# A draw that nobody made within this time shuts the gate.
DRAW_WITHIN = timedelta(days=1)


class CannotReview(Exception):
    """This approval was not drawn, or its review is not yours to give."""


def is_drawn(*, root_sha256: str, authorisation_id: UUID, percent: int) -> bool:
    """The draw, for anyone to compute again.

    SHA-256 over the checkpoint's root hash (hexadecimal) and the authorisation's id;
    the first eight bytes, as a number, modulo 100, lie below the percentage.
    """
    text = f"{root_sha256} {authorisation_id}".encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
    return number % 100 < percent


def draw_all(*, at: datetime) -> int:
    """Draw among approvals of the fast lane that a checkpoint has followed.

    How many were looked at; the clock calls it, and nobody chooses the seed.
    """
    waiting = Authorisation.objects.filter(draw=None, valid_until__gt=at)
    count = 0
    for row in waiting.select_related("version__model", "environment", "request"):
        lane = _lane(Case(row.version, row.environment, at, granted=row))
        after = Checkpoint.objects.filter(created_at__gt=row.valid_from)
        first = after.order_by("tree_size").first()
        if lane is None or first is None:
            continue
        with acting(by=access.system_user()):
            _draw(row, lane, first, at)
        count += 1
    return count


def _draw(
    row: Authorisation, lane: tuple[int, int], seed: Checkpoint, at: datetime
) -> None:
    percent, days = lane
    root = bytes(seed.root_hash).hex()
    Draw.objects.get_or_create(
        authorisation=row,
        defaults={
            "log_size": seed.tree_size,
            "root_sha256": root,
            "percent": percent,
            "drawn": is_drawn(
                root_sha256=root, authorisation_id=row.pk, percent=percent
            ),
            "due_at": at + timedelta(days=days),
            "drawn_at": at,
        },
    )


@act
def review(
    *, draw: Draw, confirmed: bool, reason: str, by: User, at: datetime
) -> DrawReview:
    """Review an approval that was drawn, by somebody who neither signed it nor has a
    hand in it; one that is not confirmed no longer opens the gate.

    Raises `NotAllowed`, `CannotReview`.
    """
    request = draw.authorisation.request
    roles.require(
        by, "sign", model=request.version.model, environment=request.environment
    )
    roles.require_person(by)
    locked = Draw.objects.select_for_update(of=("self",)).get(pk=draw.pk)
    if not locked.drawn or DrawReview.objects.filter(draw=locked).exists():
        raise CannotReview(_("It was not drawn, or it is reviewed already."))
    signers = request.signatures.values_list("signed_by", "delegation__delegator")
    hands = {str(pk) for pair in signers for pk in pair if pk}
    hands |= set(hands_in_request(request))
    twin = persons.twin_of_ids(by, hands, unknown_is_one=False)
    if str(by.pk) in hands or twin is not None:
        raise CannotReview(_("Somebody reviews it who did not sign or make it."))
    if not reason.strip():
        raise CannotReview(_("Say what you looked at."))
    return DrawReview.objects.create(
        draw=locked,
        confirmed=confirmed,
        reason=reason,
        reviewed_by=by,
        reviewed_at=at,
    )


def checks(case: Case) -> list[Check]:
    """Whether an approval of the fast lane was drawn in time, and reviewed if so."""
    granted = case.granted
    try:
        lane = _lane(case) if granted is not None else None
    except NoPolicy:
        lane = None
    row = None
    if not case.around.none("draws"):
        rows = Draw.objects.filter(authorisation=granted)
        row = rows.select_related("review").first()
    if granted is None or (lane is None and row is None):
        return []
    passed, observed = _standing(row, granted, case.at)
    return [
        Check(
            "fast-lane",
            _("What was drawn for review is reviewed"),
            passed=passed,
            observed=observed,
            because=_(
                "One approver is enough in tier 4, because some approvals are drawn "
                "by lot and reviewed later."
            ),
            next_step=""
            if passed
            else _("Somebody of the second line who did not sign reviews it."),
        )
    ]


def _standing(
    row: Draw | None, granted: Authorisation, at: datetime
) -> tuple[bool, str]:
    if row is None:
        return at < granted.valid_from + DRAW_WITHIN, _("not drawn yet")
    if not row.drawn:
        return True, _("not drawn")
    reviewed = getattr(row, "review", None)
    if reviewed is not None:
        word = _("confirmed") if reviewed.confirmed else _("not confirmed")
        return reviewed.confirmed, word
    due = row.due_at.strftime("%Y-%m-%d %H:%M UTC")
    return at < row.due_at, _("drawn, to be reviewed until %(due)s") % {"due": due}


def _lane(case: Case) -> tuple[int, int] | None:
    """Percentage and days, where every pack that asks for signatures has the lane."""
    asked = [found for found in approvals_asked(case) if found.stages]
    if case.tier != 4 or not asked or not all(found.sample_percent for found in asked):
        return None
    return max(a.sample_percent for a in asked), min(a.review_days for a in asked)
