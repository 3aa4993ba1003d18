"""Uploads: artifacts and data sets."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from governance import artifacts, datasets, roles
from governance.api import show
from governance.api.door import LISTED, Door, page, person
from governance.api.fields import Upload
from governance.api.parsers import StrictJSONParser, read
from registry.models import Dataset

_CHUNK = 1024 * 1024


class UploadRecord(serializers.Serializer[Any]):
    """A file, and whether it is a model or a document about one."""

    file = Upload()
    role = serializers.ChoiceField(["model", "document"], default="model")


class Artifacts(Door):
    """`artifacts`; the same bytes twice are one artifact, so no key is needed."""

    idempotent = False
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": UploadRecord},
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        """Upload a file as multipart form data."""
        roles.require(person(request), "upload artifacts")
        _require_size(request)
        role = _field(request, "role", "model")
        if role not in ("model", "document"):
            raise ValidationError({"role": [_("Must be model or document.")]})
        upload = _file(request)
        artifact = artifacts.store(
            chunks=upload.chunks(_CHUNK),
            file_name=upload.name or "unnamed",
            as_model=role == "model",
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.artifact(artifact), 201)


def _require_size(request: Request) -> None:
    """Refuse before the body is read and fills the disk."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = settings.FREIGABE_MAX_ARTIFACT_BYTES + _CHUNK
    if not str(length).isdigit() or int(length) > limit:
        raise artifacts.TooLarge(
            _("The file is larger than %(limit)s MiB.") % {"limit": limit // _CHUNK - 1}
        )


def _field(request: Request, name: str, default: str) -> str:
    data = request.data
    return str(data.get(name, default)) if isinstance(data, dict) else default


def _file(request: Request) -> "UploadedFile[Any]":
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        raise ValidationError({"file": [_("Send the file in the field `file`.")]})
    return upload


class DatasetRecord(serializers.ModelSerializer[Dataset]):
    """A data set."""

    class Meta:
        model = Dataset
        fields = ("slug", "name", "description", "source")
        extra_kwargs: ClassVar[dict[str, Any]] = {"slug": {"validators": []}}


class DatasetList(Door):
    """`datasets`"""

    @extend_schema(request=DatasetRecord, responses={201: DatasetRecord})
    def post(self, request: Request) -> Response:
        """Register a data set."""
        form = DatasetRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = datasets.register(
            by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(show.dataset(row), 201)

    @extend_schema(responses=DatasetRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the data sets."""
        roles.require(person(request), "read")
        rows = Dataset.objects.prefetch_related("versions")
        return page(request, rows, show.dataset, ordering=["name", "id"])


class AddressRecord(serializers.Serializer[Any]):
    """A data set that stays where it is: an address and a digest."""

    uri = serializers.CharField(max_length=1000)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    columns = serializers.DictField(child=serializers.CharField(), default=dict)


class DatasetUpload(serializers.Serializer[Any]):
    """CSV or Parquet; `columns` maps column names to roles, as JSON text."""

    file = Upload()
    columns = serializers.JSONField(
        help_text='{"deny": "target", "afam": "sensitive", "dti": "feature"}'
    )
    labels = serializers.JSONField(
        required=False,
        help_text='{"dti": {"en": "Debt-to-income ratio", "de": "Schuldenquote"}}',
    )


class DatasetVersions(Door):
    """`datasets/{slug}/versions`"""

    parser_classes = (MultiPartParser, StrictJSONParser)
    idempotent = False

    @extend_schema(
        request={
            "multipart/form-data": DatasetUpload,
            "application/json": AddressRecord,
        },
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Add a version: a file, or an address with a digest."""
        by, at = person(request), timezone.now()
        dataset = get_object_or_404(Dataset, slug=slug)
        if request.content_type.startswith("application/json"):
            form = AddressRecord(data=request.data)
            form.is_valid(raise_exception=True)
            row = datasets.point_at(
                dataset=dataset, by=by, at=at, **form.validated_data
            )
            return Response(show.dataset_version(row), 201)
        roles.require(by, "register data sets")
        _require_size(request)
        upload = _file(request)
        columns = read(_field(request, "columns", "{}"), field="columns")
        row = datasets.add_version(
            dataset=dataset,
            chunks=_chunks(upload),
            file_name=upload.name or "unnamed",
            columns=columns,
            labels=read(_field(request, "labels", "{}"), field="labels"),
            by=by,
            at=at,
        )
        return Response(show.dataset_version(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request, slug: str) -> Response:
        """List the versions of a data set."""
        roles.require(person(request), "read")
        rows = get_object_or_404(Dataset, slug=slug).versions.select_related(
            "dataset", "registered_by"
        )
        return page(request, rows, show.dataset_version, ordering=["-version", "id"])


def _chunks(upload: "UploadedFile[Any]") -> Iterator[bytes]:
    yield from upload.chunks(_CHUNK)
