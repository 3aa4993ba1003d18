"""The gate, readiness, permits, deployments."""

import json
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import deployments, gate, issued, roles
from governance.api import results, show
from governance.api.door import Door, page, person
from governance.api.errors import PROBLEM
from governance.api.inventory import find_environment, find_version
from governance.api.results.sarif import LOCATION
from governance.api.scope import asked_about, visible
from governance.gate import Question
from governance.models import GateDecision
from governance.patience import DECIDING_SECONDS
from registry.models import Deployment


class QuestionRecord(serializers.Serializer[Any]):
    """What a pipeline asks."""

    model = serializers.CharField(max_length=200, default="", allow_blank=True)
    version = serializers.CharField(max_length=200, default="", allow_blank=True)
    digest = serializers.RegexField(
        r"^(sha256:)?[0-9a-fA-F]{64}\Z", max_length=71, default=""
    )
    environment = serializers.CharField(max_length=200)


class FormattedRecord(serializers.Serializer[Any]):
    """Where a SARIF log places its results."""

    location = serializers.RegexField(rf"^{LOCATION.pattern}\Z", default="")


class FormattedQuestion(QuestionRecord, FormattedRecord):
    """A question whose answer has a format."""


FORMAT = [
    OpenApiParameter("format", str, description="json, text, sarif or junit."),
    OpenApiParameter(
        "location",
        str,
        description="Of SARIF: a file of the repository; MODEL_CARD.md unless said.",
    ),
]


class CheckRecord(serializers.Serializer[Any]):
    """One check."""

    requirement = serializers.CharField()
    title = serializers.CharField()
    passed = serializers.BooleanField()
    observed = serializers.CharField()
    because = serializers.CharField()
    next_step = serializers.CharField()
    severity = serializers.CharField()
    pack = serializers.CharField(required=False)
    waiver = serializers.UUIDField(required=False)


class DecisionRecord(serializers.Serializer[Any]):
    """The answer."""

    decision = serializers.ChoiceField(["allow", "deny"])
    decision_id = serializers.UUIDField()
    checks = CheckRecord(many=True)
    permit = serializers.DictField(allow_null=True)
    vsa = serializers.DictField(allow_null=True)
    svr = serializers.DictField(allow_null=True)
    renewal_of = serializers.UUIDField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    page = serializers.CharField(required=False)


class Gate(Door):
    """`gate`"""

    answers_within = DECIDING_SECONDS
    renderer_classes = results.RENDERERS
    content_negotiation_class = results.ByFormat

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str)
            for name in ("model", "version", "digest", "environment")
        ]
        + FORMAT,
        responses={200: DecisionRecord, 403: DecisionRecord},
    )
    def get(self, request: Request) -> Response:
        """Decide: 200 and the permit, or 403 and the reasons."""
        form = FormattedQuestion(data=request.query_params)
        form.is_valid(raise_exception=True)
        row = decide(form.validated_data, request)
        body = _answer(request, row)
        if row.allowed:
            return Response(body)
        failing = [c["title"] for c in row.checks if not c["passed"]]
        body |= {
            "type": "about:blank",
            "title": _("Denied"),
            "status": 403,
            "detail": _("Denied: %(checks)s.") % {"checks": "; ".join(failing)},
        }
        kind = PROBLEM if results.is_problem_json(request) else None
        return Response(body, 403, content_type=kind)


def _answer(request: Request, row: GateDecision) -> show.Json:
    """The decision, and the page that says it to people: for the pipeline's log."""
    page_of = request.build_absolute_uri(reverse("web:decision", args=[row.pk]))
    permit = json.loads(row.permit) if row.permit else None
    return {**show.decision(row, permit), "page": page_of}


def _question(data: Mapping[str, str]) -> Question:
    return Question(
        environment=data["environment"],
        model=data["model"],
        version=data["version"],
        digest=data["digest"],
    )


def decide(data: Mapping[str, str], request: Request) -> GateDecision:
    """Ask the gate what a call asks."""
    question = _question(data)
    return gate.decide(question=question, by=person(request), at=timezone.now())


