"""Whose signature on evidence from others counts."""

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audits.models import EvidenceSigner
from governance import evidence_signers, roles
from governance.records import Refused
from governance.web.frame import PersonRequest, page, put_errors, show


class SignerForm(forms.Form):
    """An outside party and its key."""

    name = forms.CharField(label=_("Name"), max_length=200)
    slug = forms.CharField(
        label=_("Short name for addresses and pipelines"),
        max_length=80,
        help_text=_("Lower-case letters, digits and hyphens: test-laboratory."),
    )
    public_key = forms.CharField(
        label=_("Public key (Ed25519)"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "32 bytes in base64, or PEM. Have it confirmed on another way than the one "
            "by which it came."
        ),
    )


class RevokeForm(forms.Form):
    """Why nothing new is accepted."""

    reason = forms.CharField(
        label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


@page
def signers(request: PersonRequest) -> HttpResponse:
    """All signers; those who may register one on POST."""
    form = SignerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            evidence_signers.register_signer(
                **form.cleaned_data, by=request.user, at=timezone.now()
            )
            return redirect("web:signers")
        except Refused as refusal:
            put_errors(form, refusal.errors)
    return show(
        request,
        "evidence/signers.html",
        {
            "form": form,
            "signers": EvidenceSigner.objects.select_related(
                "registered_by", "revoked_by"
            ),
            "may_choose": roles.may(request.user, evidence_signers.RIGHT),
        },
        section="models",
    )


@page
def revoke(request: PersonRequest, slug: str) -> HttpResponse:
    """Revoke a signer."""
    roles.require(request.user, evidence_signers.RIGHT)
    row = get_object_or_404(EvidenceSigner, slug=slug)
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            evidence_signers.revoke_signer(
                signer=row,
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:signers")
        except Refused as refusal:
            put_errors(form, refusal.errors)
    return show(
        request,
        "evidence/revoke_signer.html",
        {"form": form, "signer": row},
        section="models",
    )
