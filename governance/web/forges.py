"""Servers that ask whether to go on: agreed, and what each question was answered."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import forges, roles
from governance.models import Forge, ForgePlace, ForgeRequest
from governance.records import Refused
from governance.signatures import NotSigned
from governance.web.frame import (
    TRUSTING,
    PersonRequest,
    ReasonForm,
    page_for,
    put_errors,
    show,
)
from governance.web.proof import ProofForm

_PROPOSING = "trust pipelines"
_CONFIRMING = "confirm trust in pipelines"
_ENDING = "end trust in pipelines"


class _Unshown(forms.Textarea):
    """A text that no page shows again, not even a form that was refused."""

    def format_value(self, value: object) -> None:
        """Nothing."""


def _credential(**more: Any) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Private key of the App, or access token of GitLab"),
        max_length=16_000,
        strip=False,
        widget=_Unshown(
            attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}
        ),
        **more,
    )


class ForgeForm(forms.Form):
    """A server, as an administrator writes it."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Lower-case letters, digits and hyphens."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Forge.Kind.choices)
    address = forms.CharField(
        label=gettext_lazy("Address of its API"),
        max_length=300,
        help_text=gettext_lazy(
            "https://api.github.com, https://gitlab.bank.example or "
            "https://dev.azure.com/ORGANISATION: answers go nowhere else."
        ),
    )
    issuer = forms.CharField(
        label=gettext_lazy("Issuer of its pipelines' tokens"),
        max_length=300,
        help_text=gettext_lazy("As in the rule that trusts them."),
    )
    app_id = forms.CharField(
        label=gettext_lazy("Number of the GitHub App"), required=False, max_length=40
    )
    credential = _credential(
        required=False,
        help_text=gettext_lazy("It is never shown again. Azure DevOps needs none."),
    )


class CredentialForm(forms.Form):
    """What is shown to the server from now on."""

    credential = _credential(help_text=gettext_lazy("It is never shown again."))


class PlaceForm(forms.Form):
    """What a place of the server means here."""

    project_id = forms.CharField(
        label=gettext_lazy("Number of the repository or project"), max_length=100
    )
    owner_id = forms.CharField(
        label=gettext_lazy("Number of the owner (GitHub)"),
        required=False,
        max_length=100,
    )
    target = forms.CharField(
        label=gettext_lazy("Its environment, or the target branch (GitLab)"),
        max_length=255,
    )
    models_pattern = forms.CharField(
        label=gettext_lazy("Models"),
        max_length=200,
        help_text=gettext_lazy("A pattern of short names, such as credit-*."),
    )
    environment = forms.CharField(label=gettext_lazy("Environment here"), max_length=80)
    reason = forms.CharField(
        label=gettext_lazy("Why it is trusted"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@page_for(*TRUSTING)
def servers(request: PersonRequest) -> HttpResponse:
    """All servers; a new one on POST, whose secret is shown only then."""
    form = None
    if roles.may(request.user, _PROPOSING):
        form = ForgeForm(request.POST or None)
    secret, made = "", None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            made, secret = forges.register(
                **form.cleaned_data, by=request.user, at=timezone.now()
            )
            form = ForgeForm()
        except Refused as refusal:
            put_errors(form, refusal.errors)
    rows = Forge.objects.select_related("registered_by", "end")
    context = {"servers": rows, "form": form, "secret": secret, "made": made}
    return show(request, "forges/list.html", context, section="pipelines")


@page_for(*TRUSTING)
def server(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One server: its places, what it asked; a new place on POST."""
    rows = Forge.objects.select_related("registered_by", "end__ended_by")
    row = get_object_or_404(rows, pk=row_id)
    form = None
    if not hasattr(row, "end") and roles.may(request.user, _PROPOSING):
        form = PlaceForm(request.POST or None)
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            place = forges.propose(
                forge=row,
                place=forges.Place(**form.cleaned_data),
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:forge_place", place.pk)
        except Refused as refusal:
            put_errors(form, refusal.errors)
        except forges.WrongState as refusal:
            put_errors(form, {"__all__": [str(refusal)]})
    asked = row.requests.select_related("decision").prefetch_related("attempts")
    ends = not hasattr(row, "end") and roles.may(request.user, _ENDING)
    return show(
        request,
        "forges/forge.html",
        {
            "forge": row,
            "places": forges.read().filter(forge=row),
            "form": form,
            "end_form": ReasonForm(auto_id="end_%s") if ends else None,
            "may_repeat": form is not None,
            "rows": Paginator(asked, 50).get_page(request.GET.get("page")),
        },
        section="pipelines",
    )


@page_for(_ENDING)
@require_POST
def end_server(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """End a server."""
    row = get_object_or_404(Forge, pk=row_id)
    try:
        forges.end(
            forge=row, reason=_reason(request), by=request.user, at=timezone.now()
        )
        messages.success(request, _("It is not listened to any more."))
    except (Refused, forges.WrongState) as refusal:
        messages.error(request, _sentence(refusal))
    return redirect("web:forge", row.pk)


@page_for(*TRUSTING)
def place(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One place; its confirmation on POST."""
    row = get_object_or_404(forges.read(), pk=row_id)
    form, told = None, ""
    if row.state == "proposed" and roles.may(request.user, _CONFIRMING):
        form = ProofForm(request.POST or None, request=request)
        role = min(roles.roles_of(request.user) & roles.RIGHTS[_CONFIRMING])
        told = forges.statement(row, request.user, role)
        sent = request.method == "POST" and form.is_valid()
        if sent and _confirm(request, row, form):
            return redirect("web:forge_place", row.pk)
    ends = row.state != "ended" and roles.may(request.user, _ENDING)
    return show(
        request,
        "forges/place.html",
        {
            "place": row,
            "form": form,
            "statement": told,
            "end_form": ReasonForm(auto_id="end_%s") if ends else None,
        },
        section="pipelines",
    )


def _confirm(request: PersonRequest, row: ForgePlace, form: ProofForm) -> bool:
    try:
        forges.confirm(place=row, proof=form.proof, by=request.user, at=timezone.now())
    except NotSigned as refusal:
        form.refuse(refusal)
        return False
    except (forges.SameHand, forges.WrongState) as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
        return False
    messages.success(request, _("The place counts from now on."))
    return True


@page_for(_ENDING)
@require_POST
def end_place(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """End a place."""
    row = get_object_or_404(ForgePlace, pk=row_id)
    try:
        forges.end_place(
            place=row, reason=_reason(request), by=request.user, at=timezone.now()
        )
        messages.success(request, _("It means nothing here any more."))
    except (Refused, forges.WrongState) as refusal:
        messages.error(request, _sentence(refusal))
    return redirect("web:forge_place", row.pk)


@page_for(_PROPOSING)
@require_POST
def again(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Decide a question anew, and answer once more."""
    row = get_object_or_404(ForgeRequest, pk=row_id)
    try:
        forges.answer_again(request=row, by=request.user, at=timezone.now())
        messages.success(request, _("It is decided anew with the clock's next look."))
    except forges.CannotAnswer as refusal:
        messages.error(request, str(refusal))
    return redirect("web:forge", row.forge_id)


def _reason(request: PersonRequest) -> str:
    return request.POST.get("reason", "").replace("\x00", "")[:2000]


def _sentence(refusal: Exception) -> str:
    if isinstance(refusal, Refused):
        return " ".join(text for texts in refusal.errors.values() for text in texts)
    return str(refusal)