class Decisions(Door):
    """`gate/decisions`"""

    answers_within = DECIDING_SECONDS

    def still_true(self, request: Request, body: dict[str, Any]) -> bool:
        """A decision is given again only while the gate would decide the same."""
        form = QuestionRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = GateDecision.objects.select_related("authorisation").get(
            pk=body["decision_id"]
        )
        if row.allowed and issued.state_of(row, at=timezone.now()) not in issued.VALID:
            return False
        question = _question(form.validated_data)
        _case, checks = gate.examine(question, by=person(request), at=timezone.now())
        before = [(c["requirement"], c["passed"], c["severity"]) for c in row.checks]
        now = [check.as_dict() for check in checks]
        return before == [(c["requirement"], c["passed"], c["severity"]) for c in now]

    @extend_schema(request=QuestionRecord, responses=DecisionRecord)
    def post(self, request: Request) -> Response:
        """Decide; always 200, the verdict is in the body."""
        form = QuestionRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = decide(form.validated_data, request)
        return Response(_answer(request, row))

    @extend_schema(responses=DecisionRecord(many=True))
    def get(self, request: Request) -> Response:
        """List decisions, the newest first, without their permits."""
        roles.require(person(request), "read")
        rows = GateDecision.objects.select_related("version__model", "pipeline_token")
        rows = rows.filter(asked_about(person(request)))
        return page(
            request,
            rows,
            lambda row: show.decision(row, None),
            ordering=["-decided_at", "id"],
        )


class ReadinessRecord(serializers.Serializer[Any]):
    """What the gate would say, undecided."""

    ready = serializers.BooleanField()
    model = serializers.CharField()
    version = serializers.CharField()
    environment = serializers.CharField()
    examined_at = serializers.DateTimeField()
    checks = CheckRecord(many=True)


class Readiness(Door):
    """`models/{slug}/versions/{version}/readiness`"""

    answers_within = DECIDING_SECONDS
    renderer_classes = results.RENDERERS
    content_negotiation_class = results.ByFormat

    @extend_schema(
        parameters=[OpenApiParameter("environment", str, required=True), *FORMAT],
        responses=ReadinessRecord,
    )
    def get(self, request: Request, slug: str, version: str) -> Response:
        """Every check of the gate; nothing is decided or recorded."""
        FormattedRecord(data=request.query_params).is_valid(raise_exception=True)
        at = timezone.now()
        question = Question(
            environment=request.query_params.get("environment", ""),
            model=slug,
            version=version,
        )
        case, checks = gate.examine(question, by=person(request), at=at)
        if case is None:
            find_version(slug, version)  # 404 unless only the environment is unknown
        return Response(
            {
                "ready": not any(check.blocks for check in checks),
                "model": slug,
                "version": version,
                "environment": question.environment,
                "examined_at": at,
                "checks": [check.as_dict() for check in checks],
            }
        )


class DeploymentRecord(serializers.Serializer[Any]):
    """That a version runs somewhere."""

    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64)
    environment = serializers.CharField(max_length=80)
    artifact_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    permit_id = serializers.UUIDField(default=None, allow_null=True)
    reported_from = serializers.CharField(max_length=200, default="", allow_blank=True)


class Deployments(Door):
    """`deployments`"""

    @extend_schema(request=DeploymentRecord, responses={201: DeploymentRecord})
    def post(self, request: Request) -> Response:
        """Report a deployment; without a valid permit it counts as unauthorised."""
        form = DeploymentRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        row = deployments.record(
            version=find_version(data["model"], data["version"]),
            environment=find_environment(data["environment"]),
            artifact_sha256=data["artifact_sha256"],
            permit_id=str(data["permit_id"] or ""),
            source=data["reported_from"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.deployment(row), 201)

    @extend_schema(responses=DeploymentRecord(many=True))
    def get(self, request: Request) -> Response:
        """List deployments, the newest first."""
        roles.require(person(request), "read")
        rows = Deployment.objects.select_related(
            "version__model", "environment", "reported_by"
        )
        rows = visible(
            rows,
            person(request),
            model="version__model__slug",
            environment="environment__slug",
        )
        return page(request, rows, show.deployment, ordering=["-reported_at", "id"])
