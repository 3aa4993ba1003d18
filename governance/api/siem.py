"""Events for the SIEM: OCSF, one a line, with a cursor."""

import json
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audits import log
from governance import roles, siem
from governance.api.door import Door, person

_LARGEST = 2**62


class _Lines(BaseRenderer):
    """One JSON object a line; a problem stays one object."""

    media_type = "application/x-ndjson"
    format = "jsonl"
    charset = None

    def render(self, data: Any, _type: Any = None, _context: Any = None) -> bytes:
        """The lines, each with its end."""
        rows = data if isinstance(data, list) else [data]
        return "".join(f"{json.dumps(row, default=str)}\n" for row in rows).encode()


class CursorRecord(serializers.Serializer[Any]):
    """Where to go on."""

    after = serializers.IntegerField(min_value=0, max_value=_LARGEST, default=0)
    leaves = serializers.IntegerField(
        min_value=1, max_value=siem.MOST_LEAVES, default=siem.MOST_LEAVES
    )


class Events(Door):
    """`events`"""

    renderer_classes = (_Lines, JSONRenderer)

    @extend_schema(
        parameters=[
            OpenApiParameter("after", int, description=_("Freigabe-Cursor of before.")),
            OpenApiParameter("leaves", int),
        ],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request) -> Response:
        """Decisions, approvals, role changes and rule results in the log's order.

        `Freigabe-Cursor` is `after` of the next call; a `next` link says that more is
        there already.
        """
        # It tells of every model and environment: only a token for all may read it.
        roles.require(person(request), "read log entries", model="*", environment="*")
        form = CursorRecord(data=request.query_params)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        try:
            page = siem.read(after=asked["after"], leaves=asked["leaves"])
        except log.NotInLog as error:
            raise NotFound(str(error)) from error
        headers = {"Freigabe-Cursor": str(page.after)}
        if page.more:
            url = request.build_absolute_uri(
                f"{request.path}?after={page.after}&leaves={asked['leaves']}"
            )
            headers["Link"] = f'<{url}>; rel="next"'
        return Response(page.events, headers=headers)
