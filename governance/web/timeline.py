"""Entries of the log for people: a filtered timeline, one object, one entry."""

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from audits import log
from audits.models import Entry, Verification
from governance import roles
from governance.web import kinds
from governance.web.frame import PersonRequest, page, show
from governance.web.log import word
from governance.web.log_filter import NEWEST, FilterForm, stretch
from governance.web.log_reading import SCHEMA, lines


@page
def timeline(request: PersonRequest) -> HttpResponse:
    """The entries that somebody asked for, newest first."""
    form = FilterForm(request.GET)
    found = form.wished() if form.is_valid() else Entry.objects.none()
    rows, more = stretch(request, found)
    return show(
        request,
        "log/timeline.html",
        {
            "form": form,
            "lines": lines(rows),
            "more": more,
            "says": word(Verification.objects.first(), timezone.now()),
            **_right(request),
        },
        section="log",
    )


@page
def object_page(request: PersonRequest, table: str, key: str) -> HttpResponse:
    """The history of one row, newest first, field by field."""
    found = log.entries_for(rel=SCHEMA + table, pk=key).order_by(*NEWEST)
    rows, more = stretch(request, found)
    if not rows:
        raise Http404(_("The log has no such entries."))
    return show(
        request,
        "log/object.html",
        {
            "table": table,
            "kind": kinds.kind(table),
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
            "name": proof_name(index),
            "command": f"python -m audits.offline {proof_name(index)} --key keys.json",
            **right,
        },
        section="log",
    )


def _right(request: PersonRequest) -> dict[str, bool]:
    return {"may_open": roles.may(request.user, "read log entries")}


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
