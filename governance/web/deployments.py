"""Authorisations: suspending, reinstating and revoking them."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import deployments, roles, suspensions
from governance.lifecycle import NoSuchMove, State, state_of
from governance.models import Authorisation
from governance.web.frame import PersonRequest, may, page, put_errors, show
from governance.web.links import version_url
from governance.web.offers import Offer, SignedTextForm, carry_out, form_for


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


_CHANGING = ("suspend", "reinstate", "revoke")


@page
def authorisation_page(request: PersonRequest, authorisation_id: UUID) -> HttpResponse:
    """Show one authorisation and change its state."""
    row = get_object_or_404(
        Authorisation.objects.select_related(
            "version__model", "environment", "request"
        ).prefetch_related("changes__changed_by"),
        pk=authorisation_id,
    )
    chosen = request.method == "POST" and "act" not in request.POST
    form = ChangeForm(request.POST if chosen else None)
    if chosen and form.is_valid():
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
    agreeing = _agreement(request, row)
    if agreeing is not None and carry_out(agreeing.form, agreeing.act) is not None:
        messages.success(request, _("Done, and recorded."))
        return redirect("web:authorisation", row.pk)
    return show(
        request,
        "gate/authorisation.html",
        {
            "form": form,
            "authorisation": row,
            "version": row.version,
            "state": state_of(row),
            "may_change": any(may(request, right) for right in _CHANGING),
            "offers": [agreeing] if agreeing is not None else [],
        },
        section="models",
    )


def _agreement(request: PersonRequest, row: Authorisation) -> Offer | None:
    """What an approver signs before a suspension of tier 1 or 2 ends."""
    latest = row.changes.order_by("-sequence").first()
    may = roles.may(request.user, "agree to reinstatements", model=row.version.model)
    if latest is None or latest.state != State.SUSPENDED or not may:
        return None
    return Offer(
        "agree",
        _("Agree that it may run again, signed"),
        form_for(request, "agree", SignedTextForm),
        lambda form: suspensions.agree(
            authorisation=row,
            comment=form.cleaned_data["text"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        ),
        statement=suspensions.agreement(row, latest, by=request.user),
    )
