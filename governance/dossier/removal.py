"""Removing the files of dossiers that nobody must keep any longer."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from audits import keeping
from governance.models import Dossier
from registry.acts import act
from registry.models import User

REL = "public.governance_dossier"
# What of a row says more than that the dossier was made.
_CONTENT = ("document", "disclosure", "seed", "pdf_name", "bundle_name")


@act
def remove_next(*, by: User, at: datetime) -> bool:
    """Remove the files of the oldest dossier whose time is over; False: none is.

    The longest retention rule decides, as for the log, from the day on which the
    dossier ended; a legal hold on it, on the table or on everything keeps it. The row
    stays with its digests, so that the public page still knows the dossier. Without
    any rule nothing goes.
    """
    keeping.lock_holds()
    holds = keeping.standing_holds().filter(Q(rel="") | Q(rel=REL))
    if not keeping.rules_in_force() or holds.filter(pk_text="").exists():
        return False
    day = keeping.add_months(at.astimezone(UTC).date(), -keeping.longest().months)
    until = datetime(day.year, day.month, day.day, tzinfo=UTC)
    row = (
        Dossier.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(removed_at=None, ended_at__lt=until)
        .exclude(pk__in=_keys(holds.values_list("pk_text", flat=True)))
        .order_by("ended_at", "id")
        .first()
    )
    if row is None:
        return False
    names = [name for name in (row.pdf_name, row.bundle_name) if name]
    row.removed_at = at
    for name in _CONTENT:
        setattr(row, name, "")
    row.save(update_fields=["removed_at", *_CONTENT])

    def delete() -> None:
        for name in names:
            default_storage.delete(name)

    transaction.on_commit(delete)
    return True


def _keys(texts: Iterable[str]) -> list[UUID]:
    """The ids that holds name; a hold takes any text, and such holds no dossier."""
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(UUID(text))
    return found
