"""What a signer sends beside what is signed: a password or a passkey's answer."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from governance.signatures import Proof

MAX_ASSERTION = 16 * 1024


class Proven(serializers.Serializer[Any]):
    """Mix-in of a signing call: exactly one of `password` and `assertion`.

    After `is_valid`, `proof` is what the act takes, and `validated_data` holds the
    other fields only.
    """

    password = serializers.CharField(
        max_length=1000, required=False, trim_whitespace=False, write_only=True
    )
    assertion = serializers.DictField(required=False, write_only=True)

    proof: Proof

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take the proof out of the fields."""
        attrs = super().validate(attrs)
        password, assertion = attrs.pop("password", ""), attrs.pop("assertion", None)
        if bool(password) == bool(assertion):
            told = _("Sign with your password or with a passkey, one of the two.")
            raise serializers.ValidationError({"password": [told]})
        self.proof = Proof(password=password)
        return attrs
