"""Models, versions and environments."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from governance import portfolio, registration, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.scope import visible
from governance.portfolio import FilterForm, Moment, Wish
from governance.registration import Operating, RunFacts
from registry.models import (
    Artifact,
    DatasetVersion,
    Environment,
    ModelVersion,
    RegisteredModel,
    User,
    VersionArtifact,
    VersionDataset,
)

SORTABLE = ("name", "slug", "registered_at")
FILTERS = (
    *("q", "tier", "band", "status", "review", "owner"),
    *("cell", "residual", "scales"),
)


class Stale(APIException):
    """If-Match names another state than the present one."""

    status_code = 412
    default_detail = _("The record was changed in the meantime. Read it again.")


def find_model(slug: str) -> RegisteredModel:
    """The model or 404."""
    return get_object_or_404(_models(), slug=slug)


def find_version(slug: str, version: str) -> ModelVersion:
    """The version or 404."""
    rows = ModelVersion.objects.select_related(
        "model__owner", "model__developer", "run", "developer", "registered_by"
    )
    return get_object_or_404(rows, model__slug=slug, version=version)


def find_environment(slug: str) -> Environment:
    """The environment, or an error at that field."""
    found = Environment.objects.filter(slug=slug).first()
    if found is None:
        raise ValidationError({"environment": [_("There is no such environment.")]})
    return found


def _models() -> QuerySet[RegisteredModel]:
    return RegisteredModel.objects.select_related(
        "owner", "developer", "validator", "registered_by"
    ).prefetch_related(
        "versions",
        "risk_assessments__matrix",
        "risk_assessments__scenarios",
        "risk_assessments__assessed_by",
    )


class PersonField(serializers.SlugRelatedField[User]):
    """A person by user name."""

    def __init__(self, **kwargs: Any) -> None:
        people = User.objects.filter(is_active=True, is_machine=False)
        super().__init__(slug_field="username", queryset=people, **kwargs)


class InventoryRecord(serializers.ModelSerializer[RegisteredModel]):
    """The inventory record of a model (SR 11-7 VI)."""

    owner = PersonField()
    developer = PersonField()
    validator = PersonField(required=False, allow_null=True)

    class Meta:
        model = RegisteredModel
        fields = ("slug", *registration.INVENTORY_FIELDS)
        validators: tuple[object, ...] = ()
        extra_kwargs: ClassVar[dict[str, Any]] = {"slug": {"validators": []}}


class ModelList(Door):
    """`models`"""

    @extend_schema(request=InventoryRecord, responses={201: InventoryRecord})
    def post(self, request: Request) -> Response:
        """Register a model."""
        form = InventoryRecord(data=request.data)
        form.is_valid(raise_exception=True)
        model = registration.register_model(
            by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(show.model(model), 201)

    @extend_schema(
        parameters=[OpenApiParameter(name, str) for name in (*FILTERS, "sort")],
        responses=InventoryRecord(many=True),
    )
    def get(self, request: Request) -> Response:
        """List models, filtered as on their page; sort by name or date.

        Filter by q, tier, band, status, review (overdue, soon, missing), owner, cell
        and residual (4x5: likelihood and impact), scales (other: than those of the
        matrix in force); all of them as they are now.
        """
        roles.require(person(request), "read")
        rows = visible(_models(), person(request), model="slug")
        query = request.query_params
        rows = portfolio.within(rows, _wish(query), Moment(timezone.now()))
        sort = query.get("sort", "name")
        if sort.removeprefix("-") not in SORTABLE:
            raise ValidationError(
                {"sort": [_("Sort by one of: %(n)s.") % {"n": ", ".join(SORTABLE)}]}
            )
        return page(request, rows, show.model, ordering=[sort, "id"])


def _wish(query: Mapping[str, str]) -> Wish:
    """The filter of the list. Raises `ValidationError` for values it does not have."""
    asked = {name: query.get(name, "") for name in FILTERS}
    form = FilterForm(asked)
    if not form.is_valid():
        raise ValidationError(
            {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        )
    return form.wish()


class ModelDetail(Door):
    """`models/{slug}`"""

    @extend_schema(responses=InventoryRecord)
    def get(self, request: Request, slug: str) -> Response:
        """Read a model."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        return Response(show.model(model), headers={"ETag": _etag(model)})

    @extend_schema(request=InventoryRecord, responses=InventoryRecord)
    def patch(self, request: Request, slug: str) -> Response:
        """Change fields of the record; `If-Match` guards against lost changes."""
        model = find_model(slug)
        expected = request.headers.get("If-Match")
        if expected not in (None, "*", _etag(model)):
            raise Stale
        form = InventoryRecord(model, data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        form.validated_data.pop("slug", None)
        registration.change_inventory(
            model=model, by=person(request), at=timezone.now(), **form.validated_data
        )
        fresh = find_model(slug)
        return Response(show.model(fresh), headers={"ETag": _etag(fresh)})


def _etag(model: RegisteredModel) -> str:
    text = json.dumps(show.model(model), default=str, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


class VersionRecord(serializers.Serializer[Any]):
    """A version to register."""

    class Part(serializers.Serializer[Any]):
        sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
        role = serializers.ChoiceField(VersionArtifact.Part.choices, default="model")

    class Data(serializers.Serializer[Any]):
        dataset = serializers.CharField(max_length=80)
        version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
        use = serializers.ChoiceField(VersionDataset.Use.choices)

    class RunRecord(serializers.Serializer[Any]):
        name = serializers.CharField(max_length=200, default="", allow_blank=True)
        code_repository = serializers.CharField(
            max_length=500, default="", allow_blank=True
        )
        code_commit = serializers.RegexField(r"^[0-9a-f]{7,64}\Z", default="")
        parameters = serializers.DictField(default=dict)
        metrics = serializers.DictField(default=dict)
        environment_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z", default="")

    class OperatingRecord(serializers.Serializer[Any]):
        positive = serializers.CharField(max_length=100, default="1")
        favourable = serializers.IntegerField(min_value=0, max_value=1, default=1)
        threshold = serializers.FloatField(min_value=0, max_value=1, default=0.5)

    version = serializers.CharField(max_length=64)
    operating = OperatingRecord(required=False)
    artifacts = Part(many=True, allow_empty=False)
    datasets = Data(many=True, default=list)
    run = RunRecord(required=False, allow_null=True)
    developer = PersonField(required=False, allow_null=True)
    method = serializers.CharField(max_length=200, default="", allow_blank=True)
    notes = serializers.CharField(max_length=10_000, default="", allow_blank=True)


class VersionList(Door):
    """`models/{slug}/versions`"""

    @extend_schema(request=VersionRecord, responses={201: VersionRecord})
    def post(self, request: Request, slug: str) -> Response:
        """Register a version."""
        model = find_model(slug)
        form = VersionRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        version = registration.register_version(
            model=model,
            version=data["version"],
            artifacts=_artifacts(data["artifacts"]),
            datasets=_datasets(data["datasets"]),
            run=RunFacts(**data["run"]) if data.get("run") else None,
            operating=Operating(**data.get("operating", {})),
            developer=data.get("developer"),
            method=data["method"],
            notes=data["notes"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.version(version), 201)

    @extend_schema(responses=VersionRecord(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """List the versions of a model."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        rows = model.versions.select_related(
            "model", "run", "developer", "registered_by"
        )
        return page(request, rows, show.version, ordering=["-registered_at", "id"])


class VersionDetail(Door):
    """`models/{slug}/versions/{version}`"""

    @extend_schema(responses=VersionRecord)
    def get(self, request: Request, slug: str, version: str) -> Response:
        """Read a version."""
        row = find_version(slug, version)
        roles.require(person(request), "read", model=row.model)
        return Response(show.version(row))


def _artifacts(items: list[dict[str, str]]) -> list[tuple[Artifact, str]]:
    digests = [item["sha256"] for item in items]
    known = {a.sha256: a for a in Artifact.objects.filter(sha256__in=digests)}
    for index, digest in enumerate(digests):
        if digest not in known:
            missing = [_("No artifact with this digest was uploaded.")]
            raise ValidationError({"artifacts": {str(index): {"sha256": missing}}})
    return [(known[item["sha256"]], item["role"]) for item in items]


def _datasets(items: list[dict[str, Any]]) -> list[tuple[DatasetVersion, str]]:
    found = []
    for index, item in enumerate(items):
        row = (
            DatasetVersion.objects.select_related("dataset")
            .filter(dataset__slug=item["dataset"], version=item["version"])
            .first()
        )
        if row is None:
            missing = [_("There is no such data set version.")]
            raise ValidationError({"datasets": {str(index): {"dataset": missing}}})
        found.append((row, item["use"]))
    return found


class EnvironmentRecord(serializers.ModelSerializer[Environment]):
    """An environment."""

    class Meta:
        model = Environment
        fields = ("slug", "name", "emergency_allowed")
        extra_kwargs: ClassVar[dict[str, Any]] = {"slug": {"validators": []}}


class EnvironmentList(Door):
    """`environments`"""

    @extend_schema(request=EnvironmentRecord, responses={201: EnvironmentRecord})
    def post(self, request: Request) -> Response:
        """Register an environment."""
        form = EnvironmentRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = registration.register_environment(
            by=person(request), **form.validated_data
        )
        return Response(show.environment(row), 201)

    @extend_schema(responses=EnvironmentRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the environments."""
        roles.require(person(request), "read")
        rows = visible(Environment.objects.all(), person(request), environment="slug")
        return page(request, rows, show.environment, ordering=["name", "id"])
