"""Incidents: the list, recording one, telling the authority, closing it."""

from datetime import datetime, timedelta
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import incidents, roles
from governance.models import Incident, IncidentReport
from governance.web.frame import PersonRequest, page, show
from governance.web.offers import (
    Line,
    Offer,
    Step,
    carry_out,
    form_for,
    record_page,
)
from registry.models import RegisteredModel

PER_PAGE = 25
_WORDS = forms.Textarea(attrs={"rows": 3})


class IncidentForm(forms.Form):
    """What happened."""

    model = forms.ModelChoiceField(
        label=gettext_lazy("Model"), queryset=RegisteredModel.objects.all()
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("How serious"), choices=Incident.Kind.choices
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=200)
    text = forms.CharField(
        label=gettext_lazy("What happened"), max_length=10_000, widget=_WORDS
    )
    hours = forms.IntegerField(
        label=gettext_lazy("Known for how many hours"), min_value=0, max_value=8760
    )


class NoticeForm(forms.Form):
    """That the authority was told."""

    authority = forms.CharField(label=gettext_lazy("Authority"), max_length=200)
    reference = forms.CharField(
        label=gettext_lazy("Reference"), max_length=200, required=False
    )


class ClosureForm(forms.Form):
    """Why it happened, and what was done."""

    root_cause = forms.CharField(
        label=gettext_lazy("Root cause"), max_length=10_000, widget=_WORDS
    )
    corrective_action = forms.CharField(
        label=gettext_lazy("Corrective action"), max_length=10_000, widget=_WORDS
    )


@page
def incidents_page(request: PersonRequest) -> HttpResponse:
    """All incidents, the newest first; and recording one."""
    at = timezone.now()
    rows = Incident.objects.select_related("model", "report", "closure")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    links = [
        (reverse("web:vendor_notices"), _("Vendors' notices")),
        (reverse("web:compromised_keys"), _("Compromised keys")),
    ]
    if roles.may(request.user, "record incidents"):
        links.append((reverse("web:record_incident"), _("Record an incident")))
    context = {
        "title": _("Incidents"),
        "intro": _(
            "A serious one suspends at once, and is reported in time (Art. 73)."
        ),
        "links": links,
        "rows": shown,
        "lines": [_incident_line(row, at) for row in shown],
        "columns": [_("Incident"), _("Kind"), _("Report due"), _("State")],
        "empty": _("None was recorded."),
    }
    return show(request, "exceptions/list.html", context, section="findings")


def _incident_line(row: Incident, at: datetime) -> Line:
    due = f"{row.report_due_at:%Y-%m-%d %H:%M} UTC" if row.report_due_at else "–"
    state, sign = _("open"), "wait"
    if hasattr(row, "closure"):
        state, sign = _("closed"), "yes"
    elif incidents.overdue(row, at):
        state, sign = _("report is late"), "no"
    return Line(
        address=reverse("web:incident", args=[row.pk]),
        name=row.title,
        about=str(row.model),
        cells=(row.get_kind_display(), due),
        state=state,
        sign=sign,
    )


@page
def record_incident(request: PersonRequest) -> HttpResponse:
    """Record an incident."""
    roles.require(request.user, "record incidents")
    form = IncidentForm(request.POST or None)

    def act(valid: IncidentForm) -> Incident:
        at, data = timezone.now(), dict(valid.cleaned_data)
        aware = at - timedelta(hours=data.pop("hours"))
        data["kind"] = Incident.Kind(data["kind"])
        return incidents.record(
            account=incidents.Account(aware_at=aware, **data), by=request.user, at=at
        )

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, Incident):
            return redirect("web:incident", made.pk)
    context = {
        "title": _("Record an incident"),
        "form": form,
        "above": [(reverse("web:incidents"), _("Incidents"))],
    }
    return show(request, "exceptions/ask.html", context, section="findings")


@page
def incident_page(request: PersonRequest, incident_id: UUID) -> HttpResponse:
    """One incident, its report and its end."""
    row = get_object_or_404(
        Incident.objects.select_related("model", "recorded_by", "report", "closure"),
        pk=incident_id,
    )
    line = _incident_line(row, timezone.now())
    steps = [Step(_("recorded"), row.recorded_by.printed_name, row.recorded_at)]
    if hasattr(row, "report"):
        told = row.report
        who = told.reported_by.printed_name
        steps.append(Step(_("authority told"), who, told.sent_at, told.authority))
    if hasattr(row, "closure"):
        end = row.closure
        text = f"{end.root_cause}\n{end.corrective_action}"
        steps.append(Step(_("closed"), end.closed_by.printed_name, end.closed_at, text))
    context = {
        "title": row.title,
        "above": [
            (reverse("web:incidents"), _("Incidents")),
            (reverse("web:model", args=[row.model.slug]), row.model.name),
        ],
        "state": line.state,
        "sign": line.sign,
        "facts": [
            (_("Kind"), row.get_kind_display()),
            (_("What happened"), row.text),
            (_("Known since"), row.aware_at),
            (_("Report due"), row.report_due_at),
        ],
        "steps": steps,
    }
    return record_page(
        request,
        _incident_offers(request, row),
        context,
        section="findings",
        address=line.address,
    )


def _incident_offers(request: PersonRequest, row: Incident) -> list[Offer]:
    if hasattr(row, "closure") or not roles.may(request.user, "close incidents"):
        return []
    if row.report_due_at is not None and not hasattr(row, "report"):
        return [
            Offer(
                "report",
                _("The authority was told now"),
                form_for(request, "report", NoticeForm),
                lambda form: _report(request, row, form),
            )
        ]
    return [
        Offer(
            "close",
            _("Close it"),
            form_for(request, "close", ClosureForm),
            lambda form: incidents.close(
                incident=row, by=request.user, at=timezone.now(), **form.cleaned_data
            ),
        )
    ]


def _report(request: PersonRequest, row: Incident, form: NoticeForm) -> IncidentReport:
    at = timezone.now()
    return incidents.report(
        incident=row, sent_at=at, by=request.user, at=at, **form.cleaned_data
    )
