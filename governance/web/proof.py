"""The part of a form where a person proves who signs."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import passkeys, series, stepups
from governance.signatures import NotSigned, Proof, one_way
from governance.web.frame import PersonRequest, page, put_errors
from registry.digests import sha256_hex, sha256_of_chunks

MAX_ASSERTION = 16 * 1024
_PROOF = ("user_name", "password", "assertion", "step_up")


class ProofForm(forms.Form):
    """Mix-in of a signing form: user name and password, a passkey's answer, or a
    confirmation by the identity provider.

    After `is_valid`, `proof` is what the act takes. Make it with `request=`. Within an
    open series of signings the user name is not asked for again.
    """

    user_name = forms.CharField(
        label=gettext_lazy("Your user name"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        required=False,
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    assertion = forms.CharField(
        required=False, max_length=MAX_ASSERTION, widget=forms.HiddenInput
    )
    step_up = forms.CharField(required=False, max_length=36, widget=forms.HiddenInput)

    proof: Proof
    may_lack_proof = False

    def __init__(self, *args: Any, request: PersonRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.session_sha256 = session_of(request)
        # What is signed stands before who signs it.
        self.order_fields([n for n in self.fields if n not in _PROOF] + list(_PROOF))
        if series.current(
            user=request.user, session_sha256=self.session_sha256, at=timezone.now()
        ):
            del self.fields["user_name"]
        if settings.FREIGABE_SSO_REQUIRED:
            self.fields.pop("user_name", None)
            del self.fields["password"]

    @cached_property
    def passkeys(self) -> bool:
        """Whether the person may sign with a passkey instead."""
        demanded = settings.FREIGABE_SSO_REQUIRED
        return not demanded and bool(passkeys.of(self.request.user))

    @cached_property
    def single_sign_on(self) -> bool:
        """Whether the person may be asked at the identity provider instead."""
        return stepups.offered(self.request.user)

    @property
    def components(self) -> str:
        """Which components are asked now (21 CFR 11.200(a)(1)), in words."""
        if settings.FREIGABE_SSO_REQUIRED:
            return one_way()
        if "user_name" not in self.fields:
            said = _("Your series of signings is open: your password is enough.")
        else:
            said = _("You sign with your user name and your password.")
        if self.passkeys:
            said = _("%(said)s Or with a passkey.") % {"said": said}
        if self.single_sign_on:
            said = _("%(said)s Or with single sign-on.") % {"said": said}
        return said

    def clean(self) -> dict[str, Any]:
        """Exactly one way to prove it."""
        data = super().clean() or self.cleaned_data
        self.proof = Proof(
            password=data.get("password", ""),
            assertion=data.get("assertion", ""),
            step_up=data.get("step_up", ""),
            intent_sha256=intent_of(self.request, self.request.path),
            user_name=data.get("user_name") or None,
            session_sha256=self.session_sha256,
        )
        shown = self.proof.ways
        if shown != 1 and not (shown == 0 and self.may_lack_proof):
            put_errors(self, {"password": [one_way()]})
        return data

    def refuse(self, refusal: NotSigned) -> None:
        """Show why nothing was signed, beside the field that it concerns."""
        put_errors(self, {refusal.field: [str(refusal)]})


def session_of(request: PersonRequest) -> str:
    """SHA-256 of the log-in: another log-in, also of the same person, has another."""
    return sha256_hex((request.session.session_key or "").encode())


def intent_of(request: PersonRequest, address: str) -> str:
    """What a form sent to `address` would sign: all its fields but the proof."""
    left_out = {*_PROOF, "csrfmiddlewaretoken"}
    fields: dict[str, Any] = {
        name: values for name, values in request.POST.lists() if name not in left_out
    }
    for name, uploads in request.FILES.lists():
        fields[name] = [sha256_of_chunks(upload.chunks())[0] for upload in uploads]
    return passkeys.intent(address=address, fields=fields)


@page
@require_POST
def challenge(request: PersonRequest) -> HttpResponse:
    """What the person's passkey has to sign for the form that the script sends."""
    try:
        options = passkeys.ask(
            session_sha256=session_of(request),
            intent_sha256=intent_of(request, request.GET.get("address", "")),
            host=request.get_host().partition(":")[0],
            by=request.user,
            at=timezone.now(),
        )
    except passkeys.NoPasskey as refusal:
        return JsonResponse({"detail": str(refusal)}, status=409)
    return JsonResponse(options)
