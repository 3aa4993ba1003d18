"""What others attested of a version, as it stood at the moment of the dossier."""

from datetime import datetime

from audits.models import ForeignEvidence
from governance.dossier import content
from governance.evidence_types import title_of
from registry.models import ModelVersion


def foreign_of(version: ModelVersion, *, at: datetime) -> tuple[content.Foreign, ...]:
    """The attachments of a version, the oldest first."""
    rows = ForeignEvidence.objects.filter(version=version, attached_at__lte=at)
    return tuple(
        _foreign(row, at)
        for row in rows.select_related("artifact", "signer", "attached_by").order_by(
            "attached_at", "record_sha256"
        )
    )


def _foreign(row: ForeignEvidence, at: datetime) -> content.Foreign:
    signer = row.signer
    revoked = signer.revoked_at if signer else None
    return content.Foreign(
        attachment_id=str(row.pk),
        kind=row.kind,
        label=title_of(row.kind),
        title=row.title,
        outcome=str(row.get_outcome_display()),
        produced_by=row.produced_by,
        produced_on=row.produced_on,
        tool=row.tool,
        predicate_type=row.predicate_type,
        sha256=row.artifact.sha256,
        size=row.artifact.size,
        vouched_by=signer.name if signer else row.attached_by.printed_name,
        public_key=signer.public_key if signer else "",
        revoked_at=revoked if revoked and revoked <= at else None,
        statement=row.statement,
        record_sha256=row.record_sha256,
        attached_by=row.attached_by.printed_name,
        attached_at=row.attached_at,
    )
