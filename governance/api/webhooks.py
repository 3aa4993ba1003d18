"""Webhooks: endpoints, what was sent to them, and every attempt."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import roles, webhooks
from governance.api.door import LISTED, Door, page, person
from governance.api.show import Json, user
from governance.models import WebhookEndpoint, WebhookMessage

RIGHT = "manage webhooks"


def endpoint(row: WebhookEndpoint) -> Json:
    """Whom we tell; never the secret."""
    return {
        "id": row.id,
        "name": row.name,
        "url": row.url,
        "kinds": row.kinds,
        "registered_by": user(row.registered_by),
        "registered_at": row.registered_at,
        "disabled_at": row.disabled_at,
        "disabled_reason": row.disabled_reason,
    }


def message(row: WebhookMessage) -> Json:
    """One message with all attempts to send it, the newest first."""
    return {
        "id": row.id,
        "webhook_id": f"msg_{row.pk.hex}",
        "kind": row.announcement.kind,
        "state": row.state,
        "queued_at": row.queued_at,
        "due_at": row.due_at if row.state == webhooks.State.WAITING else None,
        "attempts": [
            {
                "attempted_at": one.attempted_at,
                "status": one.status,
                "response_start": one.response_start,
                "problem": one.problem,
            }
            for one in row.attempts.all()
        ],
    }


class EndpointRecord(serializers.Serializer[Any]):
    """Whom to tell, and of what; without `kinds`, of everything."""

    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=1000)
    kinds = serializers.ListField(
        child=serializers.CharField(max_length=60), default=list, max_length=50
    )


class EndpointList(Door):
    """`webhooks`; the answer holds a secret, so none is kept for a repeat."""

    idempotent = False

    @extend_schema(request=EndpointRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Register an endpoint; its secret is answered only now."""
        form = EndpointRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row, secret = webhooks.register(
            **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response({**endpoint(row), "secret": secret}, 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the endpoints, those disabled too."""
        roles.require(person(request), RIGHT)
        rows = WebhookEndpoint.objects.select_related("registered_by")
        return page(request, rows, endpoint, ordering=["name", "id"])


class DisableRecord(serializers.Serializer[Any]):
    """Why nothing is sent any more."""

    reason = serializers.CharField(max_length=2000)


class Disable(Door):
    """`webhooks/{id}/disable`"""

    @extend_schema(request=DisableRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Send nothing more; what waits is kept."""
        row = _find(request, row_id)
        form = DisableRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = webhooks.disable(
            endpoint=row, **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(endpoint(found))


class Enable(Door):
    """`webhooks/{id}/enable`"""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Send again, first what waited."""
        found = webhooks.enable(
            endpoint=_find(request, row_id), by=person(request), at=timezone.now()
        )
        return Response(endpoint(found))


class Secret(Door):
    """`webhooks/{id}/secret`; the answer holds a secret, so none is kept."""

    idempotent = False

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Sign with a new secret; it is answered only now."""
        row, secret = webhooks.replace_secret(
            endpoint=_find(request, row_id), by=person(request), at=timezone.now()
        )
        return Response({**endpoint(row), "secret": secret})


class Messages(Door):
    """`webhooks/{id}/messages`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request, row_id: UUID) -> Response:
        """List what was and will be sent, the newest first, with every attempt."""
        rows = _find(request, row_id).messages.select_related("announcement")
        rows = rows.prefetch_related("attempts")
        return page(request, rows, message, ordering=["-queued_at", "id"])


class Redelivery(Door):
    """`webhook-messages/{id}/redelivery`"""

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Send a message again, under the same id."""
        by = person(request)
        roles.require(by, RIGHT)
        row = get_object_or_404(WebhookMessage, pk=row_id)
        return Response(
            message(webhooks.redeliver(message=row, by=by, at=timezone.now()))
        )


def _find(request: Request, row_id: UUID) -> WebhookEndpoint:
    roles.require(person(request), RIGHT)
    return get_object_or_404(WebhookEndpoint, pk=row_id)
