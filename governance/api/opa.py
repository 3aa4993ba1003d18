"""Open Policy Agent: the permits that count, as data and as a bundle."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import opa, roles
from governance.api.door import Door, person
from governance.api.scope import asked_about


class DataRecord(serializers.Serializer[Any]):
    """What lies below `data.freigabe`."""

    issuer = serializers.CharField()
    valid_until = serializers.DateTimeField()
    valid_until_unix = serializers.IntegerField()
    permits = serializers.DictField(child=serializers.DictField())


def _document(request: Request) -> opa.Document:
    roles.require(person(request), "ask the gate")
    at = timezone.now()
    rows = opa.candidates(at).filter(asked_about(person(request)))
    return opa.document(rows, at=at)


def _known(request: Request, tag: str) -> bool:
    asked = request.headers.get("If-None-Match", "")
    return tag in (part.strip().removeprefix("W/") for part in asked.split(","))


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


class Data(Door):
    """`opa/data`"""

    @extend_schema(responses={200: DataRecord, 304: None})
    def get(self, request: Request) -> Response:
        """The permits that count in the token's scope; 304 while they are the same."""
        document = _document(request)
        tag = f'"{document.sha256}"'
        if _known(request, tag):
            return Response(status=304, headers=_headers(tag))
        return Response(document.data, headers=_headers(tag))


class Bundle(Door):
    """`opa/bundle.tar.gz`"""

    @extend_schema(responses={(200, "application/gzip"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponse:
        """The same as a bundle, below `data.freigabe`."""
        document = _document(request)
        tag = f'"{document.sha256}"'
        if _known(request, tag):
            return HttpResponse(status=304, headers=_headers(tag))
        return HttpResponse(
            opa.bundle(document), content_type="application/gzip", headers=_headers(tag)
        )
