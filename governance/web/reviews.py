"""Periodic reviews and revalidations: what is due, and signing one."""

from datetime import datetime, timedelta

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import reviews, roles
from governance.templatetags.freigabe import short
from governance.web.frame import PersonRequest, may, page, show
from governance.web.offers import Line, SignedTextForm, carry_out
from registry.models import RegisteredModel

PER_PAGE = 25
SOON = timedelta(days=30)  # as my work and the portfolio mean it


class ReviewForm(SignedTextForm):
    """What was looked at and found; signed."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=reviews.Kind.choices)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"), choices=reviews.Outcome.choices
    )


@page
def reviews_page(request: PersonRequest) -> HttpResponse:
    """What is due of every model, the most urgent first."""
    at = timezone.now()
    shown = Paginator(reviews.due_list(at), PER_PAGE).get_page(request.GET.get("page"))
    # Who may sign none reads about the model instead.
    there = "web:review" if may(request, "review models") else "web:model"
    context = {
        "title": _("Reviews"),
        "intro": _("Periodic reviews and revalidations, due by tier."),
        "rows": shown,
        "lines": [
            Line(
                address=reverse(there, args=[one.model.slug]),
                name=one.model.name,
                about=one.model.owner.printed_name,
                cells=(one.kind.label, one.tier, short(one.due_on)),
                state=_("overdue") if one.overdue(at) else _("to come"),
                sign=_sign(one, at),
            )
            for one in shown
        ],
        "columns": [_("Model"), _("Kind"), _("Tier"), _("Due"), _("State")],
        "empty": _("No model is registered."),
    }
    return show(request, "exceptions/list.html", context, section="findings")


def _sign(due: reviews.Due, at: datetime) -> str:
    """Overdue is no, what is due soon waits, all else needs nobody yet."""
    if due.overdue(at):
        return "no"
    return "wait" if due.due_on <= at.date() + SOON else "none"


@page
def review(request: PersonRequest, slug: str) -> HttpResponse:
    """Sign a review of a model."""
    model = get_object_or_404(
        RegisteredModel.objects.select_related("owner"), slug=slug
    )
    roles.require(request.user, "review models", model=model)
    form = ReviewForm(request.POST or None, request=request)

    def act(valid: ReviewForm) -> object:
        data = valid.cleaned_data
        return reviews.complete(
            model=model,
            kind=reviews.Kind(data["kind"]),
            outcome=reviews.Outcome(data["outcome"]),
            text=data["text"],
            proof=valid.proof,
            by=request.user,
            at=timezone.now(),
        )

    if request.method == "POST" and carry_out(form, act) is not None:
        return redirect("web:reviews")
    context = {
        "title": _("Sign a review"),
        "form": form,
        "above": [(reverse("web:reviews"), _("Reviews")), _model_link(model)],
    }
    return show(request, "exceptions/ask.html", context, section="findings")


def _model_link(model: RegisteredModel) -> tuple[str, str]:
    return reverse("web:model", args=[model.slug]), model.name
