"""MLflow tells what changed in its registry; the message proves itself."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance import access, roles
from governance.api.door import LISTED, Door, page_together, person
from governance.api.scope import visible
from governance.api.show import Json
from governance.ingest import mlflow
from governance.models import RegistryEvent
from governance.reconciliation.configuring import RIGHT


def events(rows: Sequence[RegistryEvent]) -> list[Json]:
    """What was told; `suggests` is set where the version is not registered here."""
    suggesting = mlflow.suggesting(rows)
    return [
        {
            "id": row.id,
            "source": row.source.name,
            "delivery": row.delivery,
            "event": f"{row.entity}.{row.action}",
            "model": row.model_name,
            "version": row.version or None,
            "alias": row.alias or None,
            "suggests": row.pk in suggesting,
            "sent_at": row.sent_at,
            "received_at": row.received_at,
        }
        for row in rows
    ]


class Webhook(Door):
    """`mlflow/webhook`; nobody logs in."""

    idempotent = False
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT, auth=[])
    def post(self, request: Request) -> Response:
        """Take a message in. One that came before is refused."""
        row = mlflow.receive(
            headers=request.headers,
            body=_body(request),
            by=access.system_user(),
            at=timezone.now(),
        )
        return Response({"id": row.id, "state": "received"})


def _body(request: Request) -> bytes:
    """The bytes as they were signed; more than a megabyte is not even read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not str(length).isdigit() or int(length) > mlflow.LARGEST:
        raise mlflow.TooLarge(_("The message is larger than 1 MiB."))
    return bytes(request._request.body)


class EventList(Door):
    """`mlflow/events`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List what registries told, the newest first; for tokens of all models."""
        by = person(request)
        if not roles.may(by, RIGHT, model="*"):
            roles.require(by, "read", model="*")
        rows = RegistryEvent.objects.select_related("source")
        rows = visible(rows, by, environment="source__environment__slug")
        return page_together(request, rows, events, ordering=["-received_at", "id"])
