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
from governance.models import PackEnd, PolicyPack
from governance.signatures import NotSigned
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.moments import UtcField
from governance.web.proof import ProofForm


class DecisionForm(ProofForm):
    """What is decided about a pack, why, and the signature."""

    END, KEEP, EARLY, ON_TIME = "end", "keep", "early", "on-time"

    DECISIONS = (
        (END, gettext_lazy("It ends (a second person confirms)")),
        (KEEP, gettext_lazy("It does not end after all")),
        (EARLY, gettext_lazy("Adopt it before its law applies")),
        (
            ON_TIME,
            gettext_lazy(
                "It binds only once its law applies (a second person confirms)"
            ),
        ),
    )

    decision = forms.ChoiceField(label=gettext_lazy("Decision"), choices=DECISIONS)
    ends_at = UtcField(
        label=gettext_lazy("End (UTC)"),
        required=False,
        help_text=gettext_lazy("Empty: now. Counts only where it ends."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=10_000,
        required=False,
        help_text=gettext_lazy("What you confirm has its reason."),
    )

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        """Offer what waits for a second person, each proposal by its own id."""
        super().__init__(*args, **kwargs)
        self.proposals = {str(row.pk): row for row in ending.waiting(slug)}
        choice = self.fields["decision"]
        if isinstance(choice, forms.ChoiceField):
            offered = [(pk, _in_words(row)) for pk, row in self.proposals.items()]
            choice.choices = [*offered, *self.DECISIONS]


def _in_words(row: ending.Decision) -> str:
    values = {"name": row.decided_by.printed_name}
    if isinstance(row, PackEnd):
        values["day"] = f"{row.ends_at:%Y-%m-%d %H:%M UTC}"
        return _("I confirm that it ends on %(day)s, as %(name)s proposes") % values
    return (
        _("I confirm that it binds only once its law applies, as %(name)s proposes")
        % values
    )


@page
def decide(request: PersonRequest, slug: str) -> HttpResponse:
    """End a pack or take its end back; adopt it early or no longer; confirm that."""
    rows = PolicyPack.objects.filter(slug=slug).order_by("-effective_from")
    row = rows.first() or get_object_or_404(PolicyPack, slug=slug)
    form = DecisionForm(request.POST or None, request=request, slug=slug)
    if request.method == "POST" and form.is_valid() and _decided(request, slug, form):
        return redirect("web:policy")
    context = {"row": row, "pack": policy.parse(row.document), "form": form}
    return show(request, "policy/decide.html", context, section="policy")


def _decided(request: PersonRequest, slug: str, form: DecisionForm) -> bool:
    data, at = form.cleaned_data, timezone.now()
    proposal = form.proposals.get(data["decision"])
    signed: dict[str, Any] = {"proof": form.proof, "by": request.user, "at": at}
    facts = {"slug": slug, "reason": data["reason"], **signed}
    try:
        match data["decision"]:
            case _ if proposal is not None:
                ending.confirm(proposal=proposal, **signed)
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
    except (roles.NotAllowed, ending.SamePerson, publishing.WrongState) as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    else:
        messages.success(request, _("Decided and signed."))
        return True
    return False
