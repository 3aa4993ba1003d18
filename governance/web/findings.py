"""Findings: the list, one finding with its steps, raising one."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import findings, portfolio, remedying, roles
from governance.findings import Standing, standing, told
from governance.models import Finding, FindingChange, Severity
from governance.templatetags.freigabe import short
from governance.web.exceptions import finding_line
from governance.web.frame import PersonRequest, page, show
from governance.web.offers import (
    Offer,
    SignedTextForm,
    Step,
    TextForm,
    carry_out,
    form_for,
    record_page,
)
from registry.models import ModelVersion, RegisteredModel, User

PER_PAGE = 25
State = FindingChange.State
_PEOPLE = User.objects.filter(is_active=True, is_machine=False)


class Day(forms.DateField):
    """A day, chosen from a calendar."""

    widget = forms.DateInput(attrs={"type": "date"})


class FilterForm(forms.Form):
    """Which findings are shown."""

    which = forms.ChoiceField(
        label=gettext_lazy("Which"),
        required=False,
        choices=[
            ("", gettext_lazy("open ones")),
            ("overdue", gettext_lazy("overdue ones")),
            ("all", gettext_lazy("all")),
        ],
    )
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"),
        required=False,
        choices=[("", gettext_lazy("any")), *Severity.choices],
    )


class RaiseForm(forms.Form):
    """A weakness with severity, owner and due date."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=200)
    text = forms.CharField(
        label=gettext_lazy("What is weak, and why it matters"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"), choices=Severity.choices
    )
    version = forms.ModelChoiceField(
        label=gettext_lazy("Version"),
        queryset=ModelVersion.objects.none(),
        required=False,
        empty_label=gettext_lazy("the whole model"),
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Who answers for it"),
        queryset=_PEOPLE,
        required=False,
        empty_label=gettext_lazy("the owner of the model"),
    )
    due_on = Day(label=gettext_lazy("Due on"))


class TermsForm(TextForm):
    """Other terms; what is empty stays."""

    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"),
        required=False,
        choices=[("", gettext_lazy("as it is")), *Severity.choices],
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Who answers for it"), queryset=_PEOPLE, required=False
    )
    due_on = Day(label=gettext_lazy("Due on"), required=False)


class ReopenForm(TextForm):
    """Why it is open again."""

    due_on = Day(label=gettext_lazy("Due on"))


class AcceptForm(SignedTextForm):
    """Until when the risk is accepted, and why; signed."""

    until = Day(label=gettext_lazy("Until the beginning of"))


@page
def findings_page(request: PersonRequest) -> HttpResponse:
    """Findings of all models, the worst first."""
    at = timezone.now()
    form = FilterForm(request.GET)
    wish = form.cleaned_data if form.is_valid() else {}
    found = portfolio.worst_first(_wished(portfolio.Moment(at), wish))
    keys = found.values_list("pk", flat=True)
    rows = Paginator(keys, PER_PAGE).get_page(request.GET.get("page"))
    told_of = told().in_bulk(rows.object_list)
    context = {
        "title": _("Findings"),
        "intro": _("Weaknesses of models, until somebody else has verified their end."),
        "filter": form,
        "links": [
            (reverse("web:incidents"), _("Incidents")),
            (reverse("web:reviews"), _("Reviews")),
            (reverse("web:attestations"), _("Attestations")),
        ],
        "rows": rows,
        "lines": [finding_line(standing(told_of[key], at)) for key in rows],
        "columns": [_("Finding"), _("Severity"), _("Owner"), _("Due"), _("State")],
        "empty": _("There is none. Validators and auditors raise them at a model."),
    }
    return show(request, "exceptions/list.html", context, section="findings")


def _wished(moment: portfolio.Moment, wish: Mapping[str, Any]) -> QuerySet[Any]:
    kinds = {
        "": portfolio.open_findings,
        "overdue": portfolio.overdue_findings,
        "all": portfolio.all_findings,
    }
    rows = kinds[wish.get("which", "")](moment)
    return rows.filter(severity=wish["severity"]) if wish.get("severity") else rows


@page
def raise_finding(request: PersonRequest, slug: str) -> HttpResponse:
    """Raise a finding about a model."""
    model = get_object_or_404(
        RegisteredModel.objects.select_related("owner"), slug=slug
    )
    roles.require(request.user, "raise findings", model=model)
    form = RaiseForm(request.POST or None)
    field = form.fields["version"]
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
    field.queryset = model.versions.all()

    def act(valid: RaiseForm) -> Finding:
        data = {
            **valid.cleaned_data,
            "severity": Severity(valid.cleaned_data["severity"]),
        }
        return findings.raise_finding(
            model=model, by=request.user, at=timezone.now(), **data
        )

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, Finding):
            return redirect("web:finding", made.pk)
    context = {
        "title": _("Raise a finding"),
        "form": form,
        "above": [(reverse("web:model", args=[slug]), model.name)],
    }
    return show(request, "exceptions/ask.html", context, section="findings")


