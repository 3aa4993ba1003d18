"""Dossiers: asking for one, watching it, fetching its files."""

import json
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from governance import nudge, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.inventory import find_version
from governance.api.scope import visible
from governance.dossier.request import (
    AUTHORISATION,
    PORTFOLIO,
    VARIANTS,
    CannotBuild,
    Form,
    request_authorisation,
    request_dossier,
    request_portfolio,
    split,
)
from governance.models import Authorisation, Dossier
from registry.models import User


class DossierRecord(serializers.Serializer[Any]):
    """What a dossier is about: a version, one authorisation of it, or all models.

    Of the variant `version` name `model` and `version`; of `authorisation` its id; of
    `portfolio` at most `scope`, a unit of owners.
    """

    model = serializers.CharField(max_length=80, default=None, allow_null=True)
    version = serializers.CharField(max_length=64, default=None, allow_null=True)
    authorisation = serializers.UUIDField(default=None, allow_null=True)
    scope = serializers.CharField(max_length=200, default="", allow_blank=True)
    variant = serializers.ChoiceField(VARIANTS, default="version")
    language = serializers.CharField(max_length=8, default="en")
    paper = serializers.ChoiceField(Dossier.Paper.choices, default="A4")
    withhold = serializers.ListField(
        child=serializers.CharField(max_length=16), default=list, max_length=8
    )
    as_of = Moment(default=None, allow_null=True)


def _dossiers() -> Any:
    rows = Dossier.objects.select_related(
        "version__model", "authorisation__environment", "requested_by"
    )
    # Megabytes each, which lists do not show.
    return rows.defer("document", "disclosure")


def _requested(data: dict[str, Any], by: User) -> Dossier:
    form = Form(data["language"], data["paper"], tuple(data["withhold"]))
    how: dict[str, Any] = {
        "form": form,
        "as_of": data["as_of"],
        "by": by,
        "at": timezone.now(),
    }
    if data["variant"] == PORTFOLIO:
        return request_portfolio(scope=data["scope"], **how)
    if data["variant"] == AUTHORISATION:
        rows = Authorisation.objects.select_related("version__model", "environment")
        found = rows.filter(pk=data["authorisation"]).first()
        if found is None:
            raise CannotBuild("authorisation", _("There is no such authorisation."))
        return request_authorisation(authorisation=found, **how)
    if not data["model"] or not data["version"]:
        missing = "version" if data["model"] else "model"
        raise CannotBuild(missing, _("This field is needed."))
    version = find_version(data["model"], data["version"])
    return request_dossier(version=version, variant=data["variant"], **how)


class DossierList(Door):
    """`dossiers`"""

    @extend_schema(request=DossierRecord, responses={202: DossierRecord})
    def post(self, request: Request) -> Response:
        """Ask for a dossier; watch the URL of the answer."""
        form = DossierRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = _requested(data, person(request))
        nudge.nudge(nudge.DOSSIERS)
        body = show.dossier(row)
        return Response(body, 202, headers={"Location": body["url"]})

    @extend_schema(responses=DossierRecord(many=True))
    def get(self, request: Request) -> Response:
        """List dossiers, the newest first."""
        roles.require(person(request), "read")
        rows = visible(_dossiers(), person(request), model="version__model__slug")
        return page(request, rows, show.dossier, ordering=["-requested_at", "id"])


class DossierDetail(Door):
    """`dossiers/{id}`"""

    @extend_schema(responses=DossierRecord)
    def get(self, request: Request, dossier_id: UUID) -> Response:
        """State and progress."""
        return Response(show.dossier(readable(request, dossier_id)))


class DossierParts(Door):
    """`dossiers/{id}/parts`"""

    @extend_schema(request=None, responses={202: DossierRecord(many=True)})
    def post(self, request: Request, dossier_id: UUID) -> Response:
        """Ask for a dossier that was too large in three parts."""
        row = readable(request, dossier_id)
        parts = split(dossier=row, by=person(request), at=timezone.now())
        nudge.nudge(nudge.DOSSIERS)
        return Response([show.dossier(part) for part in parts], 202)


class DossierPdf(Door):
    """`dossiers/{id}/pdf`"""

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, dossier_id: UUID) -> FileResponse:
        """The PDF."""
        row = finished(request, dossier_id)
        return _file(row, row.pdf_name, "pdf", "application/pdf")


class DossierBundle(Door):
    """`dossiers/{id}/bundle`"""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, dossier_id: UUID) -> FileResponse:
        """The PDF, all files and their signed list, for `python -m audits.offline`."""
        row = finished(request, dossier_id)
        return _file(row, row.bundle_name, "zip", "application/zip")


class DossierJson(Door):
    """`dossiers/{id}/json`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, dossier_id: UUID) -> Response:
        """The data behind the PDF."""
        return Response(json.loads(finished(request, dossier_id).document))


class DossierDisclosure(Door):
    """`dossiers/{id}/disclosure`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, dossier_id: UUID) -> Response:
        """What was withheld, with the salts: for who may ask for dossiers only."""
        row = finished(request, dossier_id)
        model = row.version.model if row.version else None
        roles.require(person(request), "request dossiers", model=model)
        if not row.disclosure:
            raise NotFound(_("Nothing is withheld in this dossier."))
        return Response(json.loads(row.disclosure))


def readable(request: Request, dossier_id: UUID) -> Dossier:
    """The dossier, for who may read its model."""
    rows = visible(_dossiers(), person(request), model="version__model__slug")
    row: Dossier = get_object_or_404(rows, pk=dossier_id)
    model = row.version.model if row.version else None
    roles.require(person(request), "read", model=model)
    return row


def finished(request: Request, dossier_id: UUID) -> Dossier:
    """The same once its files are there. Raises `NotFound` before."""
    row = readable(request, dossier_id)
    if row.state != Dossier.State.FINISHED:
        raise NotFound(_("This dossier is not ready."))
    if row.removed_at is not None:
        raise NotFound(_("The files of this dossier are not kept any longer."))
    return row


def _file(row: Dossier, stored: str, ending: str, media_type: str) -> FileResponse:
    try:
        file = default_storage.open(stored) if stored else None
    except FileNotFoundError:
        file = None
    if file is None:
        raise NotFound(_("The file of this dossier is missing."))
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"{row.stem}.{ending}",
        content_type=media_type,
    )
