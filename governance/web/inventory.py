"""The inventory: the table with its filter, and the page of one model."""

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance import matrices, risk, roles
from governance.lifecycle import State, state_of
from governance.models import Authorisation, GateDecision, Status
from governance.models.risk import Band
from governance.web import exceptions, matrix
from governance.web.frame import PersonRequest, page, show
from governance.web.listing import (
    SORTS,
    Wish,
    latest_status,
    lines,
    status_in,
    wished,
)
from governance.web.registering import InventoryForm
from registry.models import RegisteredModel

PER_PAGE = 25
COLUMNS = (
    ("name", _("Model")),
    ("risk", _("Risk")),
    ("tier", _("Tier")),
    ("", _("Versions")),
    ("", _("Authorised until")),
    ("owner", _("Owner")),
)


class FilterForm(forms.Form):
    """What to list. Values that do not exist are refused, not ignored."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    tier = forms.TypedChoiceField(
        label=_("Tier"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", _("all")), *((n, str(n)) for n in range(1, 5))],
    )
    band = forms.ChoiceField(
        label=_("Risk"), required=False, choices=[("", _("all")), *Band.choices]
    )
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("all")), *Status.choices]
    )
    cell = forms.RegexField(r"^[1-6]x[1-6]\Z", required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        required=False,
        widget=forms.HiddenInput,
        choices=[(f"{sign}{name}", name) for name in SORTS for sign in ("", "-")],
    )

    def wish(self) -> Wish:
        """What was asked for; without a valid question, everything."""
        if not self.is_valid():
            return Wish()
        data = self.cleaned_data
        cell = tuple(int(n) for n in data["cell"].split("x")) if data["cell"] else None
        return Wish(
            text=data["q"],
            tier=data["tier"],
            band=data["band"],
            status=data["status"],
            cell=(cell[0], cell[1]) if cell else None,
            sort=data["sort"] or "name",
        )


@page
def inventory(request: PersonRequest) -> HttpResponse:
    """List the models that the filter lets through."""
    form = FilterForm(request.GET)
    wish = form.wish()
    rows = Paginator(wished(wish), PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "inventory/rows.html" if request.htmx else "inventory/list.html",  # type: ignore[attr-defined]
        {
            "form": form,
            "wish": wish,
            "place": _cell_name(wish),
            "rows": rows,
            "lines": lines(rows, at=timezone.now()),
            "columns": [
                _column(name, str(title), wish.sort) for name, title in COLUMNS
            ],
            "total": RegisteredModel.objects.count(),
            "may_register": roles.may(request.user, "register models"),
        },
        section="models",
    )


def _cell_name(wish: Wish) -> str:
    if wish.cell is None:
        return ""
    table = matrices.of(matrices.current(at=timezone.now()))
    return matrix.name_of(table, wish.cell)


def _column(name: str, title: str, sort: str) -> dict[str, str]:
    """A heading, with the order that choosing it gives and the one that it has."""
    direction = {name: "ascending", f"-{name}": "descending"}.get(sort, "")
    turned = f"-{name}" if sort == name else name
    return {"title": title, "to": turned if name else "", "sorted": direction}


@page
def model_page(request: PersonRequest, slug: str) -> HttpResponse:
    """One model: its inventory record, its risk with history, its versions."""
    model = get_object_or_404(
        RegisteredModel.objects.select_related("owner", "developer", "validator"),
        slug=slug,
    )
    assessments = list(model.risk_assessments.select_related("matrix", "assessed_by"))
    latest = assessments[0] if assessments else None
    authorisations = (
        Authorisation.objects.filter(version__model=model)
        .select_related("version", "environment")
        .prefetch_related("changes")
    )
    versions = (
        model.versions.select_related("developer")
        .prefetch_related("evidence_runs", "deployments__environment")
        .annotate(status=latest_status())
    )
    facts = InventoryForm.facts_of(model)
    return show(
        request,
        "inventory/model.html",
        {
            "model": model,
            "facts": facts,
            "unknown": [label for label, value in facts if not value],
            "assessment": latest,
            "standing": risk.standing_with(model, latest, timezone.now()),
            "assessments": assessments,
            "matrix": matrix.draw(
                latest.matrix if latest else matrices.current(at=timezone.now()),
                here=(latest.likelihood, latest.impact) if latest else None,
            ),
            "versions": [(v, status_in(v)) for v in versions],
            "authorisations": [(a, State(state_of(a))) for a in authorisations],
            "deployments": [d for v in versions for d in v.deployments.all()],
            "decisions": GateDecision.objects.filter(
                version__model=model
            ).select_related("version__model", "environment", "decided_for")[:5],
            "may_change": roles.may(request.user, "change inventory records"),
            "may_assess": roles.may(request.user, "assess risk"),
            "exceptions": exceptions.open_about(model, timezone.now()),
            "exception_links": exceptions.links_for(request.user, model),
            "at": timezone.now(),
        },
        section="models",
    )
