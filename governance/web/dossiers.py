"""Dossiers: asking for one, watching it, downloading the PDF."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from governance import nudge
from governance.dossier.exports import kept
from governance.dossier.request import CannotBuild, request_dossier
from governance.dossier.request import split as split_dossier
from governance.models import Dossier
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.versions import find_version

PER_PAGE = 25
OPEN = (Dossier.State.PENDING, Dossier.State.RUNNING)


class DossierForm(forms.Form):
    """In which language, and as of when."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=settings.LANGUAGES
    )
    as_of = forms.DateTimeField(
        label=gettext_lazy("As of (UTC)"),
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
        help_text=gettext_lazy("Empty means now."),
    )


@page
def ask(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Ask for the dossier of a version."""
    row = find_version(slug, version)
    form = DossierForm(request.POST or None, initial={"language": get_language()})
    if request.method == "POST" and form.is_valid():
        try:
            dossier = request_dossier(
                version=row,
                language=form.cleaned_data["language"],
                as_of=form.cleaned_data["as_of"],
                by=request.user,
                at=timezone.now(),
            )
            nudge.nudge(nudge.DOSSIERS)
            return redirect("web:dossier", dossier.pk)
        except CannotBuild as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    return show(
        request,
        "dossiers/ask.html",
        {"form": form, "version": row, "model": row.model},
        section="dossiers",
    )


@page
def dossiers(request: PersonRequest) -> HttpResponse:
    """All dossiers, newest first."""
    rows = Dossier.objects.select_related("version__model", "requested_by").defer(
        "document"
    )
    return show(
        request,
        "dossiers/list.html",
        {"rows": Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))},
        section="dossiers",
    )


def _find(dossier_id: UUID) -> Dossier:
    rows = Dossier.objects.select_related(
        "version__model", "requested_by", "schedule"
    ).prefetch_related("mails__person")
    return get_object_or_404(rows, pk=dossier_id)


@page
def dossier_page(request: PersonRequest, dossier_id: UUID) -> HttpResponse:
    """How far a dossier is, and where to download it."""
    row = _find(dossier_id)
    return show(
        request,
        "dossiers/dossier.html",
        {"dossier": row, "open": row.state in OPEN, "exports": kept.listed(row)},
        section="dossiers",
    )


@page
def split(request: PersonRequest, dossier_id: UUID) -> HttpResponse:
    """Ask for one that was too large in parts."""
    row = _find(dossier_id)
    if request.method == "POST":
        try:
            split_dossier(dossier=row, by=request.user, at=timezone.now())
        except CannotBuild as refusal:
            messages.error(request, str(refusal))
            return redirect("web:dossier", row.pk)
        nudge.nudge(nudge.DOSSIERS)
        return redirect("web:dossiers")
    return redirect("web:dossier", row.pk)


@page
def progress(request: PersonRequest, dossier_id: UUID) -> HttpResponse:
    """The bar alone; the whole page when the dossier is ready."""
    row = _find(dossier_id)
    response = render(request, "dossiers/progress.html", {"dossier": row})
    if row.state not in OPEN:
        response.headers["HX-Refresh"] = "true"
    return response


@page
def pdf(request: PersonRequest, dossier_id: UUID) -> HttpResponseBase:
    """The file."""
    row = _find(dossier_id)
    return _file(row, row.pdf_name, "pdf", "application/pdf")


@page
def bundle(request: PersonRequest, dossier_id: UUID) -> HttpResponseBase:
    """The zip with the PDF, all its files and their signed list."""
    row = _find(dossier_id)
    return _file(row, row.bundle_name, "zip", "application/zip")


def _file(row: Dossier, stored: str, ending: str, media_type: str) -> FileResponse:
    if row.state != Dossier.State.FINISHED or not stored:
        raise Http404(_("This dossier is not ready."))
    try:
        file = default_storage.open(stored)
    except FileNotFoundError as error:
        raise Http404(_("The file of this dossier is missing.")) from error
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"{row.version.model.slug}-{row.version.version}.{ending}",
        content_type=media_type,
    )


@page
def export(request: PersonRequest, dossier_id: UUID, name: str) -> HttpResponseBase:
    """One of its exports."""
    try:
        return kept.answer(_find(dossier_id), name)
    except kept.NoSuchExport as error:
        raise Http404(str(error)) from error
