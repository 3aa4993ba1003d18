"""The log: what changed, by whom, and whether the record holds."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from audits import log
from audits.models import Entry, Leaf
from governance import roles
from governance.web.frame import PersonRequest, page, show
from registry.models import User

PER_PAGE = 40
SCHEMA = "public."


@dataclass(frozen=True)
class Line:
    """One entry of the timeline; `outside` where no act stands behind the change."""

    entry: Entry
    index: int | None
    who: str
    outside: bool
    via: str
    table: str
    operation: str
    fields: str


def _operation(op: str) -> str:
    return {
        "I": _("added"),
        "U": _("changed"),
        "D": _("deleted"),
        "S": _("log set up"),
        "C": _("structure changed"),
        "K": _("key changed"),
    }[op]


@page
def timeline(request: PersonRequest) -> HttpResponse:
    """The newest entries first, and the state of the whole log."""
    entries = Entry.objects.order_by("-entry_id")
    outside = "outside" in request.GET
    if outside:
        entries = entries.filter(actor=None)
    rows = Paginator(entries, PER_PAGE).get_page(request.GET.get("page"))
    state = log.status(at=timezone.now())
    return show(
        request,
        "log/timeline.html",
        {
            "log": state,
            "verification": state.verification,
            "rows": rows,
            "lines": _lines(rows),
            "outside": outside,
            "may_open": roles.may(request.user, "read log entries"),
        },
        section="log",
    )


@page
def entry_page(request: PersonRequest, index: int) -> HttpResponse:
    """One entry with the proof that it is in the signed tree."""
    try:
        logged = log.entry(index=index)
    except log.NotInLog as error:
        raise Http404(str(error)) from error
    signed = log.latest_checkpoint()
    proof = None
    if signed is not None and index < signed.tree_size:
        proof = log.inclusion(index=index, size=signed.tree_size)
    readable = roles.may(request.user, "read log entries")
    body = json.loads(logged.entry.body)
    return show(
        request,
        "log/entry.html",
        {
            "line": _lines([logged.entry])[0],
            "index": index,
            "leaf_hash": logged.leaf_hash.hex(),
            "proof": proof,
            "root": proof.root.hex() if proof else "",
            "signed": signed,
            "changes": _changes(body) if readable else [],
            "body": logged.entry.body if readable else "",
            "reason": (body.get("ctx") or {}).get("reason", ""),
        },
        section="log",
    )


def _lines(entries: Iterable[Entry]) -> list[Line]:
    """Entries with the names of the people behind them, in two queries."""
    found = list(entries)
    leaves = {
        leaf.entry_id: leaf.leaf_index
        for leaf in Leaf.objects.filter(entry_id__in=[e.entry_id for e in found])
    }
    keys = [key for key in map(_person_key, found) if key is not None]
    people = User.objects.in_bulk(keys)
    return [_line(entry, leaves.get(entry.entry_id), people) for entry in found]


def _person_key(entry: Entry) -> UUID | None:
    try:
        return UUID(entry.actor or "")
    except ValueError:
        return None


def _line(entry: Entry, index: int | None, people: dict[UUID, User]) -> Line:
    body = json.loads(entry.body)
    person = people.get(_person_key(entry) or UUID(int=0))
    who = person.printed_name if person else entry.actor
    return Line(
        entry=entry,
        index=index,
        who=who or f"db:{body.get('role', '?')}",
        outside=entry.actor is None,
        via=(body.get("ctx") or {}).get("via", ""),
        table=entry.rel.removeprefix(SCHEMA),
        operation=_operation(entry.op),
        fields=", ".join(sorted(body.get("old") or ())) if entry.op == "U" else "",
    )


def _changes(body: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Fields with their values before and after."""
    old, new = body.get("old") or {}, body.get("new") or {}
    names = old if body.get("op") == "U" else {**old, **new}
    return [(name, old.get(name), new.get(name)) for name in names]
