"""The part of a form where a person proves who signs."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.signatures import NotSigned, Proof
from governance.web.frame import PersonRequest, put_errors


class ProofForm(forms.Form):
    """Mix-in of a signing form: user name and password, or a passkey's answer.

    After `is_valid`, `proof` is what the act takes. Make it with `request=`.
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
    assertion = forms.CharField(required=False, widget=forms.HiddenInput)

    proof: Proof

    def __init__(self, *args: Any, request: PersonRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        # What is signed stands before who signs it.
        last = ("user_name", "password", "assertion")
        self.order_fields([n for n in self.fields if n not in last] + list(last))

    def clean(self) -> dict[str, Any]:
        """Exactly one way to prove it."""
        data = super().clean() or self.cleaned_data
        password, assertion = data.get("password", ""), data.get("assertion", "")
        if bool(password) == bool(assertion):
            told = _("Sign with your password or with a passkey, one of the two.")
            self.add_error("password", forms.ValidationError(told))
        self.proof = Proof(password=password)
        return data

    def refuse(self, refusal: NotSigned) -> None:
        """Show why nothing was signed, beside the field that it concerns."""
        put_errors(self, {refusal.field: [str(refusal)]})
