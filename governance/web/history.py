"""What happened to a model, newest first, from all the tables that say so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from audits.models import EvidenceReport
from governance.models import (
    ApprovalRequest,
    AuthorisationChange,
    FindingChange,
    PeriodicReview,
    RiskAssessment,
    Signature,
    StatusChange,
)
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from registry.models import Deployment, ModelVersion, RegisteredModel

PER_PAGE = 40
Key = tuple[datetime, UUID]


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
class _Source:
    """Rows of one table, the field of their time, and how one is told."""

    rows: QuerySet[Any]
    at: str
    tell: Callable[[Any], tuple[str, str, str, str]]

    def events(self, before: Key | None, most: int) -> Iterator[Event]:
        rows = self.rows
        if before is not None:
            at, pk = before
            older = Q(**{f"{self.at}__lt": at})
            rows = rows.filter(older | Q(**{self.at: at, "pk__lt": pk}))
        for row in rows.order_by(f"-{self.at}", "-pk")[:most]:
            yield Event(getattr(row, self.at), row.pk, *self.tell(row))


def events_of(
    model: RegisteredModel, *, most: int, before: Key | None = None
) -> list[Event]:
    """The newest events before a key: one query for each table."""
    found = [
        event
        for source in (*_of_versions(model), *_of_decisions(model), *_of_use(model))
        for event in source.events(before, most)
    ]
    return sorted(found, key=lambda e: (e.at, e.id), reverse=True)[:most]


def _of_versions(model: RegisteredModel) -> list[_Source]:
    return [
        _Source(
            ModelVersion.objects.filter(model=model).select_related(
                "model", "registered_by"
            ),
            "registered_at",
            lambda row: (
                _("version registered"),
                row.version,
                row.registered_by.printed_name,
                version_url(row),
            ),
        ),
        _Source(
            # The first status comes with the registration, which is told above.
            StatusChange.objects.filter(
                version__model=model, sequence__gt=1
            ).select_related("version__model", "moved_by"),
            "moved_at",
            lambda row: (
                str(row.get_status_display()),
                row.version.version,
                row.moved_by.printed_name,
                version_url(row.version),
            ),
        ),
        _Source(
            EvidenceReport.objects.filter(run__version__model=model)
            .select_related("run__version", "run__requested_by")
            .defer("document"),
            "reported_at",
            lambda row: (
                _("%(kind)s measured") % {"kind": row.run.get_kind_display()},
                row.run.version.version,
                row.run.requested_by.printed_name,
                reverse("web:evidence", args=[row.run_id]),
            ),
        ),
    ]


def _of_decisions(model: RegisteredModel) -> list[_Source]:
    return [
        _Source(
            RiskAssessment.objects.filter(model=model).select_related("assessed_by"),
            "assessed_at",
            lambda row: (
                _("risk assessed"),
                f"{row.get_band_display()} {row.score}",
                row.assessed_by.printed_name,
                reverse("web:tier", args=[model.slug]),
            ),
        ),
        _Source(
            ApprovalRequest.objects.filter(version__model=model).select_related(
                "version", "environment", "requested_by"
            ),
            "requested_at",
            lambda row: (
                _("submitted for %(place)s") % {"place": row.environment.name},
                row.version.version,
                row.requested_by.printed_name,
                reverse("web:approval", args=[row.pk]),
            ),
        ),
        _Source(
            Signature.objects.filter(request__version__model=model).select_related(
                "request__version"
            ),
            "signed_at",
            lambda row: (
                _("signed: %(meaning)s") % {"meaning": row.get_meaning_display()},
                row.request.version.version,
                row.printed_name,
                reverse("web:approval", args=[row.request_id]),
            ),
        ),
        _Source(
            FindingChange.objects.filter(finding__model=model).select_related(
                "finding", "changed_by"
            ),
            "changed_at",
            lambda row: (
                _("finding: %(state)s") % {"state": row.get_state_display()},
                row.finding.title,
                row.changed_by.printed_name,
                reverse("web:finding", args=[row.finding_id]),
            ),
        ),
        _Source(
            PeriodicReview.objects.filter(model=model).select_related("reviewed_by"),
            "reviewed_at",
            lambda row: (
                str(row.get_kind_display()),
                str(row.get_outcome_display()),
                row.reviewed_by.printed_name,
                reverse("web:reviews"),
            ),
        ),
    ]


def _of_use(model: RegisteredModel) -> list[_Source]:
    return [
        _Source(
            AuthorisationChange.objects.filter(
                authorisation__version__model=model
            ).select_related("authorisation__version__model", "changed_by"),
            "changed_at",
            lambda row: (
                _("authorisation: %(state)s") % {"state": row.get_state_display()},
                row.authorisation.version.version,
                row.changed_by.printed_name,
                version_url(row.authorisation.version),
            ),
        ),
        _Source(
            Deployment.objects.filter(version__model=model).select_related(
                "version__model", "environment", "reported_by"
            ),
            "reported_at",
            lambda row: (
                (
                    _("runs in %(place)s")
                    if row.authorised
                    else _("runs in %(place)s without a permit")
                )
                % {"place": row.environment.name},
                row.version.version,
                row.reported_by.printed_name,
                version_url(row.version),
            ),
        ),
    ]


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
