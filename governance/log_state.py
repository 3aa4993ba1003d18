"""What pages and API say of the log beside its size: who keeps it, what is missing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audits import log
from audits.models import Checkpoint, Cosignature, Delivery, Export, TimeStamp
from audits.note import NoteMalformed, parse_signature


@dataclass(frozen=True)
class Keeper:
    """Somebody outside who keeps the log, and up to which size; `behind` in leaves."""

    kind: str
    name: str
    size: int
    behind: int
    at: datetime


def keepers(size: int) -> list[Keeper]:
    """The latest of what each witness, authority, store and recipient has."""
    kinds: list[tuple[str, QuerySet[Any], str, str]] = [
        (_("Witness"), Cosignature.objects.all(), "witness", "stamped_at"),
        (_("Time stamp"), TimeStamp.objects.all(), "authority", "stamped_at"),
        (_("Export"), Export.objects.all(), "destination", "exported_at"),
        (_("Delivery"), Delivery.objects.all(), "recipient", "delivered_at"),
    ]
    return [
        Keeper(
            kind=kind,
            name=str(getattr(row, who)),
            size=row.tree_size,
            behind=max(size - row.tree_size, 0),
            at=getattr(row, at),
        )
        for kind, rows, who, at in kinds
        for row in rows.order_by(who, "-tree_size", "-id").distinct(who)
    ]


def gaps(state: log.Status) -> list[str]:
    """What nothing protects now, in plain words; the last verification's own first."""
    found = list(state.verification.not_covered) if state.verification else []
    signed = state.checkpoint.tree_size if state.checkpoint else 0
    if state.size > signed:
        found.append(
            _("%(count)s entries are not under a signed checkpoint yet.")
            % {"count": state.size - signed}
        )
    kept = keepers(state.size)
    behind = min((keeper.behind for keeper in kept), default=0)
    if behind:
        found.append(
            _(
                "%(count)s entries are known to nobody outside yet: who holds the "
                "database and the signing key could still change them unnoticed."
            )
            % {"count": behind}
        )
    return found


def cosignature_lines(signed: Checkpoint) -> str:
    """The witnesses' lines under a checkpoint, as they follow its own signature.

    Each was verified when it came (tlog-witness); what is no line any more is left out.
    """
    rows = Cosignature.objects.filter(tree_size=signed.tree_size).order_by("witness")
    return "".join(f"{row.line.strip()}\n" for row in rows if _is_line(row))


def _is_line(row: Cosignature) -> bool:
    try:
        return parse_signature(row.line.strip())[0] == row.witness
    except NoteMalformed:
        return False
