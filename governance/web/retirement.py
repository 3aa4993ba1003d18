"""Retiring a version: out of use for good, still in the inventory."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import lifecycle, roles
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.links import version_url
from governance.web.versions import find_version


class RetireForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 3})
    )


@page
def retire(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Ask for the reason, then retire."""
    row = find_version(slug, version)
    roles.require(request.user, "suspend", model=row.model)
    form = RetireForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            lifecycle.retire(
                version=row,
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
            )
            messages.success(request, _("The version is retired."))
            return redirect(version_url(row))
        except lifecycle.NoSuchMove as refusal:
            put_errors(form, {"reason": [str(refusal)]})
    return show(
        request,
        "inventory/retire.html",
        {"form": form, "version": row, "model": row.model},
        section="models",
    )
