"""Events in the order of the log, from a cursor on; nothing is left out unsaid."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Model

from audits import tiles
from audits.models import Entry, Leaf
from governance import models as m
from governance.siem import access, approvals, decisions
from governance.siem.event import Json, Place
from registry.models import RoleAssignment

MOST_LEAVES = 1000  # of the log that one page looks at


@dataclass(frozen=True)
class Page:
    """Events, and where the next page begins: a number of leaves."""

    events: list[Json]
    after: int
    more: bool


@dataclass(frozen=True)
class _Source:
    model: type[Model]
    made: Callable[[Place, Any], Json | Iterator[Json]]
    related: tuple[str, ...] = ()


_REQUEST = ("request__version__model", "request__environment")
_SOURCES = (
    _Source(
        m.GateDecision,
        decisions.of_decision,
        ("version__model", "decided_for"),
    ),
    _Source(
        m.ApprovalRequest,
        approvals.of_request,
        ("version__model", "environment", "requested_by"),
    ),
    _Source(m.Withdrawal, approvals.of_withdrawal, (*_REQUEST, "withdrawn_by")),
    _Source(m.Signature, approvals.of_signature, (*_REQUEST, "signed_by")),
    _Source(m.RecordSignature, approvals.of_record_signature, ("signed_by",)),
    _Source(
        m.Authorisation, approvals.of_authorisation, ("version__model", "environment")
    ),
    _Source(
        m.AuthorisationChange,
        approvals.of_change,
        (
            "authorisation__version__model",
            "authorisation__environment",
            "changed_by",
        ),
    ),
    _Source(m.Waiver, approvals.of_waiver, ("model", "requested_by")),
    _Source(
        m.WaiverDecision, approvals.of_waiver_decision, ("waiver__model", "decided_by")
    ),
    _Source(
        m.WaiverRevocation,
        approvals.of_waiver_revocation,
        ("waiver__model", "revoked_by"),
    ),
    _Source(m.PermitRevocation, approvals.of_permit_revocation, ("revoked_by",)),
    _Source(RoleAssignment, access.of_role, ("user", "granted_by")),
)
_BY_TABLE = {
    f"public.{source.model._meta.db_table}": source  # noqa: SLF001
    for source in _SOURCES
}


def read(*, after: int, leaves: int = MOST_LEAVES) -> Page:
    """The events of the next `leaves` leaves after the first `after` ones.

    The same cursor gives the same events again, with the same ids. Raises
    `tiles.NotInLog` for an entry that was archived or lost: no gap goes unnoticed.
    """
    found = list(
        Leaf.objects.filter(leaf_index__gte=after).order_by("leaf_index")[: leaves + 1]
    )
    seen = found[:leaves]
    entries = Entry.objects.in_bulk([leaf.entry_id for leaf in seen])
    places = []
    for leaf in seen:
        if leaf.entry_id not in entries:
            raise tiles.missing_entry(leaf)
        places.append(Place(leaf, entries[leaf.entry_id]))
    rows = _rows(places)
    events = [one for place in places for one in _events(place, rows)]
    last = seen[-1].leaf_index + 1 if seen else after
    return Page(events, last, more=len(found) > leaves)


def _rows(places: Iterable[Place]) -> Mapping[tuple[str, str], Model]:
    """The rows that the entries are about, with what is told of them."""
    keys: dict[str, set[str]] = {}
    for place in places:
        if place.entry.rel in _BY_TABLE and place.entry.pk_text:
            keys.setdefault(place.entry.rel, set()).add(place.entry.pk_text)
    rows: dict[tuple[str, str], Model] = {}
    for table, wanted in keys.items():
        source = _BY_TABLE[table]
        manager = cast(Any, source.model).objects
        for row in manager.filter(pk__in=wanted).select_related(*source.related):
            rows[table, str(row.pk)] = row
    return rows


def _events(place: Place, rows: Mapping[tuple[str, str], Model]) -> Iterable[Json]:
    row = rows.get((place.entry.rel, place.entry.pk_text or ""))
    if row is None:
        return ()
    made = _BY_TABLE[place.entry.rel].made(place, row)
    return (made,) if isinstance(made, dict) else made
