"""Evidence runs."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.evidence import report_of
from audits.models import EvidenceRun
from audits.report_format import SCHEMA
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
    priority = serializers.ChoiceField(
        [one.name.lower() for one in EvidenceRun.Priority], default="normal"
    )
    again = serializers.BooleanField(default=False)


def _runs() -> QuerySet[EvidenceRun]:
    """Runs with all that is shown of them; never the documents, which are large."""
    return (
        EvidenceRun.objects.select_related(
            "version__model", "dataset_version__dataset", "requested_by"
        )
        .select_related("report", "answered_by__report")
        .defer("report__document", "answered_by__report__document")
    )


class RunsOfVersion(Door):
    """`models/{slug}/versions/{version}/evidence-runs`"""

    @extend_schema(request=EvidenceRunRecord, responses={202: EvidenceRunRecord})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Ask for evidence; watch the URL of the answer.

        What was answered before is answered from the stored report (`answered_by`),
        unless `again` is set.
        """
        row = find_version(slug, version)
        form = EvidenceRunRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        run = evidence.request_run(
            version=row,
            kind=data["kind"],
            dataset_version=_dataset(data),
            config=data["config"],
            priority=EvidenceRun.Priority[data["priority"].upper()],
            again=data["again"],
            by=person(request),
            at=timezone.now(),
        )
        nudge.nudge(nudge.EVIDENCE)
        body = show.run(run)
        return Response(body, 202, headers={"Location": body["url"]})

    @extend_schema(responses=EvidenceRunRecord(many=True))
    def get(self, request: Request, slug: str, version: str) -> Response:
        """List the evidence runs of a version; a run's own address has its numbers."""
        row = find_version(slug, version)
        roles.require(person(request), "read", model=row.model)
        rows = _runs().filter(version=row)
        brief = partial(show.run, numbers=False)
        return page(request, rows, brief, ordering=["-requested_at", "id"])


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


class Cancellation(Door):
    """`evidence-runs/{id}/cancellation`"""

    @extend_schema(request=None, responses=EvidenceRunRecord)
    def post(self, request: Request, run_id: UUID) -> Response:
        """Take the question back; a worker that is at it stops within seconds."""
        row = get_object_or_404(_runs(), pk=run_id)
        evidence.cancel_run(run=row, by=person(request), at=timezone.now())
        return Response(show.run(row))


class Report(Door):
    """`evidence-runs/{id}/report`"""

    @extend_schema(responses={(200, "application/json"): bytes})
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """The report's document, in the very bytes that its SHA-256 covers."""
        row = get_object_or_404(_runs(), pk=run_id)
        roles.require(person(request), "read", model=row.version.model)
        report = report_of(row)
        if report is None:
            raise Http404
        tag = f'"{report.sha256}"'
        known = get_conditional_response(request._request, etag=tag)
        return known or HttpResponse(
            report.document.encode(),
            content_type="application/json",
            headers={"ETag": tag},
        )


class ReportSchema(Door):
    """`evidence-report-schema`"""

    @extend_schema(responses={(200, "application/schema+json"): dict})
    def get(self, request: Request) -> HttpResponse:
        """The JSON Schema of a report's document."""
        return HttpResponse(SCHEMA.read_bytes(), content_type="application/schema+json")
