"""What a signer sends beside what is signed: a password or a passkey's answer."""

import json
from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import passkeys, roles, stepups
from governance.api.door import Door, person
from governance.signatures import Proof, one_way
from registry.digests import NotCanonical, sha256_of_chunks

# A passkey's answer is about 1 KiB; its keys are those of the W3C's JSON form.
MAX_ASSERTION = 16 * 1024
_PROOF = ("password", "assertion", "step_up", "user_name")


class Proven(serializers.Serializer[Any]):
    """Mix-in of a signing call: exactly one of `password`, `assertion` and
    `step_up`, the id of an answered `signing-step-ups`.

    After `is_valid`, `proof` is what the act takes, and `validated_data` holds the
    other fields only. Make it with `context={"request": request}`.
    """

    password = serializers.CharField(
        max_length=1000, required=False, trim_whitespace=False, write_only=True
    )
    assertion = serializers.JSONField(required=False, write_only=True)
    step_up = serializers.UUIDField(required=False, write_only=True)

    proof: Proof
    may_lack_proof = False

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take the proof out of the fields."""
        attrs = super().validate(attrs)
        password, assertion = attrs.pop("password", ""), attrs.pop("assertion", None)
        step_up = attrs.pop("step_up", None)
        ways = sum(map(bool, (password, assertion, step_up)))
        if ways != 1 and not (ways == 0 and self.may_lack_proof):
            raise serializers.ValidationError({"password": [one_way()]})
        request = self.context.get("request")
        if request is None:
            self.proof = Proof(password=password, token=True)
            return attrs
        self.proof = Proof(
            password=password,
            assertion=_text(assertion) if assertion else "",
            step_up=str(step_up) if step_up else "",
            intent_sha256=_intent(request) if assertion or step_up else "",
            session_sha256=str(request.auth),
            token=True,
        )
        return attrs


def _text(assertion: object) -> str:
    text = json.dumps(assertion)
    if len(text) > MAX_ASSERTION:
        told = _("This is no answer of a passkey.")
        raise serializers.ValidationError({"assertion": [told]})
    return text


def _intent(request: Request) -> str:
    """What this request would sign: its address and all fields but the proof."""
    fields = {
        name: _value(value)
        for name, value in cast("Mapping[str, Any]", request.data).items()
        if name not in _PROOF
    }
    return _bound(request.path, fields)


def _bound(address: str, fields: Mapping[str, Any]) -> str:
    """The digest of both. Raises `ValidationError` for what has no canonical form."""
    try:
        return passkeys.intent(address=address, fields=dict(fields))
    except NotCanonical as error:
        raise serializers.ValidationError(str(error)) from error


def _value(value: Any) -> Any:
    """A field as it is bound: of a file, its digest."""
    if isinstance(value, UploadedFile):
        return {"sha256": sha256_of_chunks(value.chunks())[0]}
    return value


class ChallengeRecord(serializers.Serializer[Any]):
    """What is to be signed with a passkey: the call, and its body without the proof.

    Of an uploaded file, `{"sha256": ...}` stands in the body.
    """

    address = serializers.CharField(max_length=500)
    body = serializers.DictField(default=dict)


class Challenges(Door):
    """`signing-challenges`; each is new, so no key is needed."""

    idempotent = False

    @extend_schema(request=ChallengeRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Ask for what one's passkey has to sign, once and within five minutes."""
        by = person(request)
        roles.require_person(by)
        form = ChallengeRecord(data=request.data)
        form.is_valid(raise_exception=True)
        body: Mapping[str, Any] = form.validated_data["body"]
        options = passkeys.ask(
            session_sha256=str(request.auth),
            intent_sha256=_bound(form.validated_data["address"], body),
            host=request.get_host().partition(":")[0],
            by=by,
            at=timezone.now(),
        )
        return Response(options, 201)


class StepUps(Door):
    """`signing-step-ups`; each is new, so no key is needed."""

    idempotent = False

    @extend_schema(request=ChallengeRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Ask for a confirmation at the identity provider, for one call.

        The person opens `url` in the browser where they are logged in, and has five
        minutes; then the call itself carries `step_up`, within five minutes, once.
        """
        by = person(request)
        roles.require_person(by)
        form = ChallengeRecord(data=request.data)
        form.is_valid(raise_exception=True)
        address, body = form.validated_data["address"], form.validated_data["body"]
        row = stepups.ask(
            session_sha256=str(request.auth),
            intent_sha256=_bound(address, body),
            address=address,
            by=by,
            at=timezone.now(),
        )
        url = settings.FREIGABE_INSTANCE_URL + reverse("web:step_up", args=[row.pk])
        ends_at = row.made_at + stepups.LIFE
        return Response({"step_up": row.pk, "url": url, "ends_at": ends_at}, 201)
