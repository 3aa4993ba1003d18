"""Evaluation records: what every rule said of a version, and whether it repeats."""

import json
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import evaluations, roles
from governance.models import Evaluation
from governance.policy import Check, NoPolicy
from governance.web import kept
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.versions import find_version
from registry.models import Environment

AT_MOST = 100


class WhereForm(forms.Form):
    """Where the version would run."""

    environment = forms.ModelChoiceField(
        label=gettext_lazy("Environment"), queryset=Environment.objects.all()
    )


@page
def evaluations_page(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """The newest records of a version; apply every rule now on POST."""
    row = find_version(slug, version)
    roles.require(request.user, "read", model=row.model)
    form = WhereForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = evaluations.evaluate_now(
                version=row,
                environment=form.cleaned_data["environment"],
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:evaluation", made.pk)
        except NoPolicy as refusal:
            put_errors(form, {"environment": [str(refusal)]})
    rows = row.evaluations.select_related("environment", "evaluated_by")
    context = {
        "version": row,
        "model": row.model,
        "rows": rows[:AT_MOST],
        "form": form,
    }
    return show(request, "policy/evaluations.html", context, section="models")


@page
def evaluation_page(request: PersonRequest, evaluation_id: UUID) -> HttpResponse:
    """One record, and whether running it again gives the same bytes."""
    rows = Evaluation.objects.select_related(
        "environment", "version__model", "evaluated_by"
    )
    row = get_object_or_404(rows, pk=evaluation_id)
    model = row.version.model
    roles.require(request.user, "read", model=model, environment=row.environment)
    try:
        repeats = evaluations.again(row) == row.document
        problem = "" if repeats else _("Running it again gives other bytes.")
    except evaluations.CannotRepeat as refusal:
        repeats, problem = False, str(refusal)
    document = json.loads(row.document)
    checks = [Check(**check) for check in document["results"]]
    rules = kept.rules_of(check.pack for check in checks)
    context = {
        "row": row,
        "model": model,
        "repeats": repeats,
        "problem": problem,
        "packs": document["packs"],
        "checks": sorted(
            (kept.read(check, rules) for check in checks),
            key=lambda check: check.passed,
        ),
    }
    return show(request, "policy/evaluation.html", context, section="models")
