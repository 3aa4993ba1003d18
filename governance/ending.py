"""The end of a pack, and its law adopted early: signed decisions on what binds.

What makes policy stricter one policy approver decides alone. What makes it weaker, an
end or an early adoption given up, one person proposes: it counts once somebody else of
the second line has signed it, too (docs/decisions/0023).
"""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import records, roles, signatures
from governance.models import EarlyAdoption, PackEnd, PolicyPack
from governance.notifications import tell
from governance.persons import Same, same_person
from governance.publishing import WrongState, required
from governance.signatures import Proof
from registry.digests import sha256_of_json
from registry.models import Role, User

RIGHT = "confirm policy"
SECOND_LINE = (Role.POLICY_APPROVER, Role.RISK_MANAGER, Role.COMPLIANCE)
Decision = PackEnd | EarlyAdoption


class SamePerson(Exception):
    """Who proposes that policy becomes weaker does not confirm it."""


@signatures.signed_act
def end(
    *,
    slug: str,
    ends_at: datetime | None,
    reason: str,
    proof: Proof,
    by: User,
    at: datetime,
) -> PackEnd:
    """Propose, signed, when a pack ends; None takes back what lies ahead, at once.

    Raises `NotAllowed`, `WrongState`, `records.Refused`, `signatures.NotSigned`.
    """
    _require_publisher(slug, by)
    rows = PackEnd.objects.filter(slug=slug)
    if ends_at is not None and ends_at < at:
        raise records.Refused({"ends_at": [_("The end must not lie in the past.")]})
    kept = ends_at or _taken_back(rows, at)
    row = PackEnd(
        slug=slug,
        ends_at=kept,
        proposed=ends_at is not None,
        reason=required(reason),
        decided_by=by,
        decided_at=at,
        sequence=rows.count() + 1,
    )
    template = (
        _(
            "I, %(name)s, propose that the policy pack %(pack)s ends: %(day)s. "
            "%(reason)s"
        )
        if row.proposed
        else _("I, %(name)s, let the policy pack %(pack)s end: %(day)s. %(reason)s")
    )
    values = {"name": by.printed_name, "pack": slug, "reason": row.reason}
    _sign(row, template % {**values, "day": _day(kept)}, Role.POLICY_APPROVER, proof)
    return row


def _taken_back(rows: QuerySet[PackEnd], at: datetime) -> datetime | None:
    """The end that stands when what lies ahead is taken back: one that has come.

    Raises `WrongState` when nothing lies ahead.
    """
    last, decided = rows.first(), rows.filter(proposed=False).first()
    ends_at = decided.ends_at if decided else None
    if not (last and last.proposed) and (ends_at is None or ends_at <= at):
        raise WrongState(_("This pack has no end that lies ahead."))
    return ends_at if ends_at is not None and ends_at <= at else None


@signatures.signed_act
def adopt_early(
    *, slug: str, adopted: bool, reason: str, proof: Proof, by: User, at: datetime
) -> EarlyAdoption:
    """Let rules of a pack bind before the law applies; or propose that they no longer
    do. Signed.

    Raises `NotAllowed`, `WrongState`, `records.Refused`, `signatures.NotSigned`.
    """
    _require_publisher(slug, by)
    rows = EarlyAdoption.objects.filter(slug=slug)
    standing = rows.filter(proposed=False).first()
    if not adopted and not (standing and standing.adopted):
        raise WrongState(_("This pack is not adopted early."))
    row = EarlyAdoption(
        slug=slug,
        adopted=adopted,
        proposed=not adopted,
        reason=required(reason),
        decided_by=by,
        decided_at=at,
        sequence=rows.count() + 1,
    )
    template = (
        _("I, %(name)s, adopt %(pack)s before its law applies. %(reason)s")
        if adopted
        else _("I, %(name)s, propose that %(pack)s binds as its law says. %(reason)s")
    )
    values = {"name": by.printed_name, "pack": slug, "reason": row.reason}
    _sign(row, template % values, Role.POLICY_APPROVER, proof)
    return row


