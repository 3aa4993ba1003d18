"""Risk matrices: published ones, drafts, what a draft would change."""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import matrix_publishing, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.proof import Proven
from governance.models import MatrixDraft, RiskMatrix


class MatrixRecord(serializers.Serializer[Any]):
    """A published matrix."""

    slug = serializers.CharField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()


class MatrixList(Door):
    """`risk-matrices`"""

    @extend_schema(responses=MatrixRecord(many=True))
    def get(self, request: Request) -> Response:
        """List all published matrices with their documents, the newest first."""
        roles.require(person(request), "read")
        rows = RiskMatrix.objects.select_related("draft__drafted_by", "published_by")
        return page(request, rows, _matrix, ordering=["-published_at", "id"])


@extend_schema_field({"oneOf": [{"type": "object"}, {"type": "string"}]})
class DocumentField(serializers.Field[str, Any, str, Any]):
    """A matrix as a JSON object, or as text in JSON or YAML."""

    def to_internal_value(self, data: Any) -> str:
        """The text of it, for the lint."""
        return data if isinstance(data, str) else json.dumps(data)


class MatrixDraftRecord(serializers.Serializer[Any]):
    """A matrix that somebody proposes."""

    document = DocumentField()
    reason = serializers.CharField(max_length=10_000)
    effective_from = Moment(default=None, allow_null=True)


class DraftList(Door):
    """`risk-matrices/drafts`"""

    @extend_schema(request=MatrixDraftRecord, responses={201: MatrixDraftRecord})
    def post(self, request: Request) -> Response:
        """Draft a matrix; another person publishes it."""
        form = MatrixDraftRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = matrix_publishing.draft(
            text=data["document"],
            reason=data["reason"],
            effective_from=data["effective_from"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(_draft(row), 201)

    @extend_schema(responses=MatrixDraftRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the drafts, the newest first."""
        roles.require(person(request), "read")
        rows = MatrixDraft.objects.select_related("drafted_by", "published")
        return page(request, rows, _draft, ordering=["-drafted_at", "id"])


class PreviewRecord(serializers.Serializer[Any]):
    """What a draft would change."""

    sha256 = serializers.CharField()
    assessed = serializers.IntegerField()


class DraftPreview(Door):
    """`risk-matrices/drafts/{id}/preview`"""

    @extend_schema(responses=PreviewRecord)
    def get(self, request: Request, draft_id: UUID) -> Response:
        """Show which models would change tier, or fall due; changes nothing."""
        # It names every model: a token for some of them does not see it.
        roles.require(person(request), "read", model="*")
        seen = matrix_publishing.preview(_find(draft_id), at=timezone.now())
        return Response(
            {
                "draft": draft_id,
                "effective_from": seen.effective_from,
                "assessed": seen.assessed,
                "sha256": seen.sha256,
                "changes": [asdict(change) for change in seen.changes],
            }
        )


class MatrixPublicationRecord(Proven):
    """The preview that the signer saw, by its digest, and their proof."""

    preview_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")


class Publication(Door):
    """`risk-matrices/drafts/{id}/publication`"""

    idempotent = False

    @extend_schema(request=MatrixPublicationRecord, responses={201: MatrixRecord})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Publish a draft of somebody else, signed."""
        form = MatrixPublicationRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = matrix_publishing.publish(
            draft=_find(draft_id),
            preview_sha256=form.validated_data["preview_sha256"],
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(_matrix(row), 201)


def _find(draft_id: UUID) -> MatrixDraft:
    rows = MatrixDraft.objects.select_related("drafted_by", "published")
    return get_object_or_404(rows, pk=draft_id)


def _draft(row: MatrixDraft) -> dict[str, Any]:
    return {
        "id": row.id,
        "slug": row.slug,
        "sha256": row.sha256,
        "reason": row.reason,
        "effective_from": row.effective_from,
        "drafted_by": show.user(row.drafted_by),
        "drafted_at": row.drafted_at,
        "published": hasattr(row, "published"),
        "document": json.loads(row.document),
    }


def _matrix(row: RiskMatrix) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "version": row.version,
        "sha256": row.sha256,
        "replaces": row.replaces or None,
        "effective_from": row.effective_from,
        "drafted_by": show.user(row.draft.drafted_by) if row.draft else None,
        "published_by": show.user(row.published_by),
        "published_at": row.published_at,
        "document": json.loads(row.document),
    }
