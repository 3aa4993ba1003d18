"""Declarations: what people state and sign, in the form of its kind."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.models import ForeignEvidence
from governance import declaring, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.inventory import find_model, find_version
from governance.api.proof import Proven
from governance.api.scope import models_of
from governance.api.show import Json, user
from governance.declarable import KINDS, Kind
from governance.models import Declaration
from registry.models import Dataset, User


class DeclarationRecord(Proven):
    """What is declared, about one thing, and its proof. Without model, version and
    dataset it is about the installation; `version` needs `model` beside it."""

    kind = serializers.CharField(max_length=40)
    fields_ = serializers.DictField()
    model = serializers.SlugField(max_length=80, required=False)
    version = serializers.CharField(max_length=64, required=False)
    dataset = serializers.SlugField(max_length=80, required=False)
    attachment = serializers.UUIDField(required=False)
    valid_until = serializers.DateField(required=False, allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """`fields` is a name that serializers keep for themselves."""
        found = dict(super().get_fields())
        return {name.rstrip("_"): field for name, field in found.items()}


def declaration(row: Declaration) -> Json:
    """One declaration, with who signed what."""
    version = row.version
    model = version.model if version else row.model
    return {
        "id": row.pk,
        "url": f"/api/v1/declarations/{row.pk}",
        "kind": row.kind,
        "model": model.slug if model else None,
        "version": version.version if version else None,
        "dataset": row.dataset.slug if row.dataset else None,
        "person": user(row.person),
        "fields": row.fields,
        "attachment": row.attachment_id,
        "valid_until": row.valid_until,
        "role": row.role,
        "statement": row.statement,
        "record_sha256": row.record_sha256,
        "made_by": user(row.made_by),
        "made_at": row.made_at,
        "sequence": row.sequence,
    }


def kind_of(kind: Kind) -> Json:
    """A kind: what it may be about, who may declare it, its JSON Schema."""
    return {
        "kind": kind.name,
        "title": kind.title,
        "about": kind.about,
        "signed_by": kind.signed_by,
        "meaning": kind.meaning,
        "schema": kind.schema,
    }


def _rows(by: User) -> QuerySet[Declaration]:
    """The declarations in scope: a token for some models sees only theirs."""
    rows = Declaration.objects.select_related(
        "model", "version__model", "dataset", "person", "made_by"
    )
    slugs = models_of(by)
    if slugs is None:
        return rows
    return rows.filter(
        Q(model__slug__in=slugs)
        | Q(version__model__slug__in=slugs)
        | Q(model=None, version=None)
    )


class DeclarationList(Door):
    """`declarations`; a failed attempt to sign is kept, so no key is needed."""

    idempotent = False

    @extend_schema(request=DeclarationRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Declare something, and sign it."""
        form = DeclarationRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = declaring.declare(
            kind=data["kind"],
            fields=data["fields"],
            proof=form.proof,
            attachment=_attachment(data.get("attachment")),
            valid_until=data.get("valid_until"),
            by=person(request),
            at=timezone.now(),
            **_subject(data),
        )
        body = declaration(row)
        return Response(body, 201, headers={"Location": body["url"]})

    @extend_schema(operation_id="declarations_list", responses=LISTED)
    def get(self, request: Request) -> Response:
        """List declarations, the newest first; filter by kind and model."""
        roles.require(person(request), "read")
        rows = _rows(person(request))
        if kind := request.query_params.get("kind", ""):
            rows = rows.filter(kind=kind)
        if slug := request.query_params.get("model", ""):
            rows = rows.filter(Q(model__slug=slug) | Q(version__model__slug=slug))
        return page(request, rows, declaration, ordering=["-made_at", "id"])


def _subject(data: dict[str, Any]) -> dict[str, Any]:
    """What it is about; a version is named with its model."""
    found: dict[str, Any] = {}
    if "version" in data:
        if "model" not in data:
            raise ValidationError({"model": [_("Name the model of the version.")]})
        found["version"] = find_version(data["model"], data["version"])
    elif "model" in data:
        found["model"] = find_model(data["model"])
    if "dataset" in data:
        found["dataset"] = get_object_or_404(Dataset, slug=data["dataset"])
    return found


def _attachment(key: UUID | None) -> ForeignEvidence | None:
    if key is None:
        return None
    found = ForeignEvidence.objects.select_related("version").filter(pk=key).first()
    if found is None:
        raise ValidationError({"attachment": [_("There is no such attachment.")]})
    return found


class DeclarationDetail(Door):
    """`declarations/{id}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, declaration_id: UUID) -> Response:
        """Read one declaration."""
        roles.require(person(request), "read")
        row = get_object_or_404(_rows(person(request)), pk=declaration_id)
        return Response(declaration(row))


class KindList(Door):
    """`declaration-kinds`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List what may be declared, each with the JSON Schema of its fields."""
        roles.require(person(request), "read")
        return Response([kind_of(kind) for kind in KINDS.values()])
