"""Evidence runs."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.models import EvidenceRun
from governance import evidence, nudge, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.inventory import find_version
from registry.models import DatasetVersion


class EvidenceRunRecord(serializers.Serializer[Any]):
    """A question to the evidence engine."""

    kind = serializers.ChoiceField(EvidenceRun.Kind.choices)
    dataset = serializers.CharField(max_length=80)
    dataset_version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False
    )
    config = serializers.DictField(default=dict)


def _runs() -> Any:
    return EvidenceRun.objects.select_related(
        "version__model", "dataset_version__dataset", "requested_by"
    )


class RunsOfVersion(Door):
    """`models/{slug}/versions/{version}/evidence-runs`"""

    @extend_schema(request=EvidenceRunRecord, responses={202: EvidenceRunRecord})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Ask for evidence; watch the URL of the answer."""
        row = find_version(slug, version)
        form = EvidenceRunRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        run = evidence.request_run(
            version=row,
            kind=data["kind"],
            dataset_version=_dataset(data),
            config=data["config"],
            by=person(request),
            at=timezone.now(),
        )
        nudge.nudge(nudge.EVIDENCE)
        body = show.run(run)
        return Response(body, 202, headers={"Location": body["url"]})

    @extend_schema(responses=EvidenceRunRecord(many=True))
    def get(self, request: Request, slug: str, version: str) -> Response:
        """List the evidence runs of a version."""
        row = find_version(slug, version)
        roles.require(person(request), "read", model=row.model)
        rows = _runs().filter(version=row)
        return page(request, rows, show.run, ordering=["-requested_at", "id"])


def _dataset(data: dict[str, Any]) -> DatasetVersion:
    rows = DatasetVersion.objects.filter(dataset__slug=data["dataset"])
    if "dataset_version" in data:
        rows = rows.filter(version=data["dataset_version"])
    found = rows.select_related("dataset").order_by("-version").first()
    if found is None:
        raise ValidationError({"dataset": [_("There is no such data set version.")]})
    return found


class RunDetail(Door):
    """`evidence-runs/{id}`"""

    @extend_schema(responses=EvidenceRunRecord)
    def get(self, request: Request, run_id: UUID) -> Response:
        """State, progress and, when finished, the report."""
        row = get_object_or_404(_runs(), pk=run_id)
        roles.require(person(request), "read", model=row.version.model)
        return Response(show.run(row))
