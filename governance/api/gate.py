"""The gate, readiness, permits, deployments."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from governance import deployments, gate, issued, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.errors import PROBLEM
from governance.api.inventory import find_environment, find_version
from governance.api.scope import asked_about, visible
from governance.gate import Question
from governance.models import GateDecision
from registry.models import Deployment


class QuestionRecord(serializers.Serializer[Any]):
    """What a pipeline asks."""

    model = serializers.CharField(max_length=200, default="", allow_blank=True)
    version = serializers.CharField(max_length=200, default="", allow_blank=True)
    digest = serializers.RegexField(
        r"^(sha256:)?[0-9a-fA-F]{64}\Z", max_length=71, default=""
    )
    environment = serializers.CharField(max_length=200)


class CheckRecord(serializers.Serializer[Any]):
    """One check."""

    requirement = serializers.CharField()
    title = serializers.CharField()
    passed = serializers.BooleanField()
    observed = serializers.CharField()
    because = serializers.CharField()
    next_step = serializers.CharField()
    severity = serializers.CharField()


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


class _Text(BaseRenderer):
    """Lines for the log of a pipeline."""

    media_type = "text/plain"
    format = "text"

    def render(self, data: Any, *_args: Any, **_kwargs: Any) -> bytes:
        """One line a check, the failing ones with their next step."""
        if "checks" not in data:
            return f"{data.get('title', '')}: {data.get('detail', '')}\n".encode()
        lines = [f"{data.get('decision', '').upper()} {data.get('decision_id', '')}"]
        for check in data["checks"]:
            sign = "ok  " if check["passed"] else "FAIL"
            lines.append(f"{sign} {check['title']}: {check['observed']}")
            if not check["passed"]:
                lines.append(f"     {check['because']} {check['next_step']}")
        return ("\n".join(lines) + "\n").encode()


class _ByFormat(DefaultContentNegotiation):
    """`format=json|text` beside the Accept header; an unknown format is refused."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002
        """Refuse in words instead of a bare 404."""
        found = [r for r in renderers if r.format == format]
        if not found:
            raise ValidationError({"format": [_("Use json or text.")]})
        return found


class Gate(Door):
    """`gate`"""

    renderer_classes = (JSONRenderer, _Text)
    content_negotiation_class = _ByFormat

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str)
            for name in ("model", "version", "digest", "environment", "format")
        ],
        responses={200: DecisionRecord, 403: DecisionRecord},
    )
    def get(self, request: Request) -> Response:
        """Decide: 200 and the permit, or 403 and the reasons."""
        form = QuestionRecord(data=request.query_params)
        form.is_valid(raise_exception=True)
        row = _decide(form.validated_data, request)
        body = show.decision(row, json.loads(row.permit) if row.permit else None)
        if row.allowed:
            return Response(body)
        failing = [c["title"] for c in row.checks if not c["passed"]]
        body |= {
            "type": "about:blank",
            "title": _("Denied"),
            "status": 403,
            "detail": _("Denied: %(checks)s.") % {"checks": "; ".join(failing)},
        }
        text = getattr(request.accepted_renderer, "format", "json") == "text"
        return Response(body, 403, content_type=None if text else PROBLEM)


def _question(data: Mapping[str, str]) -> Question:
    return Question(
        environment=data["environment"],
        model=data["model"],
        version=data["version"],
        digest=data["digest"],
    )


def _decide(data: Mapping[str, str], request: Request) -> GateDecision:
    question = _question(data)
    return gate.decide(question=question, by=person(request), at=timezone.now())


class Decisions(Door):
    """`gate/decisions`"""

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
        row = _decide(form.validated_data, request)
        return Response(
            show.decision(row, json.loads(row.permit) if row.permit else None)
        )

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


class Readiness(Door):
    """`models/{slug}/versions/{version}/readiness`"""

    @extend_schema(
        parameters=[OpenApiParameter("environment", str, required=True)],
        responses=CheckRecord(many=True),
    )
    def get(self, request: Request, slug: str, version: str) -> Response:
        """Every check of the gate; nothing is decided or recorded."""
        question = Question(
            environment=request.query_params.get("environment", ""),
            model=slug,
            version=version,
        )
        case, checks = gate.examine(question, by=person(request), at=timezone.now())
        if case is None:
            find_version(slug, version)  # 404 unless only the environment is unknown
        return Response(
            {
                "ready": not any(check.blocks for check in checks),
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
