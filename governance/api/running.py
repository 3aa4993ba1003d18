"""What runs against what may run: sources, looks at them, ways back."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import issued, reconciliation, roles, rollbacks
from governance.api import show
from governance.api.door import LISTED, Door, page, person
from governance.api.gate import CheckRecord
from governance.api.inventory import find_environment, find_model, find_version
from governance.api.judged_pages import page_of
from governance.api.scope import visible
from governance.api.show import Json, user
from governance.models import DeploymentSource, GateDecision, SourceRun
from governance.patience import DECIDING_SECONDS
from governance.reconciliation.configuring import RIGHT
from registry.models import User

State = reconciliation.State


def source(row: DeploymentSource) -> Json:
    """Where we look; never the secret."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "url": row.url,
        "environment": row.environment.slug,
        "places": row.places,
        "interval_minutes": row.interval_minutes,
        "has_secret": bool(row.secret),
        "listens": bool(row.webhook_secret),
        "configured_by": user(row.configured_by),
        "configured_at": row.configured_at,
        "asked_at": row.asked_at,
        "ended_at": row.ended_at,
        "ended_reason": row.ended_reason,
    }


def look(row: SourceRun) -> Json:
    """One look: how much runs, or why nothing is known."""
    return {
        "id": row.id,
        "reached": row.found is not None,
        "found": row.found,
        "problem": row.problem,
        "began_at": row.began_at,
        "run_by": user(row.run_by),
    }


def entry(one: reconciliation.Running) -> Json:
    """One file at one place, and how it stands."""
    return {
        "id": one.row.pk,
        "state": one.state.value,
        "because": one.because,
        "next_step": one.next_step,
        "environment": one.environment.slug,
        "place": one.place,
        "artifact_sha256": one.sha256 or None,
        "model": one.version.model.slug if one.version else None,
        "version": one.version.version if one.version else None,
        "seen_by": one.witness,
        "since": one.since,
        "last_seen_at": one.seen_at,
    }


class SourceRecord(serializers.Serializer[Any]):
    """Where to look, and with which token."""

    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(DeploymentSource.Kind.choices)
    url = serializers.CharField(max_length=500)
    environment = serializers.CharField(max_length=80)
    places = serializers.ListField(
        child=serializers.CharField(max_length=255), default=list, max_length=50
    )
    interval_minutes = serializers.IntegerField(default=15, min_value=1, max_value=1440)
    secret = serializers.CharField(default="", allow_blank=True, max_length=8000)
    certificate = serializers.CharField(
        default="", allow_blank=True, max_length=100_000
    )


