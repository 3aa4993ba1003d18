"""People behind accounts: identifiers, declarations, credentials reset and proved."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import enrolment, persons, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.show import Json, user
from governance.models import CredentialReset, PersonIdentity, PersonLink
from registry.models import User

READERS = ("manage access", "prove identities", "declare persons")


def _require_reader(by: User) -> None:
    if not any(roles.may(by, right) for right in READERS):
        roles.require(by, READERS[0])


class Account(serializers.SlugRelatedField[User]):
    """A person's account, by user name."""

    def __init__(self, **more: Any) -> None:
        people = User.objects.filter(is_machine=False)
        super().__init__(slug_field="username", queryset=people, **more)


def identity(row: PersonIdentity) -> Json:
    """By what a human is known, or was until it ended."""
    return {
        "id": row.id,
        "user": user(row.user),
        "kind": row.kind,
        "issuer": row.issuer,
        "value": row.value,
        "recorded_by": user(row.recorded_by),
        "recorded_at": row.recorded_at,
        "ended_by": user(row.ended_by),
        "ended_at": row.ended_at,
        "end_reason": row.end_reason,
    }


def link(row: PersonLink) -> Json:
    """What was declared about two accounts."""
    return {
        "id": row.id,
        "first": user(row.first),
        "second": user(row.second),
        "same": row.same,
        "reason": row.reason,
        "declared_by": user(row.declared_by),
        "declared_at": row.declared_at,
    }


def reset(row: CredentialReset) -> Json:
    """A reset, and who confirmed afterwards who it is."""
    proof = getattr(row, "identity_proof", None)
    return {
        "id": row.id,
        "user": user(row.user),
        "reason": row.reason,
        "reset_by": user(row.reset_by),
        "reset_at": row.reset_at,
        "proved_by": user(proof.proved_by) if proof else None,
        "proved_at": proof.proved_at if proof else None,
        "seen": proof.seen if proof else None,
    }


class IdentityRecord(serializers.Serializer[Any]):
    """By what a human is known outside."""

    user = Account()
    kind = serializers.ChoiceField(PersonIdentity.Kind.choices)
    issuer = serializers.CharField(max_length=200, default="", allow_blank=True)
    value = serializers.CharField(max_length=320)


class IdentityList(Door):
    """`person-identities`"""

    @extend_schema(request=IdentityRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Record an identifier, as a SCIM client does."""
        form = IdentityRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = persons.record_identity(
            **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(identity(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List all identifiers, those ended too."""
        _require_reader(person(request))
        rows = PersonIdentity.objects.select_related("user", "recorded_by", "ended_by")
        return page(request, rows, identity, ordering=["-recorded_at", "id"])


class ReasonRecord(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=2000)


class IdentityEnd(Door):
    """`person-identities/{id}/end`"""

    @extend_schema(request=ReasonRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Say that an identifier no longer counts."""
        roles.require(person(request), "record identities")
        row = get_object_or_404(PersonIdentity, pk=row_id)
        form = ReasonRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = persons.end_identity(
            identity=row, **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(identity(found))


class LinkRecord(serializers.Serializer[Any]):
    """Whether two accounts are one human."""

    first = Account()
    second = Account()
    same = serializers.BooleanField()
    reason = serializers.CharField(max_length=2000)


class LinkList(Door):
    """`person-links`"""

    @extend_schema(request=LinkRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Declare that two accounts are one human, or two."""
        form = LinkRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = persons.declare(
            a=data["first"],
            b=data["second"],
            same=data["same"],
            reason=data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(link(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List what was declared, the newest first."""
        _require_reader(person(request))
        rows = PersonLink.objects.select_related("first", "second", "declared_by")
        return page(request, rows, link, ordering=["-declared_at", "id"])


class ResetRecord(serializers.Serializer[Any]):
    """Whose credentials are reset, and why."""

    user = Account()
    reason = serializers.CharField(max_length=2000)


class ResetList(Door):
    """`credential-resets`"""

    @extend_schema(request=ResetRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Make somebody's password useless; signing waits for a second person."""
        form = ResetRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = enrolment.reset(
            **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(reset(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the resets, the newest first."""
        _require_reader(person(request))
        rows = CredentialReset.objects.select_related(
            "user", "reset_by", "identity_proof__proved_by"
        )
        return page(request, rows, reset, ordering=["-reset_at", "id"])


class ProofRecord(serializers.Serializer[Any]):
    """By what the person is known to be who they say."""

    seen = serializers.CharField(max_length=2000)


class IdentityProofs(Door):
    """`credential-resets/{id}/identity-proof`; the answer holds a password, so none
    is kept for a repeat."""

    idempotent = False

    @extend_schema(request=ProofRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, row_id: UUID) -> Response:
        """Confirm who somebody is; the password to hand over is answered only now."""
        by = person(request)
        roles.require(by, "prove identities")
        row = get_object_or_404(CredentialReset, pk=row_id)
        form = ProofRecord(data=request.data)
        form.is_valid(raise_exception=True)
        password = enrolment.prove_identity(
            reset=row, **form.validated_data, by=by, at=timezone.now()
        )
        return Response({"password": password}, 201)
