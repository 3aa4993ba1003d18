"""Approvals and what stops them, as Entity Management."""

from governance.models import (
    ApprovalRequest,
    Authorisation,
    AuthorisationChange,
    PermitRevocation,
    RecordSignature,
    Signature,
    Waiver,
    WaiverDecision,
    WaiverRevocation,
    Withdrawal,
)
from governance.siem.event import Activity, Json, Place, Severity, changed

_REQUEST, _AUTHORISATION = "approval request", "authorisation"
_WAIVER, _PERMIT = "waiver", "permit"
_STATES = {
    "active": Activity.RESUME,
    "suspended": Activity.SUSPEND,
    "revoked": Activity.DEACTIVATE,
    "superseded": Activity.DEACTIVATE,
}


def _about(row: ApprovalRequest | Authorisation) -> str:
    version = row.version
    return f"{version.model.slug} {version.version} for {row.environment.slug}"


def of_request(place: Place, row: ApprovalRequest) -> Json:
    """An approval was asked for."""
    return changed(
        place,
        activity=Activity.CREATE,
        at=row.requested_at,
        by=row.requested_by,
        kind=_REQUEST,
        uid=row.pk,
        name=_about(row),
        comment=row.comment,
        unmapped={"subject_sha256": row.subject_sha256},
    )


def of_withdrawal(place: Place, row: Withdrawal) -> Json:
    """A request was taken back, or returned."""
    return changed(
        place,
        activity=Activity.DELETE,
        at=row.withdrawn_at,
        by=row.withdrawn_by,
        kind=_REQUEST,
        uid=row.request_id,
        name=_about(row.request),
        comment=row.reason,
    )


def of_signature(place: Place, row: Signature) -> Json:
    """Somebody reviewed, approved or rejected."""
    rejected = row.meaning == Signature.Meaning.REJECTION
    return changed(
        place,
        activity=Activity.UPDATE,
        at=row.signed_at,
        by=row.signed_by,
        kind=_REQUEST,
        uid=row.request_id,
        name=_about(row.request),
        comment=row.comment,
        severity=Severity.LOW if rejected else Severity.INFORMATIONAL,
        unmapped=_signed(row),
    )


def of_record_signature(place: Place, row: RecordSignature) -> Json:
    """Somebody signed a record that is no approval request."""
    return changed(
        place,
        activity=Activity.UPDATE,
        at=row.signed_at,
        by=row.signed_by,
        kind=row.record_type,
        uid=row.record_id,
        name=row.record_type,
        comment=row.comment,
        unmapped=_signed(row),
    )


def _signed(row: Signature | RecordSignature) -> Json:
    return {
        "signature_id": str(row.pk),
        "meaning": row.meaning,
        "role": row.role,
        "method": row.method,
        "record_sha256": row.record_sha256,
    }


def of_authorisation(place: Place, row: Authorisation) -> Json:
    """The last signature was given: the version is authorised."""
    return changed(
        place,
        activity=Activity.ACTIVATE,
        at=row.valid_from,
        by=None,
        kind=_AUTHORISATION,
        uid=row.pk,
        name=_about(row),
        unmapped={
            "artifact_sha256": row.artifact_sha256,
            "valid_until": row.valid_until.isoformat(),
        },
    )


def of_change(place: Place, row: AuthorisationChange) -> Json:
    """An authorisation was suspended, reinstated, revoked or superseded."""
    stops = row.state in ("suspended", "revoked")
    return changed(
        place,
        activity=_STATES[row.state],
        at=row.changed_at,
        by=row.changed_by,
        kind=_AUTHORISATION,
        uid=row.authorisation_id,
        name=_about(row.authorisation),
        comment=row.reason,
        severity=Severity.MEDIUM if stops else Severity.INFORMATIONAL,
        unmapped={"state": row.state},
    )


def of_waiver(place: Place, row: Waiver) -> Json:
    """A waiver was asked for."""
    return changed(
        place,
        activity=Activity.CREATE,
        at=row.requested_at,
        by=row.requested_by,
        kind=_WAIVER,
        uid=row.pk,
        name=_waiving(row),
        comment=row.reason,
        severity=Severity.LOW,
    )


def _waiving(waiver: Waiver) -> str:
    return f"{waiver.model.slug}: {', '.join(waiver.rules)}"


def of_waiver_decision(place: Place, row: WaiverDecision) -> Json:
    """A waiver was granted or refused."""
    return changed(
        place,
        activity=Activity.ACTIVATE if row.granted else Activity.DELETE,
        at=row.decided_at,
        by=row.decided_by,
        kind=_WAIVER,
        uid=row.waiver_id,
        name=_waiving(row.waiver),
        comment=row.reason,
        severity=Severity.MEDIUM if row.granted else Severity.INFORMATIONAL,
    )


def of_waiver_revocation(place: Place, row: WaiverRevocation) -> Json:
    """A waiver was taken back."""
    return changed(
        place,
        activity=Activity.DEACTIVATE,
        at=row.revoked_at,
        by=row.revoked_by,
        kind=_WAIVER,
        uid=row.waiver_id,
        name=_waiving(row.waiver),
        comment=row.reason,
    )


def of_permit_revocation(place: Place, row: PermitRevocation) -> Json:
    """A permit was taken back."""
    return changed(
        place,
        activity=Activity.DEACTIVATE,
        at=row.revoked_at,
        by=row.revoked_by,
        kind=_PERMIT,
        uid=row.permit_id,
        name=str(row.permit_id),
        comment=row.reason,
        severity=Severity.MEDIUM,
    )
