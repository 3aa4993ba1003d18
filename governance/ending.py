"""The end of a pack, and its law adopted early: signed decisions on what binds."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import records, roles, signatures
from governance.models import EarlyAdoption, PackEnd, PolicyPack
from governance.publishing import WrongState, required
from governance.signatures import Proof
from registry.digests import sha256_of_json
from registry.models import Role, User


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
    """Publish, signed, when a pack ends; None takes an end back that lies ahead.

    Raises `NotAllowed`, `WrongState`, `records.Refused`, `signatures.NotSigned`.
    """
    roles.require(by, "publish policy")
    roles.require_person(by)
    _require_pack(slug)
    if ends_at is not None and ends_at < at:
        raise records.Refused({"ends_at": [_("The end must not lie in the past.")]})
    last = PackEnd.objects.filter(slug=slug).order_by("-sequence").first()
    if ends_at is None and (last is None or last.ends_at is None or last.ends_at <= at):
        raise WrongState(_("This pack has no end that lies ahead."))
    row = PackEnd(
        slug=slug,
        ends_at=ends_at,
        reason=required(reason),
        decided_by=by,
        decided_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    text = _("I, %(name)s, let the policy pack %(pack)s end: %(day)s. %(reason)s") % {
        "name": by.printed_name,
        "pack": slug,
        "day": ends_at.isoformat() if ends_at else _("no end"),
        "reason": row.reason,
    }
    _sign_fact("packend", row, text, proof, by, at)
    row.save(force_insert=True)
    return row


@signatures.signed_act
def adopt_early(
    *, slug: str, adopted: bool, reason: str, proof: Proof, by: User, at: datetime
) -> EarlyAdoption:
    """Let rules of a pack bind before the law applies, or no longer; signed.

    Raises `NotAllowed`, `records.Refused`, `signatures.NotSigned`.
    """
    roles.require(by, "publish policy")
    roles.require_person(by)
    _require_pack(slug)
    last = EarlyAdoption.objects.filter(slug=slug).order_by("-sequence").first()
    row = EarlyAdoption(
        slug=slug,
        adopted=adopted,
        reason=required(reason),
        decided_by=by,
        decided_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    template = (
        _("I, %(name)s, adopt %(pack)s before its law applies. %(reason)s")
        if adopted
        else _("I, %(name)s, let %(pack)s bind as its law says. %(reason)s")
    )
    values = {"name": by.printed_name, "pack": slug, "reason": row.reason}
    _sign_fact("earlyadoption", row, template % values, proof, by, at)
    row.save(force_insert=True)
    return row


def _sign_fact(
    kind: str,
    row: PackEnd | EarlyAdoption,
    text: str,
    proof: Proof,
    by: User,
    at: datetime,
) -> None:
    signatures.sign_record(
        record_type=kind,
        record_id=row.pk,
        subject_sha256=sha256_of_json({"id": str(row.pk), "statement": text}),
        statement=text,
        role=Role.POLICY_APPROVER,
        meaning="approval",
        proof=proof,
        by=by,
        at=at,
    )


def _require_pack(slug: str) -> None:
    if not PolicyPack.objects.filter(slug=slug).exists():
        raise records.Refused({"slug": [_("No pack of this name is published.")]})
