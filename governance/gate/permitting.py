"""The permit of a case that passed: gathered, ended in time, signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from audits.models import Checkpoint
from governance import conditions, emergencies, permit
from governance.case import Case
from governance.models import EmergencyAuthorisation, Signature
from governance.policy import Check
from governance.waived import Ending, concerning

_MEANINGS = (Signature.Meaning.REVIEW, Signature.Meaning.APPROVAL)
_USE = ("purpose", "expected_use", "restrictions", "limitations")


@dataclass(frozen=True)
class Signed:
    """The three envelopes of one decision, as JSON text, and their end."""

    permit: str
    vsa: str
    svr: str
    expires_at: datetime


def signed(
    case: Case,
    *,
    at: datetime,
    decision_id: str,
    checks: Sequence[Check],
    broken: EmergencyAuthorisation | None,
    checkpoint: Checkpoint | None,
    key: permit.Newest,
    renewal_of: str = "",
) -> Signed:
    """Sign a permit of the approval, or of the emergency that stands in for it.

    The case may have been judged a moment before `at`. The permit ends with the
    approval, the first waiver in force, or after `FREIGABE_PERMIT_HOURS`. Part of an
    act; raises `permit.NoKey`.
    """
    granted = broken or case.authorisation
    assert granted is not None  # noqa: S101
    waivers = _waivers(case, checks, at)
    until = emergencies.ends_at(broken) if broken else granted.valid_until
    end = min(
        until,
        at + timedelta(hours=settings.FREIGABE_PERMIT_HOURS),
        *(item.ends_at for item in waivers),
    )
    model = case.version.model
    given = permit.Permitted(
        decision_id=decision_id,
        issuer=settings.FREIGABE_INSTANCE_URL,
        model=model.slug,
        version=case.version.version,
        version_sha256=case.version.sha256,
        artifact_sha256=granted.artifact_sha256,
        environment=case.environment.slug,
        tier=case.tier,
        issued_at=at,
        valid_from=granted.valid_from,
        valid_until=end,
        authorisation_id=str(granted.id),
        approvers=[
            str(s.signed_by_id) for s in case.signatures if s.meaning in _MEANINGS
        ],
        policies=case.pack_subjects,
        evidence={kind: report.sha256 for kind, report in case.reports.items()},
        attached=case.held.digests(),
        checks=[check.requirement for check in checks],
        use={name: getattr(model, name) for name in _USE},
        conditions=conditions.in_permit(case),
        waivers=[
            {
                "waiver_id": str(item.waiver.pk),
                "kind": str(item.waiver.kind),
                "rules": list(item.waiver.rules),
                "ends_at": item.ends_at.isoformat(),
            }
            for item in waivers
        ],
        break_glass=emergencies.in_permit(broken) if broken else None,
        renewal_of=renewal_of,
        checkpoint=checkpoint,
    )
    statements = (
        permit.approval(given),
        permit.verification_summary(given),
        permit.simple_result(given),
    )
    approval, vsa, svr = permit.sign(statements, at=at, newest=key)
    return Signed(approval, vsa, svr, end)


def _waivers(case: Case, checks: Sequence[Check], at: datetime) -> list[Ending]:
    """The waivers in force that concern a rule of these checks."""
    asked = {check.requirement for check in checks}
    found = concerning(case.around.waivers, case.version, case.environment)
    rows = [
        item
        for item in found
        if at < item.ends_at and asked.intersection(item.waiver.rules)
    ]
    return sorted(rows, key=lambda item: (item.ends_at, str(item.waiver.pk)))
