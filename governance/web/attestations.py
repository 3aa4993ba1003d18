"""The accountable executive's attestations of the fleet."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import attestations, roles
from governance.models import Attestation
from governance.web.findings import Day
from governance.web.frame import PersonRequest, page, show
from governance.web.offers import Line, Step, carry_out
from governance.web.proof import ProofForm

PER_PAGE = 25


class AttestForm(ProofForm):
    """Period, scope, and an answer to every question; signed."""

    period_from = Day(label=gettext_lazy("From"))
    period_until = Day(label=gettext_lazy("Until"))
    scope = forms.CharField(
        label=gettext_lazy("Models"),
        max_length=200,
        initial="*",
        help_text=gettext_lazy("A pattern of short names, such as * or credit-*."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, question in attestations.QUESTIONS.items():
            self.fields[name] = forms.BooleanField(label=_(question), required=False)
            self.fields[f"{name}_comment"] = forms.CharField(
                label=_("If not: why"), required=False, max_length=10_000
            )

    def answers(self) -> dict[str, attestations.Answer]:
        """What was answered."""
        data = self.cleaned_data
        return {
            name: attestations.Answer(data[name], data[f"{name}_comment"])
            for name in attestations.QUESTIONS
        }


@page
def attestations_page(request: PersonRequest) -> HttpResponse:
    """All attestations, the newest first."""
    rows = Attestation.objects.select_related("attested_by")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    links = []
    if roles.may(request.user, "attest"):
        links.append((reverse("web:attest"), _("Attest the fleet")))
    context = {
        "title": _("Attestations"),
        "intro": _("The executive's signed word about all models of a scope."),
        "links": links,
        "rows": shown,
        "lines": [
            Line(
                address=reverse("web:attestation", args=[row.pk]),
                name=f"{row.period_from} – {row.period_until}",
                about=row.scope,
                cells=(row.attested_by.printed_name,),
                state=f"sha256:{row.snapshot_sha256[:12]}…",
                sign="yes",
            )
            for row in shown
        ],
        "columns": [_("Period"), _("By"), _("Snapshot")],
        "empty": _("Nobody has attested yet. The accountable executive does."),
    }
    return show(request, "exceptions/list.html", context, section="findings")


@page
def attest(request: PersonRequest) -> HttpResponse:
    """Attest the fleet."""
    roles.require(request.user, "attest")
    form = AttestForm(request.POST or None, request=request)

    def act(valid: AttestForm) -> Attestation:
        data = valid.cleaned_data
        names = ("period_from", "period_until", "scope")
        return attestations.attest(
            period=attestations.Period(*(data[name] for name in names)),
            answers=valid.answers(),
            proof=valid.proof,
            by=request.user,
            at=timezone.now(),
        )

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, Attestation):
            return redirect("web:attestation", made.pk)
    context = {
        "title": _("Attest the fleet"),
        "intro": _("Refused while a critical finding is open."),
        "form": form,
        "above": [(reverse("web:attestations"), _("Attestations"))],
    }
    return show(request, "exceptions/ask.html", context, section="findings")


@page
def attestation_page(request: PersonRequest, attestation_id: UUID) -> HttpResponse:
    """One attestation with its answers and its snapshot."""
    row = get_object_or_404(
        Attestation.objects.select_related("attested_by"), pk=attestation_id
    )
    answers = [
        (
            _(attestations.QUESTIONS[name]),
            (_("yes") if said["yes"] else _("no")) + f" {said['comment']}",
        )
        for name, said in row.answers.items()
        if name in attestations.QUESTIONS
    ]
    context = {
        "title": f"{row.period_from} – {row.period_until}",
        "above": [(reverse("web:attestations"), _("Attestations"))],
        "facts": [
            (_("Models"), row.scope),
            *answers,
            (_("SHA-256 of the snapshot"), row.snapshot_sha256),
            (_("Snapshot"), row.snapshot),
        ],
        "steps": [
            Step(_("signed"), row.attested_by.printed_name, row.attested_at),
        ],
        "offers": [],
    }
    return show(request, "exceptions/record.html", context, section="findings")