@signatures.signed_act
def confirm(*, proposal: Decision, proof: Proof, by: User, at: datetime) -> Decision:
    """Sign, as a second person of the second line, what another proposed: it counts.

    An end of the meantime becomes one of now. Raises `NotAllowed`, `SamePerson`,
    `WrongState`, `signatures.NotSigned`.
    """
    roles.require(by, RIGHT)
    roles.require_person(by)
    _lock(proposal.slug)
    last = next((row for row in waiting(proposal.slug) if row == proposal), None)
    if last is None:
        raise WrongState(_("This proposal no longer waits for a second person."))
    if same_person(last.decided_by, by) == Same.YES:
        raise SamePerson(
            _("%(name)s proposed this; somebody else of the second line confirms it.")
            % {"name": last.decided_by.printed_name}
        )
    row, what = _confirming(last, by, at)
    text = _(
        "I, %(name)s, confirm what %(other)s proposed: the policy pack %(pack)s "
        "%(what)s. %(reason)s"
    ) % {
        "name": by.printed_name,
        "other": last.decided_by.printed_name,
        "pack": last.slug,
        "what": what,
        "reason": last.reason,
    }
    role = next(role for role in SECOND_LINE if role in roles.roles_of(by))
    _sign(row, text, role, proof)
    return row


def _confirming(last: Decision, by: User, at: datetime) -> tuple[Decision, str]:
    """The row that confirms a proposal, and what it decides, in words."""
    facts: dict[str, Any] = {
        "slug": last.slug,
        "reason": last.reason,
        "decided_by": by,
        "decided_at": at,
        "sequence": last.sequence + 1,
    }
    if isinstance(last, PackEnd):
        row = PackEnd(ends_at=max(last.ends_at or at, at), confirms=last, **facts)
        return row, _("ends: %(day)s") % {"day": _day(row.ends_at)}
    adoption = EarlyAdoption(adopted=last.adopted, confirms=last, **facts)
    return adoption, _("binds as its law says")


def waiting(slug: str) -> list[Decision]:
    """The proposals about a pack that wait for a second person."""
    last = (
        PackEnd.objects.filter(slug=slug).first(),
        EarlyAdoption.objects.filter(slug=slug).first(),
    )
    return [row for row in last if row is not None and row.proposed]


def _require_publisher(slug: str, by: User) -> None:
    roles.require(by, "publish policy")
    roles.require_person(by)
    _lock(slug)


def _lock(slug: str) -> None:
    """Lock a pack's versions, so that one decides after the other."""
    if not list(PolicyPack.objects.select_for_update().filter(slug=slug)):
        raise records.Refused({"slug": [_("No pack of this name is published.")]})


def _day(ends_at: datetime | None) -> str:
    return ends_at.isoformat() if ends_at else _("no end")


def _sign(row: Decision, text: str, role: Role, proof: Proof) -> None:
    """Sign and store it; a proposal is told to those who can confirm it."""
    signatures.sign_record(
        record_type=row._meta.model_name or "",
        record_id=row.pk,
        subject_sha256=sha256_of_json({"id": str(row.pk), "statement": text}),
        statement=text,
        role=role,
        meaning="approval",
        proof=proof,
        by=row.decided_by,
        at=row.decided_at,
    )
    row.save(force_insert=True)
    if row.proposed:
        tell(
            to=SECOND_LINE,
            subject=gettext_lazy("A decision on policy waits for a second person"),
            text=gettext_lazy("%(name)s proposes about %(pack)s: %(reason)s"),
            values={
                "name": row.decided_by.printed_name,
                "pack": row.slug,
                "reason": row.reason,
            },
            link=f"/policy/packs/{row.slug}/decide",
            about=row,
            kind="policy-proposal",
            at=row.decided_at,
        )
