"""The signatures on any record, as a dossier prints them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from governance import signatures
from governance.dossier.verdicts import Signed
from governance.models import RecordSignature
from registry.models import Role


def signed_records(
    record_type: str, keys: Iterable[UUID], at: datetime
) -> tuple[Signed, ...]:
    """The signatures by then on records of one kind, the oldest first."""
    rows = RecordSignature.objects.filter(
        record_type=record_type, record_id__in=keys, signed_at__lte=at
    )
    return tuple(
        Signed(
            id=str(row.pk),
            printed_name=row.printed_name,
            role=str(Role(row.role).label),
            line=Role(row.role).line,
            meaning=str(RecordSignature.Meaning(row.meaning).label),
            method=row.method,
            signed_at=row.signed_at,
            statement=row.statement,
            comment=row.comment,
            record_sha256=row.record_sha256,
            holds=signatures.holds(row),
        )
        for row in rows.order_by("signed_at", "id")
    )
