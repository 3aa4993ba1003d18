"""Random samples on pages: asking, drawing, and the file with the proofs."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.lots import LARGEST_SAMPLE
from governance import auditing, roles
from governance.auditing import drawing
from governance.models import AuditSample
from governance.web import kinds
from governance.web.frame import PersonRequest, may, page, show
from governance.web.offers import carry_out
from registry.models.base import SHA256

_DAY = {"type": "date"}


class SampleForm(forms.Form):
    """What to draw from, and how many."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Of what"), choices=AuditSample.Kind.choices
    )
    begin = forms.DateField(
        label=gettext_lazy("From (UTC)"), widget=forms.DateInput(attrs=_DAY)
    )
    end = forms.DateField(
        label=gettext_lazy("To (UTC)"), widget=forms.DateInput(attrs=_DAY)
    )
    size = forms.IntegerField(
        label=gettext_lazy("How many"),
        min_value=1,
        max_value=LARGEST_SAMPLE,
        initial=25,
    )
    by_tier = forms.BooleanField(
        label=gettext_lazy("From every tier in proportion, at least one"),
        required=False,
    )
    secret_sha256 = forms.CharField(
        label=gettext_lazy("SHA-256 of a word of yours"),
        required=False,
        max_length=64,
        validators=[SHA256],
        help_text=gettext_lazy(
            "If you want to be sure that the keeper of the log cannot steer the seed "
            "either: you give the word itself when you draw."
        ),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000)

    def wish(self) -> auditing.Wish:
        """What was asked for."""
        return auditing.Wish(**self.cleaned_data)


class DrawForm(forms.Form):
    """The word, where its SHA-256 was given."""

    secret = forms.CharField(
        label=gettext_lazy("Your word"), required=False, max_length=200, strip=False
    )


@page
def ask(request: PersonRequest) -> HttpResponse:
    """Fix what a sample is drawn from."""
    roles.require(request.user, "ask as an auditor")
    form = SampleForm(request.POST or None)
    if request.method == "POST":
        made = carry_out(
            form,
            lambda valid: auditing.ask_sample(
                wish=valid.wish(), by=request.user, at=timezone.now()
            ),
        )
        if isinstance(made, AuditSample):
            return redirect("web:audit_sample", made.pk)
    context = {
        "title": _("Draw a random sample"),
        "form": form,
        "above": [(reverse("web:auditors"), _("Auditor's room"))],
    }
    return show(request, "exceptions/ask.html", context, section="auditors")


@page
def sample(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One sample: how it is drawn, and what was drawn; draws on POST."""
    row = get_object_or_404(drawing.samples_for(request.user), pk=row_id)
    drawn = getattr(row, "draw", None)
    form = DrawForm(request.POST or None)
    if request.method == "POST" and carry_out(
        form,
        lambda valid: auditing.draw(
            sample=row,
            secret=valid.cleaned_data["secret"],
            by=request.user,
            at=timezone.now(),
        ),
    ):
        return redirect("web:audit_sample", row.pk)
    return show(
        request,
        "auditors/sample.html",
        {
            "row": row,
            "drawn": drawn,
            "ready": drawn is not None or drawing.ready(row),
            "mine": row.asked_by == request.user,
            "outside": roles.is_outside(request.user, request.held),
            "may_take": may(request, "ask as an auditor"),
            "form": form,
            "items": [
                (_stratum(stratum), kinds.kind(table), table, key)
                for stratum, table, key in (drawn.chosen if drawn else [])
            ],
            "file": file_name(row),
        },
        section="auditors",
    )


@page
def file(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """The drawn sample with its proofs, for those who audit."""
    roles.require(request.user, "ask as an auditor")
    row = get_object_or_404(
        drawing.samples_for(request.user).exclude(draw=None), pk=row_id
    )
    try:
        content = auditing.file_of(row.draw, by=request.user)
    except auditing.CannotDraw as refusal:
        messages.error(request, " ".join(sum(refusal.errors.values(), [])))
        return redirect("web:audit_sample", row.pk)
    reply = JsonResponse(content)
    reply.headers["Content-Disposition"] = f'attachment; filename="{file_name(row)}"'
    return reply


def _stratum(name: str) -> str:
    """What a part of the population is called; a tier by its number."""
    told = {"log": _("Log"), "all": _("all"), "tier-none": _("without a tier")}
    tier = name.removeprefix("tier-")
    return told.get(name) or _("Tier %(tier)s") % {"tier": tier}


def file_name(row: AuditSample) -> str:
    """The name of the file in which somebody keeps a sample."""
    return f"sample-{str(row.pk)[:8]}.json"
