"""Dossiers on a schedule."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.scope import visible
from governance.dossier import scheduling
from governance.models import DossierSchedule


class ScheduleRecord(serializers.Serializer[Any]):
    """For which models, how often, from when on, and to whom."""

    models_pattern = serializers.CharField(max_length=200)
    every = serializers.ChoiceField(choices=DossierSchedule.Every.choices)
    first_on = serializers.DateField()
    language = serializers.CharField(max_length=8, default="en")
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=150), max_length=50, default=list
    )


class ScheduleEnd(serializers.Serializer[Any]):
    """Why it ends."""

    reason = serializers.CharField(max_length=2000)


def _rows() -> Any:
    return DossierSchedule.objects.select_related("asked_by").prefetch_related(
        "recipients__person"
    )


class DossierScheduleList(Door):
    """`dossier-schedules`"""

    @extend_schema(request=ScheduleRecord, responses={201: ScheduleRecord})
    def post(self, request: Request) -> Response:
        """Set up a schedule; the clock asks for the dossiers once each."""
        form = ScheduleRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = scheduling.schedule(
            **form.validated_data, by=person(request), at=timezone.now()
        )
        return Response(_show(row), 201)

    @extend_schema(responses=ScheduleRecord(many=True))
    def get(self, request: Request) -> Response:
        """List schedules, the newest first."""
        roles.require(person(request), "read")
        rows = visible(_rows(), person(request), model="models_pattern")
        return page(request, rows, _show, ordering=["-asked_at", "id"])


class DossierScheduleEnd(Door):
    """`dossier-schedules/{id}/end`"""

    @extend_schema(request=ScheduleEnd, responses=ScheduleRecord)
    def post(self, request: Request, schedule_id: UUID) -> Response:
        """End a schedule; what was asked for stays."""
        form = ScheduleEnd(data=request.data)
        form.is_valid(raise_exception=True)
        row = get_object_or_404(_rows(), pk=schedule_id)
        because = form.validated_data["reason"]
        ended = scheduling.end(
            row=row, because=because, by=person(request), at=timezone.now()
        )
        return Response(_show(ended))


def _show(row: DossierSchedule) -> show.Json:
    return {
        "id": row.id,
        "models_pattern": row.models_pattern,
        "every": row.every,
        "first_on": row.first_on,
        "next_on": row.next_on if row.ended_at is None else None,
        "language": row.language,
        "recipients": [one.person.username for one in row.recipients.all()],
        "asked_by": show.user(row.asked_by),
        "asked_at": row.asked_at,
        "ended_at": row.ended_at,
        "ended_because": row.ended_because,
    }
