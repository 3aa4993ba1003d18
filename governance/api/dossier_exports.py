"""Exports of a dossier: which there are, and their files."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.door import Door
from governance.api.dossiers import finished
from governance.dossier.exports import kept


class ExportRecord(serializers.Serializer[Any]):
    """A file in the format of another tool."""

    name = serializers.CharField()
    description = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    url = serializers.CharField()


class ExportRecords(serializers.Serializer[Any]):
    """All of a dossier: they are few, so that there are no pages."""

    results = ExportRecord(many=True)


class ExportList(Door):
    """`dossiers/{id}/exports`"""

    @extend_schema(responses=ExportRecords)
    def get(self, request: Request, dossier_id: UUID) -> Response:
        """Which exports a finished dossier has, with their digests."""
        row = finished(request, dossier_id)
        return Response(
            {
                "results": [
                    {
                        "name": item["name"],
                        "description": item["description"],
                        "media_type": item["media_type"],
                        "size": item["size"],
                        "sha256": item["sha256"],
                        "url": f"/api/v1/dossiers/{row.pk}/exports/{item['name']}",
                    }
                    for item in kept.listed(row)
                ]
            }
        )


class ExportFile(Door):
    """`dossiers/{id}/exports/{name}`"""

    @extend_schema(
        operation_id="dossiers_export_file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, dossier_id: UUID, name: str) -> FileResponse:
        """One export, with its media type and `Content-Digest`."""
        try:
            return kept.answer(finished(request, dossier_id), name)
        except kept.NoSuchExport as error:
            raise NotFound(str(error)) from error
