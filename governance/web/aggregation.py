"""Where risk is concentrated, and what travels along the lineage of one model."""

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import aggregation, feeding, roles
from governance.aggregation import DATA_SET, FOUNDATION, VENDOR
from governance.web import outside
from governance.web.frame import PersonRequest, page, put_errors, show
from registry.models import RegisteredModel

MOST = 50  # of a kind: those on which most models rest


class FeedForm(forms.Form):
    """Which model feeds this one, or no longer does."""

    upstream = forms.ModelChoiceField(
        label=gettext_lazy("Model that feeds it"),
        queryset=RegisteredModel.objects.order_by("name"),
    )
    note = forms.CharField(label=gettext_lazy("Note"), required=False)
    ended = forms.BooleanField(
        label=gettext_lazy("It no longer feeds it"), required=False
    )


@page
def concentration(request: PersonRequest) -> HttpResponse:
    """Show what many models rest on: vendors, data sets, foundation models."""
    titles = {
        VENDOR: _("Vendors"),
        FOUNDATION: _("Foundation models"),
        DATA_SET: _("Data sets"),
    }
    found = aggregation.concentrations(timezone.now())
    groups = [
        (title, rows[:MOST], len(rows) - MOST)
        for kind, title in titles.items()
        for rows in ([row for row in found if row.kind == kind],)
    ]
    return show(request, "risk/concentration.html", {"groups": groups}, section="risk")


@page
def aggregate(request: PersonRequest, slug: str) -> HttpResponse:
    """Show what a model rests on and what rests on it; declare a feed on POST."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    form = FeedForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            feeding.declare(
                model=model, by=request.user, at=timezone.now(), **form.cleaned_data
            )
            return redirect("web:aggregate", model.slug)
        except feeding.CannotFeed as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
    may = roles.may(request.user, "change inventory records", model=model)
    found = aggregation.aggregate_of(model, timezone.now())
    seen = outside.bounded_aggregate(found, request.user)
    return show(
        request,
        "risk/aggregate.html",
        {
            "model": model,
            "aggregate": seen,
            "hidden": len(found.inherited) - len(seen.inherited),
            "form": form if may else None,
        },
        section="models",
    )
