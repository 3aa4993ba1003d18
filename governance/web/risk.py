"""Assessing the risk of a model on the matrix."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance import assessing, matrices, risk, roles
from governance.matrices import Place
from governance.web import matrix
from governance.web.frame import PersonRequest, page, put_errors, show
from registry.models import RegisteredModel

PLACES = [
    (f"{lik}x{imp}", f"{lik}x{imp}") for lik in range(1, 6) for imp in range(1, 6)
]


class RiskForm(forms.Form):
    """A place on the matrix before controls, one after them, and the reasons."""

    inherent = forms.ChoiceField(
        label=_("Inherent risk, before controls"),
        choices=PLACES,
        error_messages={"required": _("Choose a cell of the matrix.")},
    )
    rationale = forms.CharField(
        label=_("Reason for the score"), widget=forms.Textarea(attrs={"rows": 3})
    )
    residual = forms.ChoiceField(
        label=_("Residual risk, after controls"), choices=PLACES, required=False
    )
    mitigations = forms.CharField(
        label=_("Controls"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What lowers the risk: oversight, limits, monitoring."),
    )

    def judgement(self) -> dict[str, Any]:
        """The arguments of the act."""
        data = self.cleaned_data
        likelihood, impact = _place(data["inherent"])
        found: dict[str, Any] = {
            "likelihood": likelihood,
            "impact": impact,
            "rationale": data["rationale"],
            "mitigations": data["mitigations"],
        }
        if data["residual"]:
            after = _place(data["residual"])
            found |= {"residual_likelihood": after[0], "residual_impact": after[1]}
        return found


def _place(text: str) -> Place:
    likelihood, impact = text.split("x")
    return int(likelihood), int(impact)


@page
def assess(request: PersonRequest, slug: str) -> HttpResponse:
    """Assess a model; the tier follows from the matrix and the floors."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    roles.require(request.user, "assess risk", model=model)
    form = RiskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            assessing.assess(
                model=model, by=request.user, at=timezone.now(), **form.judgement()
            )
            return redirect("web:model", model.slug)
        except matrices.OutsideMatrix as refusal:
            put_errors(form, {refusal.field: [str(refusal)]})
        except assessing.NotDeployable as refusal:
            put_errors(form, {"inherent": [str(refusal)]})
    return show(
        request,
        "risk/assess.html",
        {
            "form": form,
            "model": model,
            "matrix": matrix.draw(matrices.current(at=timezone.now())),
            "floor": risk.floor_of(model)[1],
        },
        section="models",
    )
