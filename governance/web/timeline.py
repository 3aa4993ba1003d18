"""Entries of the log for people: a filtered timeline, one object, one entry."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits import capture, history, log
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
    change: history.Change
    index: int | None
    who: str
    outside: bool
    table: str
    operation: str
    fields: str


class FilterForm(forms.Form):
    """What somebody wants to see of the timeline; empty means everything."""

    table = forms.ChoiceField(label=gettext_lazy("Table"), required=False)
    actor = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=150)
    begin = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    end = forms.DateField(
        label=gettext_lazy("To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    outside = forms.BooleanField(
        label=gettext_lazy("Outside the application only"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [table.table for table in capture.governed_tables()]
        choices = [("", _("all")), *((name, name) for name in names)]
        self.fields["table"].choices = choices  # type: ignore[attr-defined]

    def wished(self) -> QuerySet[Entry]:
        """The entries asked for, newest first; a day ends at midnight UTC."""
        found = Entry.objects.order_by("-entry_id")
        data = self.cleaned_data
        if data.get("table"):
            found = found.filter(rel=SCHEMA + data["table"])
        if data.get("actor"):
            found = found.filter(actor__in=_actors(data["actor"]))
        if data.get("outside"):
            found = found.filter(actor=None)
        if data.get("begin"):
            found = found.filter(occurred_at__gte=_moment(data["begin"], time.min))
        if data.get("end"):
            found = found.filter(occurred_at__lte=_moment(data["end"], time.max))
        return found


def _moment(day: Any, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


def _actors(name: str) -> list[str]:
    """How the person of this user name, or this program, stands in entries."""
    people = User.objects.filter(username__iexact=name.strip())
    return [name.strip(), *(str(key) for key in people.values_list("pk", flat=True))]


@page
def timeline(request: PersonRequest) -> HttpResponse:
    """The entries that somebody asked for, newest first."""
    form = FilterForm(request.GET)
    found = form.wished() if form.is_valid() else Entry.objects.none()
    rows, more = _stretch(request, found)
    return show(
        request,
        "log/timeline.html",
        {"form": form, "lines": lines(rows), "more": more, **_right(request)},
        section="log",
    )


@page
def object_page(request: PersonRequest, table: str, key: str) -> HttpResponse:
    """The history of one row, newest first, field by field."""
    found = log.entries_for(rel=SCHEMA + table, pk=key).order_by("-entry_id")
    rows, more = _stretch(request, found)
    if not rows:
        raise Http404(_("The log has no such entries."))
    return show(
        request,
        "log/object.html",
        {
            "table": table,
            "key": key,
            "lines": lines(rows),
            "more": more,
            **_right(request),
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
    right = _right(request)
    return show(
        request,
        "log/entry.html",
        {
            "line": lines([logged.entry])[0],
            "index": index,
            "leaf_hash": logged.leaf_hash.hex(),
            "proof": proof,
            "root": proof.root.hex() if proof else "",
            "signed": signed,
            "body": logged.entry.body if right["may_open"] else "",
            "command": f"python -m audits.offline {proof_name(index)} --key keys.json",
            **right,
        },
        section="log",
    )


def lines(entries: Iterable[Entry]) -> list[Line]:
    """Entries with the names of the people behind them, in three queries."""
    found = history.read(entries)
    ids = [change.entry.entry_id for change in found]
    leaves = dict(
        Leaf.objects.filter(entry_id__in=ids).values_list("entry_id", "leaf_index")
    )
    keys = [key for key in (_person_key(change.entry) for change in found) if key]
    people = User.objects.in_bulk(keys)
    return [
        _line(change, leaves.get(change.entry.entry_id), people) for change in found
    ]


def _stretch(request: PersonRequest, found: QuerySet[Entry]) -> tuple[list[Entry], str]:
    """One page of entries, and the query of the next; counting them would be slow."""
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(entry_id__lt=int(before))
    rows = list(found[: PER_PAGE + 1])
    if len(rows) <= PER_PAGE:
        return rows, ""
    query = {k: v for k, v in request.GET.items() if k != "before" and v}
    return rows[:PER_PAGE], urlencode(query | {"before": rows[PER_PAGE - 1].entry_id})


def _right(request: PersonRequest) -> dict[str, bool]:
    return {"may_open": roles.may(request.user, "read log entries")}


def _person_key(entry: Entry) -> UUID | None:
    try:
        return UUID(entry.actor or "")
    except ValueError:
        return None


def _line(change: history.Change, index: int | None, people: dict[UUID, User]) -> Line:
    entry = change.entry
    person = people.get(_person_key(entry) or UUID(int=0))
    names = sorted(difference.field for difference in change.differences)
    return Line(
        entry=entry,
        change=change,
        index=index,
        who=(person.printed_name if person else entry.actor) or f"db:{change.role}",
        outside=entry.actor is None,
        table=entry.rel.removeprefix(SCHEMA),
        operation=_operation(change),
        fields=", ".join(names) if entry.op == "U" else "",
    )


def _operation(change: history.Change) -> str:
    events = {
        "governed": _("put under capture"),
        "governed again": _("put under capture anew"),
        "openings erased": _("personal values erased"),
    }
    operations = {
        "I": _("added"),
        "U": _("changed"),
        "D": _("deleted"),
        "S": _("log set up"),
        "C": _("structure changed"),
        "K": _("key changed"),
    }
    return events.get(change.event) or operations[change.entry.op]


@page
def proof(request: PersonRequest, index: int) -> HttpResponse:
    """The entry's proof as a file (C2SP tlog-proof), for auditors."""
    roles.require(request.user, "read log entries")
    try:
        content = log.proof_file(index=index)
    except (log.NotInLog, log.NotYetSigned) as error:
        raise Http404(str(error)) from error
    reply = HttpResponse(content, content_type="text/plain; charset=utf-8")
    disposition = f'attachment; filename="{proof_name(index)}"'
    reply.headers["Content-Disposition"] = disposition
    return reply


def proof_name(index: int) -> str:
    """The name of the file in which somebody keeps an entry's proof."""
    return f"entry-{index}.tlog-proof"
