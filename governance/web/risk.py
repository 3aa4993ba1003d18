"""Assessing the risk of a model on a matrix, with its scenarios."""

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from governance import assessing, matrices, risk, roles
from governance.assessing import NEEDED, Materiality, Scenario
from governance.matrices import Matrix, Name, Place
from governance.models import RiskAssessment, RiskMatrix, RiskScenario
from governance.web import matrix
from governance.web.frame import PersonRequest, page, put_errors, show
from registry.models import RegisteredModel

_EMPTY = [("", _("not said"))]


class RiskForm(forms.Form):
    """A place on the matrix before controls, one after them, scenarios, reasons."""

    inherent = forms.ChoiceField(
        label=_("Inherent risk, before controls"),
        error_messages={"required": _("Choose a cell of the matrix.")},
    )
    rationale = forms.CharField(
        label=_("Reason for the score"), widget=forms.Textarea(attrs={"rows": 3})
    )
    exposure = forms.ChoiceField(
        label=_("Exposure"),
        required=False,
        choices=[*_EMPTY, *RiskAssessment.Exposure.choices],
        help_text=_("How many people, how much money, how much of the business."),
    )
    purpose_class = forms.ChoiceField(
        label=_("Purpose"),
        required=False,
        choices=[*_EMPTY, *RegisteredModel.PurposeClass.choices],
    )
    complexity = forms.ChoiceField(
        label=_("Complexity"),
        required=False,
        choices=[*_EMPTY, *RiskAssessment.Complexity.choices],
    )
    residual = forms.ChoiceField(
        label=_("Residual risk, after controls"), required=False
    )
    mitigations = forms.CharField(
        label=_("Controls"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What lowers the risk: oversight, limits, monitoring."),
    )

    def __init__(self, table: Matrix, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = [(f"{lik}x{imp}",) * 2 for lik, imp in table.cells]
        for name in ("inherent", "residual"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101
            field.choices = places
        for kind in NEEDED:
            likelihoods, impacts = _scale(table.likelihoods), _scale(table.impacts)
            self.fields[f"{kind}-likelihood"] = forms.TypedChoiceField(
                label=_("Likelihood"), choices=likelihoods, coerce=int
            )
            self.fields[f"{kind}-impact"] = forms.TypedChoiceField(
                label=_("Impact"), choices=impacts, coerce=int
            )
            self.fields[f"{kind}-reason"] = forms.CharField(
                label=_("Reason"), max_length=10_000
            )

    def scenarios(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Each scenario that every model has, with its fields."""
        parts = ("likelihood", "impact", "reason")
        return [
            (str(RiskScenario.Kind(kind).label), [self[f"{kind}-{p}"] for p in parts])
            for kind in NEEDED
        ]

    def judgement(self) -> dict[str, Any]:
        """The arguments of the act."""
        data = self.cleaned_data
        likelihood, impact = _place(data["inherent"])
        found: dict[str, Any] = {
            "likelihood": likelihood,
            "impact": impact,
            "rationale": data["rationale"],
            "mitigations": data["mitigations"],
            "materiality": Materiality(
                data["exposure"], data["purpose_class"], data["complexity"]
            ),
            "scenarios": [
                Scenario(
                    kind=kind,
                    likelihood=data[f"{kind}-likelihood"],
                    impact=data[f"{kind}-impact"],
                    reason=data[f"{kind}-reason"],
                )
                for kind in NEEDED
            ],
        }
        if data["residual"]:
            after = _place(data["residual"])
            found |= {"residual_likelihood": after[0], "residual_impact": after[1]}
        return found


def _scale(names: tuple[Name, ...]) -> list[tuple[str, str]]:
    points = [(str(n), f"{n} {name}") for n, name in enumerate(names, start=1)]
    return [("", "–"), *points]


def _place(text: str) -> Place:
    likelihood, impact = text.split("x")
    return int(likelihood), int(impact)


@page
def assess(request: PersonRequest, slug: str) -> HttpResponse:
    """Assess a model; the tier follows from the matrix and the floors."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    roles.require(request.user, "assess risk", model=model)
    row = _matrix(request)
    form = RiskForm(matrices.of(row), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            assessing.assess(
                model=model,
                matrix=row.slug,
                by=request.user,
                at=timezone.now(),
                **form.judgement(),
            )
            return redirect("web:model", model.slug)
        except matrices.OutsideMatrix as refusal:
            put_errors(form, {_beside(refusal.field): [str(refusal)]})
        except assessing.NotDeployable as refusal:
            put_errors(form, {"inherent": [str(refusal)]})
    return show(
        request,
        "risk/assess.html",
        {
            "form": form,
            "model": model,
            "matrix": matrix.draw(row),
            "table": matrices.of(row),
            "others": [m for m in _choices() if m.slug != row.slug],
            "floor": risk.floor_of(model)[1],
            "standing": risk.standing_of(model, timezone.now()),
        },
        section="models",
    )


def _beside(field: str) -> str:
    """The field of the form that an argument of the act comes from."""
    if field in ("likelihood", "impact"):
        return "inherent"
    return "residual" if field.startswith("residual") else field


def _matrix(request: PersonRequest) -> RiskMatrix:
    """The matrix that is asked for, as it counts now. Raises `Http404`."""
    try:
        return matrices.current(request.GET.get("matrix", "default"), at=timezone.now())
    except RiskMatrix.DoesNotExist as missing:
        raise Http404 from missing


def _choices() -> list[Matrix]:
    """The matrices that count now, each once."""
    rows = list(RiskMatrix.objects.order_by("slug", "version"))
    now = timezone.now()
    begun = [r for r in rows if r.effective_from is None or r.effective_from <= now]
    found = {matrices.in_force(row.slug, rows, at=now).pk for row in begun}
    return [matrices.of(row) for row in rows if row.pk in found]
