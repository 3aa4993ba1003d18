"""The tier of a model: what counts, and the second line's signed word on it."""

from collections.abc import Mapping

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import assessing, matrices, risk, roles, tier_decisions
from governance.models import RecordSignature
from governance.risk import Standing
from governance.signatures import NotSigned
from governance.tier_decisions import CannotDecide, OwnWork
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.proof import ProofForm
from registry.models import RegisteredModel

ACTS = ("override", "reduce", "take-back-override", "take-back-reduction", "demand")


class TierForm(ProofForm):
    """A decision on a tier: what, why, and who signs it."""

    act = forms.ChoiceField(
        choices=[(act, act) for act in ACTS], widget=forms.HiddenInput
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 2})
    )


class OverrideForm(TierForm):
    """Another tier than the computed one."""

    tier = forms.TypedChoiceField(
        label=gettext_lazy("Tier"),
        coerce=int,
        choices=[(n, str(n)) for n in (1, 2, 3, 4)],
    )


class DemandForm(forms.Form):
    """Why a model must be assessed anew."""

    act = forms.ChoiceField(
        choices=[(act, act) for act in ACTS], widget=forms.HiddenInput
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 2})
    )


Offered = TierForm | DemandForm


@page
def tier(request: PersonRequest, slug: str) -> HttpResponse:
    """Show the tier that binds and why; decide on it on POST."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    roles.require(request.user, "read", model=model)
    at = timezone.now()
    standing = risk.standing_of(model, at)
    offers = _offers(request, model, standing)
    if request.method == "POST":
        form = offers.get(request.POST.get("act", ""))
        if (
            form is not None
            and form.is_valid()
            and _done(request, model, form, standing)
        ):
            messages.success(request, _("It is recorded."))
            return redirect("web:tier", model.slug)
    row = standing.assessment
    decisions = row.tier_decisions.select_related("decided_by") if row else ()
    signed = RecordSignature.objects.filter(record_type=tier_decisions.RECORD)
    return show(
        request,
        "risk/tier.html",
        {
            "model": model,
            "standing": standing,
            "assessment": row,
            "own": matrices.of(row.matrix).look_up(row.likelihood, row.impact)
            if row
            else None,
            "decisions": [
                (d, signed.filter(record_id=d.pk).first()) for d in decisions
            ],
            "offers": [(act, _titles()[act], form) for act, form in offers.items()],
        },
        section="models",
    )


def _titles() -> Mapping[str, str]:
    return {
        "override": _("Override the computed tier"),
        "reduce": _("Let the residual risk give the tier"),
        "take-back-override": _("Take the override back"),
        "take-back-reduction": _("Take the reduction back"),
        "demand": _("Demand a reassessment"),
    }


def _offers(
    request: PersonRequest, model: RegisteredModel, standing: Standing
) -> dict[str, Offered]:
    """The forms of what this person may try; the acts decide."""
    found: dict[str, Offered] = {}

    def offer(act: str, kind: type[TierForm]) -> None:
        found[act] = kind(
            request.POST if request.POST.get("act") == act else None,
            request=request,
            initial={"act": act},
            auto_id=f"id_{act}_%s",
        )

    row = standing.assessment
    if row is not None and roles.may(request.user, "decide on tiers", model=model):
        if standing.override is None:
            offer("override", OverrideForm)
        else:
            offer("take-back-override", TierForm)
        if standing.reduction is not None:
            offer("take-back-reduction", TierForm)
        elif row.residual_score is not None:
            offer("reduce", TierForm)
    if roles.may(request.user, "demand a reassessment", model=model):
        data = request.POST if request.POST.get("act") == "demand" else None
        found["demand"] = DemandForm(
            data, initial={"act": "demand"}, auto_id="id_demand_%s"
        )
    return found


def _done(
    request: PersonRequest, model: RegisteredModel, form: Offered, standing: Standing
) -> bool:
    """Do it, or put the reason why not beside the field that it concerns."""
    try:
        _carry_out(request, model, form, standing)
    except NotSigned as refusal:
        put_errors(form, {refusal.field: [str(refusal)]})
    except CannotDecide as refusal:
        put_errors(form, {refusal.field or "__all__": [str(refusal)]})
    except (OwnWork, matrices.OutsideMatrix) as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    else:
        return True
    return False


def _carry_out(
    request: PersonRequest, model: RegisteredModel, form: Offered, standing: Standing
) -> None:
    data, by, at = form.cleaned_data, request.user, timezone.now()
    if not isinstance(form, TierForm):
        assessing.demand(model=model, reason=data["reason"], by=by, at=at)
        return
    signed = {"reason": data["reason"], "proof": form.proof, "by": by, "at": at}
    row = standing.assessment
    assert row is not None  # noqa: S101 - else nothing of this was offered
    if isinstance(form, OverrideForm):
        tier_decisions.override(assessment=row, tier=data["tier"], **signed)
    elif data["act"] == "reduce":
        tier_decisions.reduce(assessment=row, **signed)
    else:
        over = data["act"] == "take-back-override"
        decision = standing.override if over else standing.reduction
        assert decision is not None  # noqa: S101
        tier_decisions.take_back(decision=decision, **signed)