class SourceList(Door):
    """`deployment-sources`"""

    @extend_schema(request=SourceRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Look at a cluster or a registry from now on."""
        form = SourceRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        place = find_environment(data.pop("environment"))
        row = reconciliation.configure(
            wish=reconciliation.Wish(environment=place, **data),
            by=person(request),
            at=timezone.now(),
        )
        return Response(source(row), 201)

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List the sources, those that ended too."""
        _require_sight(request)
        rows = DeploymentSource.objects.select_related("environment", "configured_by")
        rows = visible(rows, person(request), environment="environment__slug")
        return page(request, rows, source, ordering=["name", "id"])


class SourceEndRecord(serializers.Serializer[Any]):
    """Why it is looked at no more."""

    reason = serializers.CharField(max_length=2000)


class SourceEnd(Door):
    """`deployment-sources/{id}/end`"""

    @extend_schema(request=SourceEndRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Look no more, and forget the token."""
        form = SourceEndRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = reconciliation.end(
            source=_find(request, row_id),
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(source(row))


class SourceSecretRecord(serializers.Serializer[Any]):
    """The new token."""

    secret = serializers.CharField(max_length=8000)


class SourceSecret(Door):
    """`deployment-sources/{id}/secret`"""

    @extend_schema(request=SourceSecretRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Look with another token."""
        form = SourceSecretRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = reconciliation.replace_secret(
            source=_find(request, row_id),
            secret=form.validated_data["secret"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(source(row))


class SourceWebhook(Door):
    """`deployment-sources/{id}/webhook-secret`; no answer is kept for a repeat."""

    idempotent = False

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, row_id: UUID) -> Response:
        """Take messages of an MLflow registry; the secret is answered only now."""
        row, secret = reconciliation.listen(
            source=_find(request, row_id), by=person(request), at=timezone.now()
        )
        return Response({**source(row), "webhook_secret": secret})


class SourceLooks(Door):
    """`deployment-sources/{id}/looks`"""

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT})
    def post(self, request: Request, row_id: UUID) -> Response:
        """Have it looked at now; the list of looks shows when it was."""
        row = reconciliation.ask(
            source=_find(request, row_id), by=person(request), at=timezone.now()
        )
        return Response(source(row), 202)

    @extend_schema(responses=LISTED)
    def get(self, request: Request, row_id: UUID) -> Response:
        """List the looks at it, the newest first."""
        rows = _find(request, row_id).runs.select_related("run_by")
        return page(request, rows, look, ordering=["-began_at", "id"])


def _require_sight(request: Request) -> None:
    by = person(request)
    if not roles.may(by, RIGHT):
        roles.require(by, "read")


def _find(request: Request, row_id: UUID) -> DeploymentSource:
    _require_sight(request)
    rows = DeploymentSource.objects.select_related("environment", "configured_by")
    rows = visible(rows, person(request), environment="environment__slug")
    return get_object_or_404(rows, pk=row_id)


class RunningQuestion(serializers.Serializer[Any]):
    """Which part of it."""

    state = serializers.ChoiceField([state.value for state in State], default="")
    environment = serializers.CharField(default="", max_length=80)
    model = serializers.CharField(default="", max_length=80)


class Running(Door):
    """`deployments/running`"""

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=[state.value for state in State]),
            OpenApiParameter("environment", str),
            OpenApiParameter("model", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """A page of what runs and whether it may, the worst first; and how far the
        sources can be believed.

        What belongs to no known model is for tokens of all models.
        """
        by, at = person(request), timezone.now()
        roles.require(by, "read")
        form = RunningQuestion(data=request.query_params)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        sources = [
            {
                "name": one.source.name,
                "environment": one.source.environment.slug,
                "reached": one.last is not None and one.last.found is not None,
                "problem": one.last.problem if one.last else _("Not looked at yet."),
                "last_seen_at": one.seen_at,
            }
            for one in reconciliation.source_states()
            if roles.may(by, "read", environment=one.source.environment)
        ]
        rows = partial(_wanted, wanted, by=by, at=at)
        shown, links = page_of(request, rows, reconciliation.rank)
        return Response(
            {
                "examined_at": at,
                "deployments": [entry(one) for one in shown],
                "sources": sources,
            },
            headers=links,
        )


def _wanted(
    wanted: dict[str, str], after: reconciliation.Rank | None, *, by: User, at: datetime
) -> Iterator[reconciliation.Running]:
    """What was asked for and may be seen, judged by and by."""
    states = [one for one in State if wanted["state"] in ("", one.value)]
    place = wanted["environment"]
    found = reconciliation.worst_first(states, after=after, at=at, environment=place)
    for one in found:
        model = one.version.model.slug if one.version else None
        if reconciliation.in_scope(one, by) and wanted["model"] in ("", model):
            yield one


class WayBackQuestion(serializers.Serializer[Any]):
    """From where to go back."""

    environment = serializers.CharField(max_length=80)


class WayBackRecord(serializers.Serializer[Any]):
    """Where to go back to, and why."""

    environment = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64)
    reason = serializers.CharField(max_length=2000)


class CandidateRecord(serializers.Serializer[Any]):
    """An earlier version, and what the gate would say."""

    version = serializers.CharField()
    permitted_at = serializers.DateTimeField()
    allowed = serializers.BooleanField()
    checks = CheckRecord(many=True)


class WaysBack(serializers.Serializer[Any]):
    """What runs, and what could in its place."""

    environment = serializers.CharField()
    running = serializers.CharField(allow_null=True)
    candidates = CandidateRecord(many=True)


class Rollbacks(Door):
    """`models/{slug}/rollbacks`"""

    answers_within = DECIDING_SECONDS

    def still_true(self, request: Request, body: dict[str, Any]) -> bool:
        """A permit is given again only while it counts, a denial never."""
        row = GateDecision.objects.get(pk=body["decision_id"])
        return row.allowed and (issued.state_of(row, at=timezone.now()) in issued.VALID)

    @extend_schema(
        parameters=[OpenApiParameter("environment", str, required=True)],
        responses=WaysBack,
    )
    def get(self, request: Request, slug: str) -> Response:
        """The earlier versions that were permitted there; nothing is recorded."""
        form = WayBackQuestion(data=request.query_params)
        form.is_valid(raise_exception=True)
        by, at = person(request), timezone.now()
        model = find_model(slug)
        place = find_environment(form.validated_data["environment"])
        roles.require(by, "read", model=model, environment=place)
        now = rollbacks.current(model, place, at=at)
        found = (
            rollbacks.candidates(
                model=model, environment=place, instead_of=now, by=by, at=at
            )
            if now
            else []
        )
        return Response(
            {
                "environment": place.slug,
                "running": now.version if now else None,
                "candidates": [
                    {
                        "version": one.version.version,
                        "permitted_at": one.permitted_at,
                        "allowed": one.allowed,
                        "checks": [check.as_dict() for check in one.checks],
                    }
                    for one in found
                ],
            }
        )

    @extend_schema(request=WayBackRecord, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        """Ask the gate for an earlier version; 200, the verdict is in the body."""
        form = WayBackRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = rollbacks.roll_back(
            to=find_version(slug, data["version"]),
            environment=find_environment(data["environment"]),
            reason=data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(
            {
                **show.decision(
                    row.decision, json.loads(row.decision.permit or "null")
                ),
                "rollback_id": row.pk,
                "rolled_back_from": row.from_version.version,
            }
        )
