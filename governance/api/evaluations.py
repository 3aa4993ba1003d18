"""Evaluation records of versions, and simulations of drafts over all of them."""

import json
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import evaluations, publishing, roles, simulation
from governance.api import show
from governance.api.door import LISTED, Door, page, person
from governance.api.inventory import find_environment, find_version
from governance.api.policies import find_draft
from governance.models import Evaluation, MatrixDraft, Simulation

Json = dict[str, Any]


class EvaluationRecord(serializers.Serializer[Any]):
    """Where it would run."""

    environment = serializers.CharField(max_length=80)


class EvaluationsOfVersion(Door):
    """`models/{slug}/versions/{version}/evaluations`"""

    @extend_schema(request=EvaluationRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Apply every rule now and keep the record."""
        found = find_version(slug, version)
        form = EvaluationRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = evaluations.evaluate_now(
            version=found,
            environment=find_environment(form.validated_data["environment"]),
            by=person(request),
            at=timezone.now(),
        )
        return Response(_evaluation(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request, slug: str, version: str) -> Response:
        """List the records of a version, the newest first."""
        found = find_version(slug, version)
        roles.require(person(request), "read", model=found.model)
        rows = found.evaluations.select_related(
            "environment", "version__model", "evaluated_by"
        )
        return page(request, rows, _evaluation, ordering=["-as_of", "id"])


class EvaluationDetail(Door):
    """`evaluations/{id}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """Read a record, and whether running it again gives the same bytes."""
        rows = Evaluation.objects.select_related(
            "environment", "version__model", "evaluated_by"
        )
        row = get_object_or_404(rows, pk=evaluation_id)
        roles.require(
            person(request),
            "read",
            model=row.version.model,
            environment=row.environment,
        )
        same = evaluations.again(row) == row.document
        return Response(
            {**_evaluation(row), "repeats": same, "document": json.loads(row.document)}
        )


def _evaluation(row: Evaluation) -> Json:
    return {
        "id": row.id,
        "model": row.version.model.slug,
        "version": row.version.version,
        "environment": row.environment.slug,
        "occasion": row.occasion,
        "passed": row.passed,
        "sha256": row.sha256,
        "approval_request": row.request_id,
        "evaluated_by": show.user(row.evaluated_by),
        "as_of": row.as_of,
    }


class SimulationsOfDraft(Door):
    """`policy-drafts/{id}/simulations`"""

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Run a draft over every authorisation in force; changes none."""
        row = simulation.simulate(
            revision=publishing.text_of(find_draft(draft_id)),
            by=person(request),
            at=timezone.now(),
        )
        return Response(_simulation(row), 201)


class SimulationsOfMatrix(Door):
    """`risk-matrices/drafts/{id}/simulations`"""

    @extend_schema(request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, draft_id: UUID) -> Response:
        """Run a draft of a matrix over every authorisation in force; changes none."""
        row = simulation.simulate_matrix(
            draft=get_object_or_404(MatrixDraft, pk=draft_id),
            by=person(request),
            at=timezone.now(),
        )
        return Response(_simulation(row), 201)


class Simulations(Door):
    """`simulations`"""

    @extend_schema(operation_id="simulations_list", responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the simulations, the newest first."""
        roles.require(person(request), "read", model="*")
        rows = Simulation.objects.select_related("simulated_by")
        return page(request, rows, _simulation, ordering=["-simulated_at", "id"])


class SimulationDetail(Door):
    """`simulations/{id}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, simulation_id: UUID) -> Response:
        """Read a simulation: which versions would lose their permit, and why."""
        roles.require(person(request), "read", model="*")
        row = get_object_or_404(Simulation, pk=simulation_id)
        return Response({**_simulation(row), "document": json.loads(row.document)})


def _simulation(row: Simulation) -> Json:
    return {
        "id": row.id,
        "subject": row.subject,
        "examined": row.examined,
        "losing": row.losing,
        "sha256": row.sha256,
        "as_of": row.as_of,
        "simulated_by": show.user(row.simulated_by),
        "simulated_at": row.simulated_at,
    }
