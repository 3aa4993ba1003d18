"""What one was told, and how one wants to be told."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import notifications, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.show import Json
from governance.models import Notification, NotificationWish


def notification(row: Notification) -> Json:
    """What one was told, and whether it was read."""
    about = row.announcement
    return {
        "id": row.id,
        "kind": about.kind,
        "subject": row.subject,
        "text": row.text,
        "link": about.link or None,
        "about": {"table": about.about_type, "id": about.about_id}
        if about.about_type
        else None,
        "told_at": row.told_at,
        "read_at": row.read.read_at if hasattr(row, "read") else None,
    }


class NotificationList(Door):
    """`notifications`: one's own."""

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List what one was told, the newest first; `unread=1` leaves out the rest."""
        by = person(request)
        unread = request.query_params.get("unread", "") not in ("", "0", "false")
        rows = notifications.unread(by) if unread else notifications.told(by)
        return page(request, rows, notification, ordering=["-told_at", "id"])


class ReadRecord(serializers.Serializer[Any]):
    """Which ones were read."""

    notifications = serializers.ListField(
        child=serializers.UUIDField(), allow_empty=False, max_length=1000
    )


class NotificationsRead(Door):
    """`notifications/read`"""

    @extend_schema(request=ReadRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Mark one's own as read; how many were not yet."""
        form = ReadRecord(data=request.data)
        form.is_valid(raise_exception=True)
        by = person(request)
        rows = notifications.unread(by).filter(
            pk__in=form.validated_data["notifications"]
        )
        count = notifications.mark_read(notifications=rows, by=by, at=timezone.now())
        return Response({"marked": count})


class WishRecord(serializers.Serializer[Any]):
    """In which language, and how often by mail."""

    language = serializers.ChoiceField(settings.LANGUAGES)
    digest = serializers.ChoiceField(NotificationWish.Digest.choices)


class Wish(Door):
    """`notifications/wish`"""

    @extend_schema(request=WishRecord, responses=WishRecord)
    def post(self, request: Request) -> Response:
        """Say how one wants to be told."""
        by = person(request)
        roles.require_person(by)
        form = WishRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = notifications.wish(**form.validated_data, by=by, at=timezone.now())
        return Response({"language": row.language, "digest": row.digest})
