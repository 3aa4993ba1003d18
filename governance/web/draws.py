"""Draws of the fast lane: the list with its seeds, and the review of what was drawn."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import fast_lane, roles
from governance.models import Draw
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from governance.web.offers import (
    Line,
    Offer,
    Step,
    TextForm,
    form_for,
    record_page,
)

PER_PAGE = 25


class ReviewForm(TextForm):
    """Whether the approval was right, and what was looked at."""

    confirmed = forms.BooleanField(
        label=gettext_lazy("The approval is confirmed"), required=False
    )


def _rows() -> Any:
    return Draw.objects.select_related(
        "review__reviewed_by",
        "authorisation__request",
        "authorisation__version__model",
        "authorisation__environment",
    ).order_by("-drawn_at", "pk")


@page
def draws(request: PersonRequest) -> HttpResponse:
    """All draws, the newest first, with what is needed to compute them again."""
    rows = Paginator(_rows(), PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "exceptions/list.html",
        {
            "title": _("Draws of the fast lane"),
            "intro": _formula(),
            "columns": [_("Version"), _("Seed"), _("Share"), _("Drawn"), _("State")],
            "lines": [_line(row) for row in rows],
            "rows": rows,
            "empty": _(
                "Nothing was drawn yet. A pack that gives tier 4 a fast lane has some "
                "of its approvals drawn by lot and reviewed later."
            ),
        },
        section="approvals",
    )


def _formula() -> str:
    return _(
        "Anyone can compute a draw again: the first eight bytes of SHA-256 over "
        "“root hash, space, authorisation”, as a number, modulo 100, lie below the "
        "share. The root hash is that of the first checkpoint after the approval."
    )


def _line(row: Draw) -> Line:
    granted = row.authorisation
    state, sign = _state(row)
    return Line(
        reverse("web:draw", args=[row.pk]),
        str(granted.version),
        granted.environment.name,
        (
            f"{row.root_sha256[:12]}…",
            f"{row.percent} %",
            _("yes") if row.drawn else _("no"),
        ),
        state,
        sign,
    )


def _state(row: Draw) -> tuple[str, str]:
    """A word of the state, and its sign: yes, no or wait."""
    review = getattr(row, "review", None)
    if not row.drawn:
        return _("not drawn"), "yes"
    if review is not None:
        confirmed = (_("confirmed"), "yes")
        return confirmed if review.confirmed else (_("not confirmed"), "no")
    late = timezone.now() >= row.due_at
    return (_("review overdue"), "no") if late else (_("to be reviewed"), "wait")


@page
def draw(request: PersonRequest, draw_id: UUID) -> HttpResponse:
    """One draw with its seed; who did not sign or make it reviews it here."""
    row = get_object_or_404(_rows(), pk=draw_id)
    granted = row.authorisation
    state, sign = _state(row)
    context = {
        "title": _("Draw of %(what)s") % {"what": granted.version},
        "above": [
            (reverse("web:approvals"), _("Approvals")),
            (reverse("web:draws"), _("Draws of the fast lane")),
            (version_url(granted.version), str(granted.version)),
            (reverse("web:approval", args=[granted.request_id]), _("Approval")),
        ],
        "state": state,
        "sign": sign,
        "facts": [
            (_("Authorisation"), str(granted.pk)),
            (_("Root hash of the checkpoint"), row.root_sha256),
            (_("Size of the log there"), str(row.log_size)),
            (_("Share that is drawn, in %"), str(row.percent)),
            (_("Drawn"), _("yes") if row.drawn else _("no")),
            (_("To be reviewed until"), row.due_at if row.drawn else None),
            (_("How it is computed"), _formula()),
        ],
        "steps": list(_steps(row)),
    }
    return record_page(
        request,
        _offers(request, row),
        context,
        section="approvals",
        address=reverse("web:draw", args=[row.pk]),
    )


def _steps(row: Draw) -> list[Step]:
    found = [Step(_("Drawn by lot"), _("the installation"), row.drawn_at)]
    review = getattr(row, "review", None)
    if review is not None:
        word = _("Confirmed") if review.confirmed else _("Not confirmed")
        who = review.reviewed_by.printed_name
        found.append(Step(word, who, review.reviewed_at, review.reason))
    return found


def _offers(request: PersonRequest, row: Draw) -> list[Offer]:
    granted = row.authorisation
    may = roles.may(
        request.user,
        "sign",
        model=granted.version.model,
        environment=granted.environment,
    )
    if not may or not row.drawn or hasattr(row, "review"):
        return []

    def review(form: Any) -> object:
        return fast_lane.review(
            draw=row,
            confirmed=form.cleaned_data["confirmed"],
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        )

    form = form_for(request, "review", ReviewForm)
    return [Offer("review", _("Review it"), form, review)]
