"""What each person of an emergency signs."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance import roles, signatures
from governance.emergencies.terms import RECORD
from governance.models import Emergency, RecordSignature
from registry.models import Role, User


def sign(
    emergency: Emergency,
    what: str,
    meaning: RecordSignature.Meaning,
    proof: signatures.Proof,
    by: User,
    at: datetime,
    *,
    comment: str = "",
) -> None:
    """Sign one step of an emergency. Raises `WrongPassword`, `LockedOut`."""
    held = roles.roles_of(by)
    role = next(iter(sorted(held & roles.RIGHTS[_RIGHT[what]])), Role.OPERATOR)
    signatures.sign_record(
        record_type=RECORD,
        record_id=emergency.pk,
        subject_sha256=emergency.subject_sha256,
        statement=statement(emergency, what, by=by, role=role),
        role=role,
        meaning=meaning,
        comment=comment,
        proof=proof,
        by=by,
        at=at,
    )


_RIGHT = {
    gettext_noop("break the glass"): "break the glass",
    gettext_noop("confirm the emergency"): "confirm an emergency",
    gettext_noop("extend the emergency"): "extend an emergency",
    gettext_noop("have reviewed the emergency"): "review an emergency",
}


def statement(emergency: Emergency, what: str, *, by: User, role: Role) -> str:
    """The sentence that each person of an emergency signs."""
    return _(
        "I, %(name)s, acting as %(role)s, %(what)s %(incident)s: %(version)s (SHA-256 "
        "%(digest)s) in %(place)s until %(end)s although it is not approved there, "
        "bound by the record %(subject)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "what": _(what),
        "incident": emergency.incident,
        "version": emergency.version,
        "digest": emergency.artifact_sha256,
        "place": emergency.environment.name,
        "end": emergency.expected_end.strftime("%Y-%m-%d %H:%M UTC"),
        "subject": emergency.subject_sha256,
    }