@page
def finding_page(request: PersonRequest, finding_id: UUID) -> HttpResponse:
    """One finding with its steps, and what this person may do next."""
    row = get_object_or_404(told(), pk=finding_id)
    now = standing(row, timezone.now())
    address = reverse("web:finding", args=[row.pk])
    context = {
        "title": row.title,
        "above": [
            (reverse("web:findings"), _("Findings")),
            (reverse("web:model", args=[row.model.slug]), row.model.name),
        ],
        "state": _("overdue") if now.overdue else now.state.label,
        "sign": "no" if now.overdue else "wait" if now.is_open else "yes",
        "facts": [
            (_("Severity"), now.severity.label),
            (_("About"), row.version or row.model),
            (_("Owner"), now.owner.printed_name),
            (_("Due on"), short(now.due_on)),
            (_("Source"), row.get_source_display()),
            (_("Risk accepted until"), now.accepted_until),
            (_("What is weak"), row.text),
        ],
        "steps": [
            Step(
                step.get_state_display(),
                step.changed_by.printed_name,
                step.changed_at,
                step.text,
            )
            for step in now.changes
        ],
    }
    offers = _offers(request, now)
    return record_page(request, offers, context, section="findings", address=address)


_NEXT = {
    State.OPEN: ("plan", "resolve"),
    State.PLANNED: ("accept-plan", "send-back", "resolve"),
    State.PLAN_ACCEPTED: ("resolve",),
    State.RESOLVED: ("verify", "send-back"),
}
_STEPS = {
    "plan": (gettext_lazy("Propose a plan"), remedying.plan),
    "accept-plan": (gettext_lazy("Accept the plan"), remedying.accept_plan),
    "resolve": (
        gettext_lazy("Name the evidence that it is resolved"),
        remedying.resolve,
    ),
    "verify": (gettext_lazy("Verify and close"), remedying.verify),
    "send-back": (gettext_lazy("Send it back"), remedying.send_back),
}
_OWNERS = ("plan", "resolve")


def _offers(request: PersonRequest, now: Standing) -> list[Offer]:
    by, row = request.user, now.finding
    owns = by in (now.owner, row.model.owner)
    judges = not owns and roles.may(by, "raise findings", model=row.model)
    offers = [
        _step(request, row, name)
        for name in _NEXT.get(now.state, ())
        if (owns if name in _OWNERS else judges)
    ]
    if judges and now.is_open:
        offers.append(_terms(request, row))
    if judges and now.changes[-1].state in (State.CLOSED, State.ACCEPTED):
        offers.append(_reopening(request, row))
    if now.is_open and not owns and roles.may(by, "accept risk", model=row.model):
        offers.append(_acceptance(request, row))
    return offers


def _step(request: PersonRequest, row: Finding, name: str) -> Offer:
    title, act = _STEPS[name]
    return Offer(
        name,
        str(title),
        form_for(request, name, TextForm),
        lambda form: act(
            finding=row,
            text=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
        stops=name == "send-back",
    )


def _terms(request: PersonRequest, row: Finding) -> Offer:
    def act(form: TermsForm) -> FindingChange:
        data = form.cleaned_data
        return remedying.change_terms(
            finding=row,
            text=data["text"],
            severity=Severity(data["severity"]) if data["severity"] else None,
            owner=data["owner"],
            due_on=data["due_on"],
            by=request.user,
            at=timezone.now(),
        )

    form = form_for(request, "terms", TermsForm)
    return Offer("terms", _("Change severity, owner or due date"), form, act)


def _reopening(request: PersonRequest, row: Finding) -> Offer:
    return Offer(
        "reopen",
        _("Open it again"),
        form_for(request, "reopen", ReopenForm),
        lambda form: remedying.reopen(
            finding=row, by=request.user, at=timezone.now(), **form.cleaned_data
        ),
        stops=True,
    )


def _acceptance(request: PersonRequest, row: Finding) -> Offer:
    return Offer(
        "accept-risk",
        _("Accept the risk, signed"),
        form_for(request, "accept-risk", AcceptForm),
        lambda form: remedying.accept_risk(
            finding=row,
            until=datetime.combine(form.cleaned_data["until"], time.min, UTC),
            text=form.cleaned_data["text"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )
