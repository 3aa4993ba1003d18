"""Authorisations: suspending, reinstating and revoking them."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import deployments
from governance.lifecycle import NoSuchMove, State, state_of
from governance.models import Authorisation
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.links import version_url


class ChangeForm(forms.Form):
    """What an authorisation becomes, and why."""

    to = forms.ChoiceField(
        label=gettext_lazy("It becomes"),
        choices=[
            (State.SUSPENDED, gettext_lazy("suspended until further notice")),
            (State.ACTIVE, gettext_lazy("active again")),
            (State.REVOKED, gettext_lazy("revoked for good")),
        ],
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), widget=forms.Textarea(attrs={"rows": 3})
    )


@page
def authorisation_page(request: PersonRequest, authorisation_id: UUID) -> HttpResponse:
    """Show one authorisation and change its state."""
    row = get_object_or_404(
        Authorisation.objects.select_related(
            "version__model", "environment", "request"
        ).prefetch_related("changes__changed_by"),
        pk=authorisation_id,
    )
    form = ChangeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            deployments.change_authorisation(
                authorisation=row,
                to=State(form.cleaned_data["to"]),
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
            )
            messages.success(request, _("The authorisation was changed."))
            return redirect(version_url(row.version))
        except (deployments.CannotChange, NoSuchMove) as refusal:
            put_errors(form, {"to": [str(refusal)]})
    return show(
        request,
        "gate/authorisation.html",
        {
            "form": form,
            "authorisation": row,
            "version": row.version,
            "state": state_of(row),
        },
        section="models",
    )
