"""Foreign evidence: attaching it, reading it, and whose signature on it counts."""

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from audits import in_toto
from audits.models import EvidenceSigner, ForeignEvidence
from governance import artifacts, attached, attaching, evidence_signers, roles
from governance.api.door import LISTED, Door, page, person
from governance.api.fields import Upload
from governance.api.inventory import find_version
from governance.api.parsers import StrictJSONParser
from governance.api.proof import Proven
from governance.api.show import Json, user
from governance.attaching import Claim, Document

_CHUNK = 1024 * 1024
_ROOM = 2 * 1024**2  # for the fields beside the file, the envelope among them


class Lost(APIException):
    """The stored file is gone, or was changed."""

    status_code = 503


class ClaimRecord(serializers.Serializer[Any]):
    """What is said about the evidence."""

    kind = serializers.CharField(max_length=40)
    title = serializers.CharField(max_length=200)
    produced_by = serializers.CharField(max_length=200)
    produced_on = serializers.DateField()
    tool = serializers.CharField(max_length=200, default="", allow_blank=True)
    outcome = serializers.ChoiceField(
        ForeignEvidence.Outcome.choices, default="", allow_blank=True
    )


class EnvelopeUpload(ClaimRecord):
    """Evidence as a DSSE envelope over an in-toto Statement."""

    envelope = serializers.DictField()


class DocumentUpload(Proven, ClaimRecord):
    """A document, with an envelope that names it, or signed by who attaches it."""

    may_lack_proof = True

    file = Upload()
    envelope = serializers.CharField(
        max_length=in_toto.MAX_BYTES, default="", allow_blank=True
    )
    password = serializers.CharField(
        max_length=1000,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        write_only=True,
    )


def attachment(row: ForeignEvidence) -> Json:
    """Evidence from others, with who vouches for it."""
    return {
        "id": row.id,
        "url": f"/api/v1/attachments/{row.id}",
        "model": row.version.model.slug,
        "version": row.version.version,
        "kind": row.kind,
        "title": row.title,
        "outcome": row.outcome,
        "produced_by": row.produced_by,
        "produced_on": row.produced_on,
        "tool": row.tool,
        "predicate_type": row.predicate_type or None,
        "signer": signer(row.signer) if row.signer else None,
        "statement": row.statement,
        "file": {
            "sha256": row.artifact.sha256,
            "size": row.artifact.size,
            "media_type": row.artifact.media_type,
            "url": f"/api/v1/attachments/{row.id}/file",
        },
        "record_sha256": row.record_sha256,
        "attached_by": user(row.attached_by),
        "attached_at": row.attached_at,
    }


def signer(row: EvidenceSigner) -> Json:
    """Whose signature counts, or counted until it was revoked."""
    return {
        "slug": row.slug,
        "name": row.name,
        "public_key": row.public_key,
        "key_id": evidence_signers.key_id(row),
        "registered_by": user(row.registered_by),
        "registered_at": row.registered_at,
        "revoked_by": user(row.revoked_by),
        "revoked_at": row.revoked_at,
        "revocation_reason": row.revocation_reason,
    }


def _rows() -> QuerySet[ForeignEvidence]:
    return ForeignEvidence.objects.select_related(
        "version__model",
        "artifact",
        "attached_by",
        "signer__registered_by",
        "signer__revoked_by",
    )


