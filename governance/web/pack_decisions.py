"""Ending a pack, and letting it bind before its law applies: signed decisions."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import ending, policy, publishing, records, roles
from governance.models import PolicyPack
from governance.signatures import NotSigned
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.proof import ProofForm


class DecisionForm(ProofForm):
    """What is decided about a pack, why, and the signature."""

    END, KEEP, EARLY, ON_TIME = "end", "keep", "early", "on-time"

    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[
            (END, gettext_lazy("It ends")),
            (KEEP, gettext_lazy("It does not end after all")),
            (EARLY, gettext_lazy("Adopt it before its law applies")),
            (ON_TIME, gettext_lazy("It binds only once its law applies")),
        ],
    )
    ends_at = forms.DateTimeField(
        label=gettext_lazy("End (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("Empty: now. Counts only where it ends."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=10_000)


@page
def decide(request: PersonRequest, slug: str) -> HttpResponse:
    """End a pack or take its end back; adopt it early or no longer."""
    rows = PolicyPack.objects.filter(slug=slug).order_by("-effective_from")
    row = rows.first() or get_object_or_404(PolicyPack, slug=slug)
    form = DecisionForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid() and _decided(request, slug, form):
        return redirect("web:policy")
    context = {"row": row, "pack": policy.parse(row.document), "form": form}
    return show(request, "policy/decide.html", context, section="policy")


def _decided(request: PersonRequest, slug: str, form: DecisionForm) -> bool:
    data, at = form.cleaned_data, timezone.now()
    facts: dict[str, Any] = {
        "slug": slug,
        "reason": data["reason"],
        "proof": form.proof,
        "by": request.user,
        "at": at,
    }
    try:
        match data["decision"]:
            case form.END:
                ending.end(ends_at=data["ends_at"] or at, **facts)
            case form.KEEP:
                ending.end(ends_at=None, **facts)
            case decision:
                ending.adopt_early(adopted=decision == form.EARLY, **facts)
    except NotSigned as refusal:
        form.refuse(refusal)
    except records.Refused as refusal:
        put_errors(form, refusal.errors)
    except (roles.NotAllowed, publishing.WrongState) as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    else:
        messages.success(request, _("Decided and signed."))
        return True
    return False
