"""Servers that ask whether to go on: what they send, and what they were answered."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import forges, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.identities import READERS
from governance.api.proof import Proven
from governance.api.show import Json, user
from governance.models import Forge, ForgePlace, ForgeRequest
from governance.patience import DECIDING_SECONDS


def _require_reader(request: Request) -> None:
    """As for pipelines, and for all of them: reasons name models and environments."""
    by = person(request)
    if not any(roles.may(by, name, model="*", environment="*") for name in READERS):
        roles.require(by, READERS[0], model="*", environment="*")


def forge(row: Forge) -> Json:
    """A server, without its secret and our credential."""
    end = getattr(row, "end", None)
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "address": row.address,
        "issuer": row.issuer,
        "app_id": row.app_id,
        "user": user(row.user),
        "registered_by": user(row.registered_by),
        "registered_at": row.registered_at,
        "ended_at": end.ended_at if end else None,
        "end_reason": end.reason if end else None,
    }


def place(row: ForgePlace) -> Json:
    """What a place means here, with both hands on it."""
    confirmation = getattr(row, "confirmation", None)
    end = getattr(row, "end", None)
    return {
        "id": row.id,
        "forge": row.forge.name,
        "project_id": row.project_id,
        "owner_id": row.owner_id,
        "target": row.target,
        "models_pattern": row.models_pattern,
        "environment": row.environment.slug,
        "reason": row.reason,
        "sha256": row.subject_sha256,
        "state": row.state,
        "proposed_by": user(row.proposed_by),
        "proposed_at": row.proposed_at,
        "confirmed_by": user(confirmation.confirmed_by) if confirmation else None,
        "confirmed_at": confirmation.confirmed_at if confirmation else None,
        "ended_by": user(end.ended_by) if end else None,
        "ended_at": end.ended_at if end else None,
        "end_reason": end.reason if end else None,
    }


def asked(row: ForgeRequest) -> Json:
    """What a server asked, how it was decided and why, and every try to answer."""
    return {
        "id": row.id,
        "forge": row.forge.name,
        "kind": row.forge.kind,
        "delivery": row.delivery,
        "project": row.project,
        "project_id": row.project_id,
        "target": row.target,
        "run": row.run,
        "sha": row.sha,
        "received_at": row.received_at,
        "state": row.state,
        "allowed": row.allowed if row.decided_at else None,
        "reason": row.reason,
        "decision_id": row.decision_id,
        "decided_at": row.decided_at,
        "due_at": row.due_at if row.state == ForgeRequest.State.WAITING else None,
        "attempts": [
            {
                "attempted_at": one.attempted_at,
                "allowed": one.allowed,
                "decision_id": one.decision_id,
                "status": one.status,
                "response_start": one.response_start,
                "problem": one.problem,
            }
            for one in row.attempts.all()
        ],
    }


class ForgeRecord(serializers.Serializer[Any]):
    """A server that asks; `credential` is what we show it when we answer."""

    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(Forge.Kind.choices)
    address = serializers.CharField(max_length=300)
    issuer = serializers.CharField(max_length=300)
    app_id = serializers.CharField(max_length=40, default="", allow_blank=True)
    credential = serializers.CharField(
        max_length=16_000, default="", allow_blank=True, trim_whitespace=False
    )


class ForgeList(Door):
    """`forges`; the answer holds a secret, so none is kept for a repeat."""

    idempotent = False

    @extend_schema(request=ForgeRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Register a server; its secret is answered only now."""
        form = ForgeRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row, secret = forges.register(
            **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response({**forge(row), "secret": secret}, 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the servers, those ended too."""
        _require_reader(request)
        rows = Forge.objects.select_related("user", "registered_by", "end")
        return page(request, rows, forge, ordering=["name", "id"])


class ForgeEndRecord(serializers.Serializer[Any]):
    """Why it ends."""

    reason = serializers.CharField(max_length=2000)


class ForgeEnds(Door):
    """`forges/{id}/end`"""

    @extend_schema(request=ForgeEndRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Listen to a server no more."""
        by = person(request)
        roles.require(by, "end trust in pipelines")
        row = get_object_or_404(Forge, pk=row_id)
        form = ForgeEndRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = forges.end(forge=row, **form.validated_data, by=by, at=timezone.now())
        return Response(forge(found))


class ForgeSecrets(Door):
    """`forges/{id}/secret`; the answer holds a secret, so none is kept."""

    idempotent = False

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Give the server a new secret; it is answered only now."""
        by = person(request)
        roles.require(by, "trust pipelines")
        row = get_object_or_404(Forge, pk=row_id)
        found, secret = forges.replace_secret(forge=row, by=by, at=timezone.now())
        return Response({**forge(found), "secret": secret})


class ForgeCredentialRecord(serializers.Serializer[Any]):
    """What we show the server from now on when we answer."""

    credential = serializers.CharField(max_length=16_000, trim_whitespace=False)


class ForgeCredentials(Door):
    """`forges/{id}/credential`"""

    @extend_schema(request=ForgeCredentialRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Answer with another key of the App, or another token of GitLab."""
        by = person(request)
        roles.require(by, "trust pipelines")
        row = get_object_or_404(Forge, pk=row_id)
        form = ForgeCredentialRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = forges.replace_credential(
            forge=row, **form.validated_data, by=by, at=timezone.now()
        )
        return Response(forge(found))


class PlaceRecord(serializers.Serializer[Any]):
    """What a repository's environment, or a target branch, means here."""

    forge = serializers.CharField(max_length=80)
    project_id = serializers.CharField(max_length=100)
    owner_id = serializers.CharField(max_length=100, default="", allow_blank=True)
    target = serializers.CharField(max_length=255)
    models_pattern = serializers.CharField(max_length=200)
    environment = serializers.CharField(max_length=80)
    reason = serializers.CharField(max_length=2000)


class PlaceList(Door):
    """`forge-places`"""

    @extend_schema(request=PlaceRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Propose a place; somebody else confirms it."""
        by = person(request)
        roles.require(by, "trust pipelines")
        form = PlaceRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        found = Forge.objects.filter(name=data.pop("forge")).first()
        if found is None:
            raise serializers.ValidationError(
                {"forge": [_("There is no server of this name.")]}
            )
        row = forges.propose(
            forge=found, place=forges.Place(**data), by=by, at=timezone.now()
        )
        return Response(place(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List all places, those ended too."""
        _require_reader(request)
        return page(request, forges.read(), place, ordering=["-proposed_at", "id"])


class PlaceConfirmRecord(Proven):
    """Who signs."""


class PlaceConfirmation(Door):
    """`forge-places/{id}/confirm`"""

    @extend_schema(request=PlaceConfirmRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Confirm, by signature, a place that somebody else proposed."""
        row = _place(request, "confirm trust in pipelines", row_id)
        form = PlaceConfirmRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        found = forges.confirm(
            place=row, proof=form.proof, by=person(request), at=timezone.now()
        )
        return Response(place(found))


class PlaceEnds(Door):
    """`forge-places/{id}/end`"""

    @extend_schema(request=ForgeEndRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """End a place at once."""
        row = _place(request, "end trust in pipelines", row_id)
        form = ForgeEndRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = forges.end_place(
            place=row, **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(place(found))


def _place(request: Request, right: str, row_id: UUID) -> ForgePlace:
    roles.require(person(request), right)
    return get_object_or_404(forges.read(), pk=row_id)


class Events(Door):
    """`forges/{name}/events`; the message proves itself, nobody logs in."""

    answers_within = DECIDING_SECONDS
    idempotent = False
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT, auth=[])
    def post(self, request: Request, name: str) -> Response:
        """Take a question in; the worker decides and answers where it came from."""
        body = _body(request)
        found = forges.find(name)
        row = forges.receive(
            forge=found,
            headers=request.headers,
            body=body,
            by=found.user,
            at=timezone.now(),
        )
        if row is None:
            return Response({"id": None, "state": "ignored"})
        # Azure DevOps takes nothing but a 200, within three seconds.
        return Response({"id": row.id, "state": row.state})


def _body(request: Request) -> bytes:
    """The bytes as they were signed; more than a megabyte is not even read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdigit() or int(length) > forges.LARGEST:
        raise forges.TooLarge(_("The message is larger than 1 MiB."))
    return bytes(request._request.body)


class RequestList(Door):
    """`forge-requests`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List what servers asked and were answered, the newest first."""
        _require_reader(request)
        rows = ForgeRequest.objects.select_related("forge")
        rows = rows.prefetch_related("attempts")
        return page(request, rows, asked, ordering=["-received_at", "id"])


class Again(Door):
    """`forge-requests/{id}/again`"""

    answers_within = DECIDING_SECONDS

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Decide anew, and answer once more."""
        by = person(request)
        roles.require(by, "trust pipelines", model="*", environment="*")
        row = get_object_or_404(ForgeRequest, pk=row_id)
        found = forges.answer_again(request=row, by=by, at=timezone.now())
        return Response(asked(found))
