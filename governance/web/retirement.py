"""Retiring a version: out of use for good, still in the inventory."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import retiring
from governance.models import Retirement
from governance.web.findings import Day
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from governance.web.offers import carry_out
from governance.web.proof import ProofForm
from governance.web.versions import find_version
from registry.models import ModelVersion

Act = Callable[[Any], object]


class RetireForm(ProofForm):
    """Why, what replaces it, and until when its records are kept; signed."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    retain_until = Day(label=gettext_lazy("Records are kept until"))

    def __init__(self, *args: Any, version: ModelVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = version.model.versions.exclude(pk=version.pk)
        self.fields["successor"] = forms.ModelChoiceField(
            label=_("Replaced by"),
            queryset=others,
            required=False,
            empty_label=_("nothing"),
        )
        self.order_fields(["reason", "successor", "retain_until"])

    def plan(self) -> retiring.Plan:
        """What is asked for."""
        names = ("reason", "successor", "retain_until")
        return retiring.Plan(**{name: self.cleaned_data[name] for name in names})


@page
def retire(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """The owner asks and signs; then risk signs, and it is retired."""
    row = find_version(slug, version)
    asked = Retirement.objects.filter(version=row).select_related("asked_by").first()
    retiring.require_next_hand(row, request.user, timezone.now())
    data = request.POST or None
    form, act = (
        _confirming(request, data, asked) if asked else _asking(request, data, row)
    )
    if request.method == "POST" and carry_out(form, act) is not None:
        said = _("The version is retired.") if asked else _("Risk confirms it next.")
        messages.success(request, said)
        return redirect(version_url(row))
    return show(
        request,
        "inventory/retire.html",
        {
            "form": form,
            "version": row,
            "model": row.model,
            "asked": asked,
            "refusal": _refusal(row),
        },
        section="models",
    )


def _refusal(row: ModelVersion) -> str:
    """Why it cannot be retired now, said before anybody signs; else empty."""
    try:
        retiring.require_unused(row, timezone.now())
    except retiring.NotPossible as refusal:
        return str(refusal)
    return ""


def _asking(
    request: PersonRequest, data: QueryDict | None, row: ModelVersion
) -> tuple[ProofForm, Act]:
    """What the owner fills in, and what that does."""

    def act(form: RetireForm) -> Retirement:
        return retiring.ask(
            version=row,
            plan=form.plan(),
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        )

    return RetireForm(data, request=request, version=row), act


def _confirming(
    request: PersonRequest, data: QueryDict | None, asked: Retirement
) -> tuple[ProofForm, Act]:
    """What risk signs, and what that does."""

    def act(form: ProofForm) -> object:
        return retiring.confirm(
            retirement=asked, proof=form.proof, by=request.user, at=timezone.now()
        )

    return ProofForm(data, request=request), act
