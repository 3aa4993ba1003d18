"""What pages and API say of the log beside its size: who keeps it, what is missing."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audits import log
from audits.models import Cosignature, Delivery, Export, TimeStamp
from audits.outside.coverage import not_protected

_NUMBER = re.compile(r"\d+")


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
    """What nothing protects now, in plain words, then what the last check left out.

    A sentence of the last check that differs only in its numbers from one that is true
    now is not repeated.
    """
    found = not_protected()
    signed = state.checkpoint.tree_size if state.checkpoint else 0
    if state.size > signed:
        found.append(
            f"{state.size - signed} leaves are not yet in a signed checkpoint."
        )
    said = {_NUMBER.sub("", sentence) for sentence in found}
    told = state.verification.not_covered if state.verification else []
    return found + [line for line in told if _NUMBER.sub("", line) not in said]
