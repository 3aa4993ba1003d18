"""Break-glass: invoked, confirmed, extended, ended, reviewed."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import emergencies, roles
from governance.api import show
from governance.api.decisions import Reason
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.inventory import find_environment, find_version
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.models import Emergency

_LONG = 10_000
_PLACE = {"model": "version__model__slug", "environment": "environment__slug"}


def show_emergency(row: Emergency) -> show.Json:
    """An emergency with everything that became of it."""
    given = getattr(row, "authorisation", None)
    review = getattr(row, "review", None)
    return {
        "id": row.pk,
        "model": row.version.model.slug,
        "version": row.version.version,
        "environment": row.environment.slug,
        "artifact_sha256": row.artifact_sha256,
        "tier": row.tier,
        "reason_code": row.reason_code,
        "incident": row.incident,
        "reason": row.reason,
        "compensating_controls": row.compensating_controls,
        "expected_end": row.expected_end,
        "state": emergencies.state_of(row, timezone.now()),
        "offline": row.token_id is not None,
        "invoked_by": show.user(row.invoked_by),
        "invoked_at": row.invoked_at,
        "confirmed_by": show.user(given.confirmed_by) if given else None,
        "valid_from": given.valid_from if given else None,
        "ends_at": emergencies.ends_at(given) if given else None,
        "review_due_at": emergencies.review_due_at(given) if given else None,
        "review": None
        if review is None
        else {
            "justified": review.justified,
            "root_cause": review.root_cause,
            "corrective_action": review.corrective_action,
            "policy_feedback": review.policy_feedback,
            "reviewed_by": show.user(review.reviewed_by),
            "reviewed_at": review.reviewed_at,
        },
    }


class EmergencyRecord(Proven):
    """Who breaks the glass says why, for how long, and what is done instead."""

    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64)
    environment = serializers.CharField(max_length=80)
    reason_code = serializers.ChoiceField(Emergency.ReasonCode.choices)
    incident = serializers.CharField(max_length=100)
    reason = serializers.CharField(max_length=_LONG)
    compensating_controls = serializers.CharField(max_length=_LONG)
    expected_end = Moment()


class EmergencyList(Door):
    """`break-glass`"""

    idempotent = False

    @extend_schema(request=EmergencyRecord, responses={201: EmergencyRecord})
    def post(self, request: Request) -> Response:
        """Break the glass, signed; tiers 1 and 2 wait for a second person."""
        form = EmergencyRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        version = find_version(data.pop("model"), data.pop("version"))
        environment = find_environment(data.pop("environment"))
        data["reason_code"] = Emergency.ReasonCode(data["reason_code"])
        row = emergencies.invoke(
            call=emergencies.Call(version=version, environment=environment, **data),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return _shown(row)

    @extend_schema(responses=EmergencyRecord(many=True))
    def get(self, request: Request) -> Response:
        """List emergencies, the newest first."""
        roles.require(person(request), "read")
        rows = visible(emergencies.told(), person(request), **_PLACE)
        return page(request, rows, show_emergency, ordering=["-invoked_at", "id"])


def _find(request: Request, emergency_id: UUID) -> Emergency:
    row = get_object_or_404(emergencies.told(), pk=emergency_id)
    roles.require(
        person(request), "read", model=row.version.model, environment=row.environment
    )
    return row


def _shown(row: Emergency) -> Response:
    return Response(show_emergency(emergencies.told().get(pk=row.pk)), 201)


class EmergencyDetail(Door):
    """`break-glass/{id}`"""

    @extend_schema(responses=EmergencyRecord)
    def get(self, request: Request, emergency_id: UUID) -> Response:
        """Read an emergency."""
        return Response(show_emergency(_find(request, emergency_id)))


class EmergencyConfirmation(Door):
    """`break-glass/{id}/confirmation`"""

    idempotent = False

    @extend_schema(request=Proven, responses={201: EmergencyRecord})
    def post(self, request: Request, emergency_id: UUID) -> Response:
        """Confirm as the second person, signed."""
        row = _find(request, emergency_id)
        form = Proven(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        emergencies.confirm(
            emergency=row, proof=form.proof, by=person(request), at=timezone.now()
        )
        return _shown(row)


class ExtensionRecord(Proven):
    """Until when, and why."""

    until = Moment()
    reason = serializers.CharField(max_length=_LONG)


class EmergencyExtensionView(Door):
    """`break-glass/{id}/extension`"""

    idempotent = False

    @extend_schema(request=ExtensionRecord, responses={201: EmergencyRecord})
    def post(self, request: Request, emergency_id: UUID) -> Response:
        """Extend once, signed by risk."""
        row = _find(request, emergency_id)
        form = ExtensionRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        emergencies.extend(
            emergency=row,
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return _shown(row)


class EmergencyEndView(Door):
    """`break-glass/{id}/end`"""

    @extend_schema(request=Reason, responses={201: EmergencyRecord})
    def post(self, request: Request, emergency_id: UUID) -> Response:
        """End an emergency before its time."""
        row = _find(request, emergency_id)
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        emergencies.end(
            emergency=row,
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return _shown(row)


class ReviewRecord(Proven):
    """What the review found."""

    justified = serializers.BooleanField()
    root_cause = serializers.CharField(max_length=_LONG)
    corrective_action = serializers.CharField(max_length=_LONG)
    policy_feedback = serializers.CharField(
        max_length=_LONG, default="", allow_blank=True
    )


class EmergencyReviewView(Door):
    """`break-glass/{id}/review`"""

    idempotent = False

    @extend_schema(request=ReviewRecord, responses={201: EmergencyRecord})
    def post(self, request: Request, emergency_id: UUID) -> Response:
        """Review it afterwards, signed by somebody who was not involved."""
        row = _find(request, emergency_id)
        form = ReviewRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        emergencies.review(
            emergency=row,
            judgement=emergencies.Judgement(**form.validated_data),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return _shown(row)


class QuarterRecord(serializers.Serializer[Any]):
    """How often the glass was broken for a model in this quarter."""

    model = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField()
    reviewed = serializers.IntegerField()
    unjustified = serializers.IntegerField()


class EmergencyStatistics(Door):
    """`break-glass/statistics`"""

    @extend_schema(responses=QuarterRecord(many=True))
    def get(self, request: Request) -> Response:
        """Emergencies of this quarter, per model."""
        by = person(request)
        roles.require(by, "read")
        rows = emergencies.statistics(timezone.now())
        return Response(
            [row for row in rows if roles.may(by, "read", model=str(row["model"]))]
        )


class SealRecord(Proven):
    """For what a token is sealed, and until when."""

    model = serializers.CharField(max_length=80)
    version = serializers.CharField(max_length=64)
    environment = serializers.CharField(max_length=80)
    reason = serializers.CharField(max_length=_LONG)
    expires_at = serializers.DateTimeField()


class EmergencyTokens(Door):
    """`break-glass/tokens`"""

    idempotent = False

    @extend_schema(request=SealRecord, responses={201: SealRecord})
    def post(self, request: Request) -> Response:
        """Seal a token for when Freigabe is down; its envelope is shown once."""
        form = SealRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        data = form.validated_data
        sealed = emergencies.seal(
            version=find_version(data["model"], data["version"]),
            environment=find_environment(data["environment"]),
            reason=data["reason"],
            expires_at=data["expires_at"],
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(
            {
                "id": sealed.token.pk,
                "envelope": sealed.envelope,
                "expires_at": sealed.token.expires_at,
            },
            201,
        )


class TokenUse(EmergencyRecord):
    """How a sealed token was used, with its envelope."""

    envelope = serializers.CharField(max_length=50_000, trim_whitespace=False)
    used_at = Moment()


class EmergencyTokenUses(Door):
    """`break-glass/tokens/uses`"""

    idempotent = False

    @extend_schema(request=TokenUse, responses={201: EmergencyRecord})
    def post(self, request: Request) -> Response:
        """Bring the use of a sealed token into the record."""
        form = TokenUse(data=request.data)
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        version = find_version(data.pop("model"), data.pop("version"))
        environment = find_environment(data.pop("environment"))
        envelope, used_at = data.pop("envelope"), data.pop("used_at")
        data["reason_code"] = Emergency.ReasonCode(data["reason_code"])
        row = emergencies.reconcile(
            envelope=envelope,
            used_at=used_at,
            call=emergencies.Call(version=version, environment=environment, **data),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return _shown(row)
