"""Retiring a version: out of use for good, still in the inventory."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import retiring, roles
from governance.models import Retirement
from governance.web.findings import Day
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from governance.web.offers import carry_out
from governance.web.proof import ProofForm
from governance.web.versions import find_version
from registry.models import ModelVersion


class RetireForm(ProofForm):
    """Why, what replaces it, and until when its records are kept; signed."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    successor = forms.ModelChoiceField(
        label=gettext_lazy("Replaced by"),
        queryset=ModelVersion.objects.none(),
        required=False,
        empty_label=gettext_lazy("nothing"),
    )
    retain_until = Day(label=gettext_lazy("Records are kept until"))

    def plan(self) -> retiring.Plan:
        """What is asked for."""
        names = ("reason", "successor", "retain_until")
        return retiring.Plan(**{name: self.cleaned_data[name] for name in names})


@page
def retire(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """The owner asks and signs; then risk signs, and it is retired."""
    row = find_version(slug, version)
    asked = Retirement.objects.filter(version=row).select_related("asked_by").first()
    right = "confirm retirements" if asked else "retire versions"
    roles.require(request.user, right, model=row.model)
    data = request.POST or None
    form: ProofForm = (
        ProofForm(data, request=request) if asked else RetireForm(data, request=request)
    )
    if isinstance(form, RetireForm):
        field = form.fields["successor"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
        field.queryset = row.model.versions.exclude(pk=row.pk)

    def act(valid: ProofForm) -> object:
        by, at = request.user, timezone.now()
        if asked is not None:
            return retiring.confirm(retirement=asked, proof=valid.proof, by=by, at=at)
        assert isinstance(valid, RetireForm)  # noqa: S101
        return retiring.ask(
            version=row, plan=valid.plan(), proof=valid.proof, by=by, at=at
        )

    if request.method == "POST" and carry_out(form, act) is not None:
        said = _("The version is retired.") if asked else _("Risk confirms it next.")
        messages.success(request, said)
        return redirect(version_url(row))
    return show(
        request,
        "inventory/retire.html",
        {"form": form, "version": row, "model": row.model, "asked": asked},
        section="models",
    )
