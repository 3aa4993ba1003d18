"""Dossiers on a schedule: which there are, a new one, ending one."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.http import require_POST

from governance.dossier import scheduling
from governance.dossier.request import CannotBuild
from governance.models import DossierSchedule
from governance.web.frame import PersonRequest, ReasonForm, page, put_errors, show

PER_PAGE = 25


class ScheduleForm(forms.Form):
    """For which models, how often, from when on, and to whom."""

    models_pattern = forms.CharField(
        label=gettext_lazy("Models"),
        max_length=200,
        help_text=gettext_lazy(
            "The short name of one model, or a pattern such as credit-*."
        ),
    )
    every = forms.ChoiceField(
        label=gettext_lazy("How often"), choices=DossierSchedule.Every
    )
    first_on = forms.DateField(
        label=gettext_lazy("First day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=settings.LANGUAGES
    )
    recipients = forms.CharField(
        label=gettext_lazy("Mail it to"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy(
            "User names, separated by commas. Who may not read the model is not mailed."
        ),
    )


@page
def schedules(request: PersonRequest) -> HttpResponse:
    """All schedules, the newest first; a new one on POST."""
    form = ScheduleForm(request.POST or None, initial={"language": get_language()})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            scheduling.schedule(
                **data | {"recipients": data["recipients"].split(",")},
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:dossier_schedules")
        except CannotBuild as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    rows = DossierSchedule.objects.select_related("asked_by").prefetch_related(
        "recipients__person"
    )
    return show(
        request,
        "dossiers/schedules.html",
        {
            "form": form,
            "rows": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        },
        section="dossiers",
    )


@require_POST
@page
def end(request: PersonRequest, schedule_id: UUID) -> HttpResponse:
    """End one, with a reason."""
    row = get_object_or_404(DossierSchedule, pk=schedule_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext_lazy("Give a reason."))
        return redirect("web:dossier_schedules")
    try:
        scheduling.end(
            row=row,
            because=form.cleaned_data["reason"],
            by=request.user,
            at=timezone.now(),
        )
    except CannotBuild as refusal:
        messages.error(request, str(refusal))
    return redirect("web:dossier_schedules")
