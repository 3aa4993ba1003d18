"""What the gate decided, and what it would decide."""

from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance import gate
from governance.models import GateDecision, SecurityEvent
from governance.policy import Check
from governance.web import denials, kept, permits
from governance.web.failing import failing_first
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.offers import carry_out
from registry.models import Environment

PER_PAGE = 25
EVENTS = 10


class QuestionForm(forms.Form):
    """The question of a pipeline, asked for practice."""

    model = forms.CharField(label=_("Model"), required=False, max_length=200)
    version = forms.CharField(label=_("Version"), required=False, max_length=200)
    digest = forms.CharField(label=_("or digest"), required=False, max_length=200)
    environment = forms.ModelChoiceField(
        label=_("Environment"),
        queryset=Environment.objects.all(),
        to_field_name="slug",
        empty_label=None,
    )

    def question(self) -> gate.Question:
        """What the gate is asked."""
        data = self.cleaned_data
        return gate.Question(
            environment=data["environment"].slug,
            model=data["model"],
            version=data["version"],
            digest=data["digest"],
        )


@page
def decisions(request: PersonRequest) -> HttpResponse:
    """All answers, newest first; and a rehearsal that records nothing."""
    form = QuestionForm(request.GET if "environment" in request.GET else None)
    checks: list[Check] = []
    if form.is_bound and form.is_valid():
        try:
            _case, checks = gate.examine(
                form.question(), by=request.user, at=timezone.now()
            )
        except gate.AmbiguousQuestion as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    rows = GateDecision.objects.select_related(
        "version__model", "environment", "decided_for"
    )
    found = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "gate/list.html",
        {
            "form": form,
            "checks": failing_first(checks),
            "allowed": not any(check.blocks for check in checks),
            "rows": found,
            "decisions": found.object_list,
            "events": SecurityEvent.objects.select_related(
                "version__model", "environment"
            )[:EVENTS],
        },
        section="gate",
    )


@page
def decision(request: PersonRequest, decision_id: UUID) -> HttpResponse:
    """One answer with every check as it stood then, and what became of its permit."""
    rows = GateDecision.objects.select_related(
        "version__model__owner",
        "environment",
        "decided_for",
        "authorisation",
        "emergency__emergency",
        "renewal_of",
        "pipeline_token",
        "security_event",
    )
    row = get_object_or_404(rows, pk=decision_id)
    offers = permits.offers(request, row)
    for offer in offers:
        done = carry_out(offer.form, offer.act) if offer.form.is_bound else None
        if done is not None:
            messages.success(request, _("Done, and recorded."))
            return redirect("web:decision", permits.next_page(row, done))
    as_kept = [Check(**check) for check in row.checks]
    rules = kept.rules_of(check.pack for check in as_kept)
    checks = failing_first(kept.read(check, rules) for check in as_kept)
    return show(
        request,
        "gate/decision.html",
        {
            "decision": row,
            "checks": checks,
            "reasons": denials.reasons(row, checks),
            "rehearsal": _rehearsal(row),
            "at": timezone.now(),
            "offers": offers,
            **permits.facts(row),
        },
        section="gate",
    )


def _rehearsal(row: GateDecision) -> str:
    """The same question again, as a rehearsal: whether it would pass by now."""
    asked = {
        "model": row.asked_model,
        "version": row.asked_version,
        "digest": row.asked_digest,
        "environment": row.asked_environment,
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('web:gate')}?{query}"
