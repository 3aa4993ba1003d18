"""Dossiers: asking for one, watching it, downloading the PDF."""

from typing import Any
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

from governance import nudge, roles
from governance.dossier.exports import kept
from governance.dossier.redaction import CATEGORIES
from governance.dossier.request import (
    CannotBuild,
    Form,
    request_authorisation,
    request_dossier,
    request_portfolio,
)
from governance.dossier.request import split as split_dossier
from governance.dossier.variants import OF_VERSION
from governance.models import Authorisation, Dossier
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.moments import UtcField
from governance.web.versions import find_version

PER_PAGE = 25
OPEN = (Dossier.State.PENDING, Dossier.State.RUNNING)


class DossierForm(forms.Form):
    """In which language, and as of when."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=settings.LANGUAGES
    )
    as_of = UtcField(
        label=gettext_lazy("As of (UTC)"),
        required=False,
        help_text=gettext_lazy("Empty means now."),
    )
    paper = forms.ChoiceField(label=gettext_lazy("Paper"), choices=Dossier.Paper)
    withhold = forms.MultipleChoiceField(
        label=gettext_lazy("Withhold from outside readers"),
        choices=CATEGORIES.items(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Commitments stand in their place, so that insiders can prove them later."
        ),
    )

    @property
    def form(self) -> Form:
        """How the dossier is to look."""
        data = self.cleaned_data
        return Form(data["language"], data["paper"], tuple(data["withhold"]))


class VersionForm(DossierForm):
    """The same, and which paper about the version."""

    variant = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[(item.name, item.title) for item in OF_VERSION],
        required=False,
    )
    field_order = ("variant",)


class PortfolioForm(DossierForm):
    """The same, and of which models."""

    scope = forms.CharField(
        label=gettext_lazy("Unit of the owners"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Empty means all models."),
    )


@page
def ask(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Ask for the dossier of a version."""
    row = find_version(slug, version)
    form = VersionForm(request.POST or None, initial=_initial())
    if request.method == "POST" and form.is_valid():
        try:
            return _queued(
                request_dossier(
                    version=row,
                    variant=form.cleaned_data["variant"] or OF_VERSION[0].name,
                    form=form.form,
                    as_of=form.cleaned_data["as_of"],
                    by=request.user,
                    at=timezone.now(),
                )
            )
        except CannotBuild as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    granted = Authorisation.objects.filter(version=row).select_related("environment")
    return show(
        request,
        "dossiers/ask.html",
        {"form": form, "version": row, "model": row.model, "granted": granted},
        section="dossiers",
    )


@page
def ask_authorisation(request: PersonRequest, authorisation_id: UUID) -> HttpResponse:
    """Ask for the dossier of one authorisation."""
    rows = Authorisation.objects.select_related("version__model", "environment")
    row = get_object_or_404(rows, pk=authorisation_id)
    form = DossierForm(request.POST or None, initial=_initial())
    if request.method == "POST" and form.is_valid():
        try:
            return _queued(
                request_authorisation(
                    authorisation=row,
                    form=form.form,
                    as_of=form.cleaned_data["as_of"],
                    by=request.user,
                    at=timezone.now(),
                )
            )
        except CannotBuild as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    return show(
        request,
        "dossiers/ask.html",
        {
            "form": form,
            "version": row.version,
            "model": row.version.model,
            "authorisation": row,
        },
        section="dossiers",
    )


@page
def ask_portfolio(request: PersonRequest) -> HttpResponse:
    """Ask for the dossier of all models, or of those of a unit."""
    form = PortfolioForm(request.POST or None, initial=_initial())
    if request.method == "POST" and form.is_valid():
        try:
            return _queued(
                request_portfolio(
                    scope=form.cleaned_data["scope"],
                    form=form.form,
                    as_of=form.cleaned_data["as_of"],
                    by=request.user,
                    at=timezone.now(),
                )
            )
        except CannotBuild as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    return show(
        request, "dossiers/ask_portfolio.html", {"form": form}, section="dossiers"
    )


def _initial() -> dict[str, Any]:
    return {"language": get_language(), "paper": Dossier.Paper.A4}


def _queued(dossier: Dossier) -> HttpResponse:
    nudge.nudge(nudge.DOSSIERS)
    return redirect("web:dossier", dossier.pk)


@page
def dossiers(request: PersonRequest) -> HttpResponse:
    """All dossiers, newest first."""
    rows = Dossier.objects.select_related(
        "version__model", "authorisation__environment", "requested_by"
    ).defer("document", "disclosure")
    return show(
        request,
        "dossiers/list.html",
        {"rows": Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))},
        section="dossiers",
    )


def _find(dossier_id: UUID) -> Dossier:
    rows = Dossier.objects.select_related(
        "version__model", "authorisation__environment", "requested_by", "schedule"
    ).prefetch_related("mails__person")
    return get_object_or_404(rows, pk=dossier_id)


@page
def dossier_page(request: PersonRequest, dossier_id: UUID) -> HttpResponse:
    """How far a dossier is, and where to download it."""
    row = _find(dossier_id)
    return show(
        request,
        "dossiers/dossier.html",
        {
            "dossier": row,
            "open": row.state in OPEN,
            "withheld": [CATEGORIES.get(one, one) for one in row.withheld],
            "exports": kept.listed(row),
        },
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
        filename=f"{row.stem}.{ending}",
        content_type=media_type,
    )


@page
def disclosure(request: PersonRequest, dossier_id: UUID) -> HttpResponse:
    """What was withheld, with the salts: for who may ask for dossiers, not beyond."""
    row = _find(dossier_id)
    model = row.version.model if row.version else None
    roles.require(request.user, "request dossiers", model=model)
    if not row.disclosure:
        raise Http404(_("Nothing is withheld in this dossier."))
    return HttpResponse(
        row.disclosure,
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{row.stem}-disclosure.json"'
        },
    )


@page
def export(request: PersonRequest, dossier_id: UUID, name: str) -> HttpResponseBase:
    """One of its exports."""
    try:
        return kept.answer(_find(dossier_id), name)
    except kept.NoSuchExport as error:
        raise Http404(str(error)) from error