class AttachmentsOfVersion(Door):
    """`models/{slug}/versions/{version}/attachments`; the same evidence twice is one
    attachment, so no key is needed, and a failed attempt to sign is kept."""

    idempotent = False
    parser_classes = (MultiPartParser, StrictJSONParser)

    @extend_schema(
        request={
            "multipart/form-data": DocumentUpload,
            "application/json": EnvelopeUpload,
        },
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Attach evidence that somebody else made."""
        row, by = find_version(slug, version), person(request)
        roles.require(by, attaching.RIGHT, model=row.model)
        _require_size(request)
        if request.content_type.startswith("application/json"):
            form: ClaimRecord = EnvelopeUpload(data=request.data)
            form.is_valid(raise_exception=True)
            more: dict[str, Any] = {"envelope": form.validated_data.pop("envelope")}
        else:
            signed = DocumentUpload(data=request.data, context={"request": request})
            signed.is_valid(raise_exception=True)
            form, more = signed, _document(signed.validated_data)
            more["proof"] = signed.proof
        found = attaching.attach(
            version=row,
            claim=Claim(**form.validated_data),
            by=by,
            at=timezone.now(),
            **more,
        )
        body = attachment(found)
        return Response(body, 201, headers={"Location": body["url"]})

    @extend_schema(responses=LISTED)
    def get(self, request: Request, slug: str, version: str) -> Response:
        """List the evidence from others, the newest first."""
        row = find_version(slug, version)
        roles.require(person(request), "read", model=row.model)
        rows = _rows().filter(version=row)
        return page(request, rows, attachment, ordering=["-attached_at", "id"])


def _require_size(request: Request) -> None:
    """Refuse before the body is read and fills the disk."""
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    limit = attaching.MAX_DOCUMENT_BYTES + _ROOM
    if not length.isdigit() or int(length) > limit:
        raise artifacts.TooLarge(
            _("The file is larger than %(limit)s MiB.")
            % {"limit": attaching.MAX_DOCUMENT_BYTES // 2**20}
        )


def _document(data: dict[str, Any]) -> dict[str, Any]:
    """Take the document and its signature out of the fields."""
    upload, text = data.pop("file"), data.pop("envelope")
    assert isinstance(upload, UploadedFile)  # noqa: S101
    return {
        "document": Document(upload.chunks(_CHUNK), upload.name or "unnamed"),
        "envelope": _envelope(text) if text else None,
    }


def _envelope(text: str) -> dict[str, Any]:
    try:
        value = in_toto.read(text.encode())
    except in_toto.StatementMalformed as error:
        raise ValidationError({"envelope": [str(error)]}) from error
    if not isinstance(value, dict):
        raise ValidationError({"envelope": [_("An envelope is a JSON object.")]})
    return value


def _find(request: Request, attachment_id: UUID) -> ForeignEvidence:
    row = get_object_or_404(_rows(), pk=attachment_id)
    roles.require(person(request), "read", model=row.version.model)
    return row


class AttachmentDetail(Door):
    """`attachments/{id}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, attachment_id: UUID) -> Response:
        """Read one attachment."""
        return Response(attachment(_find(request, attachment_id)))


class AttachmentFile(Door):
    """`attachments/{id}/file`"""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, attachment_id: UUID) -> HttpResponse:
        """The document, byte for byte, only ever as a download."""
        row = _find(request, attachment_id)
        try:
            content = attached.content(row)
        except attached.ContentLost as error:
            raise Lost(str(error)) from error
        return HttpResponse(content, headers=attached.download_headers(row))


class SignerRecord(serializers.Serializer[Any]):
    """An outside party and its Ed25519 key: 32 bytes in base64, or PEM."""

    slug = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=200)
    public_key = serializers.CharField(max_length=2000)


class RevocationRecord(serializers.Serializer[Any]):
    """Why nothing new is accepted."""

    reason = serializers.CharField(max_length=2000)


class SignerList(Door):
    """`evidence-signers`"""

    @extend_schema(request=SignerRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Accept evidence that this party signs."""
        form = SignerRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = evidence_signers.register_signer(
            by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(signer(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the signers, those revoked too."""
        roles.require(person(request), "read")
        rows = EvidenceSigner.objects.select_related("registered_by", "revoked_by")
        return page(request, rows, signer, ordering=["name", "id"])


class SignerRevocation(Door):
    """`evidence-signers/{slug}/revoke`"""

    @extend_schema(request=RevocationRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        """Accept nothing new from a signer."""
        row = get_object_or_404(EvidenceSigner, slug=slug)
        form = RevocationRecord(data=request.data)
        form.is_valid(raise_exception=True)
        found = evidence_signers.revoke_signer(
            signer=row, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(signer(found))
