"""What happened to a model, newest first, from all the tables that say so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from audits.models import EvidenceRun
from governance.models import (
    AuthorisationChange,
    FindingChange,
    PeriodicReview,
    RiskAssessment,
    Signature,
    StatusChange,
)
from governance.web.frame import PersonRequest, page, show
from registry.models import RegisteredModel

PER_PAGE = 40
Key = tuple[datetime, UUID]
# Before it is everything: PostgreSQL knows it, `datetime` does not.
_NOW: Any = ("infinity", UUID(int=0))
_STATEMENT = Path(__file__).with_name("history.sql").read_text("utf-8")


@dataclass(frozen=True)
class Event:
    """One thing that happened: when, what, by whom, and where it is told in full."""

    at: datetime
    id: UUID
    what: str
    about: str
    who: str
    href: str

    @property
    def key(self) -> str:
        """What the next page begins after."""
        return f"{self.at.isoformat()}_{self.id}"


@dataclass(frozen=True)
class _Told:
    """What the database tells of an event, in the words of its table."""

    kind: str
    at: datetime
    id: UUID
    what: str
    about: str
    place: str
    who: str


def events_of(
    model: RegisteredModel, *, most: int, before: Key | None = None
) -> list[Event]:
    """The newest events before a key, in one query."""
    at, pk = before or _NOW
    values = {"model": model.pk, "most": most, "at": at, "id": pk}
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        rows = [_Told(*row) for row in cursor.fetchall()]
    return [
        Event(row.at, row.id, *_IN_WORDS[row.kind](row), row.who, _href(row, model))
        for row in rows
    ]


def _label(of: type[Model], name: str, value: str) -> str:
    """The word for a value of a field with choices."""
    field: Any = of._meta.get_field(name)
    return str(dict(field.flatchoices).get(value, value))


# By its kind, what happened and about what.
_IN_WORDS: Mapping[str, Callable[[_Told], tuple[str, str]]] = {
    "registered": lambda row: (_("version registered"), row.about),
    "moved": lambda row: (_label(StatusChange, "status", row.what), row.about),
    "measured": lambda row: (
        _("%(kind)s measured") % {"kind": _label(EvidenceRun, "kind", row.what)},
        row.about,
    ),
    "assessed": lambda row: (
        _("risk assessed"),
        f"{_label(RiskAssessment, 'band', row.what)} {row.about}",
    ),
    "submitted": lambda row: (
        _("submitted for %(place)s") % {"place": row.what},
        row.about,
    ),
    "signed": lambda row: (
        _("signed: %(meaning)s") % {"meaning": _label(Signature, "meaning", row.what)},
        row.about,
    ),
    "finding": lambda row: (
        _("finding: %(state)s") % {"state": _label(FindingChange, "state", row.what)},
        row.about,
    ),
    "reviewed": lambda row: (
        _label(PeriodicReview, "kind", row.what),
        _label(PeriodicReview, "outcome", row.about),
    ),
    "authorisation": lambda row: (
        _("authorisation: %(state)s")
        % {"state": _label(AuthorisationChange, "state", row.what)},
        row.about,
    ),
    "runs": lambda row: (_("runs in %(place)s") % {"place": row.what}, row.about),
    "stray": lambda row: (
        _("runs in %(place)s without a permit") % {"place": row.what},
        row.about,
    ),
}
_PAGES = {
    "measured": "web:evidence",
    "submitted": "web:approval",
    "signed": "web:approval",
    "finding": "web:finding",
}


def _href(row: _Told, model: RegisteredModel) -> str:
    """The page that tells an event in full; of most it is the version's."""
    if row.kind == "assessed":
        return reverse("web:tier", args=[model.slug])
    if row.kind == "reviewed":
        return reverse("web:reviews")
    if row.kind in _PAGES:
        return reverse(_PAGES[row.kind], args=[row.place])
    return reverse("web:version", args=[model.slug, row.place])


@page
def history_page(request: PersonRequest, slug: str) -> HttpResponse:
    """The history of one model, a page at a time."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    before = _key(request.GET.get("before", ""))
    found = events_of(model, most=PER_PAGE + 1, before=before)
    more = found[PER_PAGE - 1].key if len(found) > PER_PAGE else ""
    return show(
        request,
        "inventory/history.html",
        {"model": model, "events": found[:PER_PAGE], "more": more},
        section="models",
    )


def _key(text: str) -> Key | None:
    """Where a page begins; what is no key begins at the newest."""
    moment, _line, name = text.partition("_")
    try:
        at, pk = parse_datetime(moment), UUID(name)
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else (at, pk)
