"""Challenges, dissent, and what changed since a request was submitted."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import challenges, differences, roles
from governance.api import show
from governance.api.decisions import find_request
from governance.api.door import Door, page, person
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.case import Case
from governance.models import Challenge, Dissent

_LONG = 10_000
_PLACE = {
    "model": "request__version__model__slug",
    "environment": "request__environment__slug",
}


class ChallengeQuestion(serializers.Serializer[Any]):
    """A question, and what makes the challenger competent and independent."""

    question = serializers.CharField(max_length=_LONG)
    expertise = serializers.CharField(max_length=_LONG)
    independence = serializers.CharField(max_length=_LONG)


class ChallengeAnswer(serializers.Serializer[Any]):
    """An answer."""

    text = serializers.CharField(max_length=_LONG)


class ChallengeOutcome(serializers.Serializer[Any]):
    """What became of a challenge."""

    outcome = serializers.ChoiceField(challenges.Outcome.choices)
    reason = serializers.CharField(max_length=_LONG)


class DissentReason(serializers.Serializer[Any]):
    """Why somebody disagrees."""

    reason = serializers.CharField(max_length=_LONG)


class DissentOverrideRecord(Proven):
    """Why to go on all the same; it is signed."""

    reason = serializers.CharField(max_length=_LONG)


def show_challenge(row: Challenge) -> show.Json:
    """A challenge with its answers and its end."""
    end = getattr(row, "disposition", None)
    return {
        "id": row.pk,
        "request": row.request_id,
        "question": row.question,
        "expertise": row.expertise,
        "independence": row.independence,
        "authority": row.authority,
        "raised_by": show.user(row.raised_by),
        "raised_at": row.raised_at,
        "responses": [
            {
                "text": answer.text,
                "by": show.user(answer.responded_by),
                "at": answer.responded_at,
            }
            for answer in row.responses.all()
        ],
        "outcome": end.outcome if end else None,
        "outcome_reason": end.reason if end else None,
    }


def show_dissent(row: Dissent) -> show.Json:
    """A dissent, and who overrode it."""
    override = getattr(row, "override", None)
    return {
        "id": row.pk,
        "request": row.request_id,
        "reason": row.reason,
        "dissented_by": show.user(row.dissented_by),
        "dissented_at": row.dissented_at,
        "override": None
        if override is None
        else {
            "reason": override.reason,
            "role": override.role,
            "by": show.user(override.overridden_by),
            "at": override.overridden_at,
        },
    }


class Challenges(Door):
    """`approval-requests/{id}/challenges`"""

    @extend_schema(request=ChallengeQuestion, responses={201: ChallengeQuestion})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Challenge a request."""
        form = ChallengeQuestion(data=request.data)
        form.is_valid(raise_exception=True)
        row = challenges.challenge(
            request=find_request(request_id),
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(show_challenge(row), 201)

    @extend_schema(responses=ChallengeQuestion(many=True))
    def get(self, request: Request, request_id: UUID) -> Response:
        """List the challenges of a request, the oldest first."""
        roles.require(person(request), "read")
        rows = Challenge.objects.filter(request=find_request(request_id))
        return page(
            request,
            visible(rows, person(request), **_PLACE),
            show_challenge,
            ordering=["raised_at", "id"],
        )


def _challenge(challenge_id: UUID) -> Challenge:
    rows = Challenge.objects.select_related(
        "request__version__model", "request__environment", "raised_by"
    )
    return get_object_or_404(rows, pk=challenge_id)


class Responses(Door):
    """`challenges/{id}/responses`"""

    @extend_schema(request=ChallengeAnswer, responses={201: ChallengeQuestion})
    def post(self, request: Request, challenge_id: UUID) -> Response:
        """Answer a challenge."""
        form = ChallengeAnswer(data=request.data)
        form.is_valid(raise_exception=True)
        row = _challenge(challenge_id)
        challenges.respond(
            challenge=row,
            text=form.validated_data["text"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_challenge(_challenge(row.pk)), 201)


class Disposition(Door):
    """`challenges/{id}/disposition`"""

    @extend_schema(request=ChallengeOutcome, responses={201: ChallengeQuestion})
    def post(self, request: Request, challenge_id: UUID) -> Response:
        """Say what became of a challenge."""
        form = ChallengeOutcome(data=request.data)
        form.is_valid(raise_exception=True)
        row = _challenge(challenge_id)
        challenges.dispose(
            challenge=row,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(show_challenge(_challenge(row.pk)), 201)


class Dissents(Door):
    """`approval-requests/{id}/dissents`"""

    @extend_schema(request=DissentReason, responses={201: DissentReason})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Dissent from a request."""
        form = DissentReason(data=request.data)
        form.is_valid(raise_exception=True)
        row = challenges.dissent(
            request=find_request(request_id),
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_dissent(row), 201)

    @extend_schema(responses=DissentReason(many=True))
    def get(self, request: Request, request_id: UUID) -> Response:
        """List the dissents from a request, the oldest first."""
        roles.require(person(request), "read")
        rows = Dissent.objects.filter(request=find_request(request_id))
        return page(
            request,
            visible(rows, person(request), **_PLACE),
            show_dissent,
            ordering=["dissented_at", "id"],
        )


class Override(Door):
    """`dissents/{id}/override`; never wrapped, so that a failed proof is kept."""

    idempotent = False

    @extend_schema(request=DissentOverrideRecord, responses={201: DissentReason})
    def post(self, request: Request, dissent_id: UUID) -> Response:
        """Go on in spite of a dissent, signed."""
        form = DissentOverrideRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        rows = Dissent.objects.select_related(
            "request__version__model", "request__environment", "dissented_by"
        )
        row = get_object_or_404(rows, pk=dissent_id)
        challenges.override(
            dissent=row,
            reason=form.validated_data["reason"],
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_dissent(Dissent.objects.get(pk=row.pk)), 201)


class DifferenceRecord(serializers.Serializer[Any]):
    """A field of what was judged, then and now."""

    field = serializers.CharField()
    then = serializers.CharField()
    now = serializers.CharField()


class Changes(Door):
    """`approval-requests/{id}/changes`"""

    @extend_schema(responses=DifferenceRecord(many=True))
    def get(self, request: Request, request_id: UUID) -> Response:
        """What changed since the request was submitted and signed."""
        asked = find_request(request_id)
        roles.require(
            person(request),
            "read",
            model=asked.version.model,
            environment=asked.environment,
        )
        case = Case(asked.version, asked.environment, timezone.now())
        found = differences.since_submitted(case) if case.request == asked else []
        return Response(
            [{"field": d.field, "then": d.then, "now": d.now} for d in found]
        )
