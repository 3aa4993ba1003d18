"""Findings: raised, listed, and taken from plan to verification."""

from typing import Any, ClassVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import findings, remedying, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.inventory import find_model, find_version
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.findings import Standing, standing, told
from governance.models import Finding, Severity
from registry.models import User

_LONG = 10_000


def show_finding(now: Standing) -> show.Json:
    """A finding as it stands, with every step."""
    row = now.finding
    return {
        "id": row.pk,
        "model": row.model.slug,
        "version": row.version.version if row.version else None,
        "source": row.source,
        "title": row.title,
        "text": row.text,
        "state": now.state,
        "open": now.is_open,
        "overdue": now.overdue,
        "severity": now.severity,
        "owner": show.user(now.owner),
        "due_on": now.due_on,
        "accepted_until": now.accepted_until,
        "raised_by": show.user(row.raised_by),
        "raised_at": row.raised_at,
        "steps": [
            {
                "state": step.state,
                "severity": step.severity,
                "owner": show.user(step.owner),
                "due_on": step.due_on,
                "text": step.text,
                "by": show.user(step.changed_by),
                "at": step.changed_at,
            }
            for step in now.changes
        ],
    }


class FindingRecord(serializers.Serializer[Any]):
    """A weakness with severity, owner and due date."""

    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64, default=None, allow_null=True)
    severity = serializers.ChoiceField(Severity.choices)
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=_LONG)
    owner = serializers.SlugRelatedField(
        slug_field="username",
        queryset=User.objects.all(),
        default=None,
        allow_null=True,
    )
    due_on = serializers.DateField()


class FindingList(Door):
    """`findings`"""

    @extend_schema(request=FindingRecord, responses={201: FindingRecord})
    def post(self, request: Request) -> Response:
        """Raise a finding about a model, or about one version of it."""
        form = FindingRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        slug, number = data.pop("model"), data.pop("version")
        at = timezone.now()
        row = findings.raise_finding(
            model=find_model(slug),
            version=find_version(slug, number) if number else None,
            by=person(request),
            at=at,
            **{**data, "severity": Severity(data["severity"])},
        )
        return Response(show_finding(standing(told().get(pk=row.pk), at)), 201)

    @extend_schema(responses=FindingRecord(many=True))
    def get(self, request: Request) -> Response:
        """List findings, the newest first; `model` narrows the list."""
        roles.require(person(request), "read")
        rows = visible(told(), person(request), model="model__slug")
        if slug := request.query_params.get("model"):
            rows = rows.filter(model__slug=slug)
        at = timezone.now()
        return page(
            request,
            rows,
            lambda row: show_finding(standing(row, at)),
            ordering=["-raised_at", "id"],
        )


def _find(request: Request, finding_id: UUID) -> Finding:
    row = get_object_or_404(told(), pk=finding_id)
    roles.require(person(request), "read", model=row.model)
    return row


class FindingDetail(Door):
    """`findings/{id}`"""

    @extend_schema(responses=FindingRecord)
    def get(self, request: Request, finding_id: UUID) -> Response:
        """Read a finding with all its steps."""
        row = _find(request, finding_id)
        return Response(show_finding(standing(row, timezone.now())))


class StepRecord(serializers.Serializer[Any]):
    """The next step of a finding, in words."""

    STEPS: ClassVar = {
        "plan": remedying.plan,
        "accept-plan": remedying.accept_plan,
        "resolve": remedying.resolve,
        "verify": remedying.verify,
        "send-back": remedying.send_back,
    }

    step = serializers.ChoiceField(sorted(STEPS))
    text = serializers.CharField(max_length=_LONG)


class FindingSteps(Door):
    """`findings/{id}/steps`"""

    @extend_schema(request=StepRecord, responses={201: FindingRecord})
    def post(self, request: Request, finding_id: UUID) -> Response:
        """Plan, accept the plan, resolve, verify, or send back."""
        row = _find(request, finding_id)
        form = StepRecord(data=request.data)
        form.is_valid(raise_exception=True)
        act = StepRecord.STEPS[form.validated_data["step"]]
        text, at = form.validated_data["text"], timezone.now()
        act(finding=row, text=text, by=person(request), at=at)
        return Response(show_finding(standing(told().get(pk=row.pk), at)), 201)


class ReopeningRecord(serializers.Serializer[Any]):
    """Why a closed finding is open again, and until when it is resolved."""

    text = serializers.CharField(max_length=_LONG)
    due_on = serializers.DateField()


class FindingReopening(Door):
    """`findings/{id}/reopening`"""

    @extend_schema(request=ReopeningRecord, responses={201: FindingRecord})
    def post(self, request: Request, finding_id: UUID) -> Response:
        """Open a closed or accepted finding again."""
        row = _find(request, finding_id)
        form = ReopeningRecord(data=request.data)
        form.is_valid(raise_exception=True)
        at = timezone.now()
        remedying.reopen(finding=row, by=person(request), at=at, **form.validated_data)
        return Response(show_finding(standing(told().get(pk=row.pk), at)), 201)


class TermsRecord(serializers.Serializer[Any]):
    """Another severity, owner or due date, and why."""

    text = serializers.CharField(max_length=_LONG)
    severity = serializers.ChoiceField(Severity.choices, default=None, allow_null=True)
    owner = serializers.SlugRelatedField(
        slug_field="username",
        queryset=User.objects.all(),
        default=None,
        allow_null=True,
    )
    due_on = serializers.DateField(default=None, allow_null=True)


class FindingTerms(Door):
    """`findings/{id}/terms`"""

    @extend_schema(request=TermsRecord, responses={201: FindingRecord})
    def post(self, request: Request, finding_id: UUID) -> Response:
        """Change severity, owner or due date, with the reason."""
        row = _find(request, finding_id)
        form = TermsRecord(data=request.data)
        form.is_valid(raise_exception=True)
        data, at = dict(form.validated_data), timezone.now()
        severity = data.pop("severity")
        remedying.change_terms(
            finding=row,
            severity=Severity(severity) if severity else None,
            by=person(request),
            at=at,
            **data,
        )
        return Response(show_finding(standing(told().get(pk=row.pk), at)), 201)


class AcceptanceRecord(Proven):
    """A signed decision to live with a weakness until a moment."""

    until = Moment()
    text = serializers.CharField(max_length=_LONG)


class FindingAcceptance(Door):
    """`findings/{id}/risk-acceptances`; never wrapped, so that a failed attempt to
    sign is kept."""

    idempotent = False

    @extend_schema(request=AcceptanceRecord, responses={201: FindingRecord})
    def post(self, request: Request, finding_id: UUID) -> Response:
        """Accept the risk, signed."""
        row = _find(request, finding_id)
        form = AcceptanceRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        at = timezone.now()
        remedying.accept_risk(
            finding=row,
            proof=form.proof,
            by=person(request),
            at=at,
            **form.validated_data,
        )
        return Response(show_finding(standing(told().get(pk=row.pk), at)), 201)
