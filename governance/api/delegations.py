"""Delegations, conditions of approvals, and the reviews of the fast lane."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import breaches, conditions, delegation, duties, fast_lane, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.scope import visible
from governance.models import Condition, Delegation, Draw
from registry.models import Role, User

_LONG = 10_000


class DelegationRecord(serializers.Serializer[Any]):
    """Who signs for whom, in which role, and until when."""

    delegate = serializers.SlugRelatedField(
        slug_field="username", queryset=User.objects.all()
    )
    role = serializers.ChoiceField(Role.choices)
    reason = serializers.CharField(max_length=_LONG)
    valid_from = Moment(default=None, allow_null=True)
    valid_until = Moment()


class Because(serializers.Serializer[Any]):
    """A reason."""

    reason = serializers.CharField(max_length=_LONG)


def show_delegation(row: Delegation) -> show.Json:
    """A delegation, and its early end."""
    end = getattr(row, "end", None)
    return {
        "id": row.pk,
        "delegator": show.user(row.delegator),
        "delegate": show.user(row.delegate),
        "role": row.role,
        "reason": row.reason,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "ended_at": end.ended_at if end else None,
    }


class Delegations(Door):
    """`delegations`"""

    @extend_schema(request=DelegationRecord, responses={201: DelegationRecord})
    def post(self, request: Request) -> Response:
        """Let somebody sign for oneself for a while."""
        form = DelegationRecord(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        row = delegation.delegate(
            to=said["delegate"],
            role=Role(said["role"]),
            reason=said["reason"],
            valid_from=said["valid_from"],
            valid_until=said["valid_until"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_delegation(row), 201)

    @extend_schema(responses=DelegationRecord(many=True))
    def get(self, request: Request) -> Response:
        """List one's own delegations, or all where one may see them, newest first."""
        rows = delegation.seen_by(person(request))
        return page(request, rows, show_delegation, ordering=["-valid_from", "id"])


class DelegationEndView(Door):
    """`delegations/{id}/end`"""

    @extend_schema(request=Because, responses={201: DelegationRecord})
    def post(self, request: Request, delegation_id: UUID) -> Response:
        """End a delegation early."""
        form = Because(data=request.data)
        form.is_valid(raise_exception=True)
        row = get_object_or_404(Delegation, pk=delegation_id)
        delegation.end(
            delegation=row,
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_delegation(Delegation.objects.get(pk=row.pk)), 201)


class FactRecord(serializers.Serializer[Any]):
    """What a deployment or the monitoring observed of a condition."""

    percent = serializers.FloatField(required=False)
    value = serializers.FloatField(required=False)
    regions = serializers.ListField(
        child=serializers.CharField(max_length=16), required=False, max_length=100
    )
    reported_from = serializers.CharField(max_length=200, default="", allow_blank=True)


def show_condition(row: Condition) -> show.Json:
    """A condition in words and terms, and what was reported of it."""
    return {
        "id": row.pk,
        "request": row.request_id,
        "signature": row.signature_id,
        "kind": row.kind,
        "terms": row.terms,
        "text": conditions.in_words(row),
        "facts": [
            {
                "observed": fact.observed,
                "holds": fact.holds,
                "reported_from": fact.source,
                "reported_at": fact.reported_at,
            }
            for fact in row.facts.all()
        ],
    }


class Conditions(Door):
    """`conditions`"""

    @extend_schema(responses=FactRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the conditions of approvals, the newest first."""
        roles.require(person(request), "read")
        rows = Condition.objects.prefetch_related("facts")
        place = {
            "model": "request__version__model__slug",
            "environment": "request__environment__slug",
        }
        return page(
            request,
            visible(rows, person(request), **place),
            show_condition,
            ordering=["-stated_at", "id"],
        )


class Facts(Door):
    """`conditions/{id}/facts`"""

    @extend_schema(request=FactRecord, responses={201: FactRecord})
    def post(self, request: Request, condition_id: UUID) -> Response:
        """Report what was observed of a condition; a breach shuts the gate."""
        form = FactRecord(data=request.data)
        form.is_valid(raise_exception=True)
        observed = dict(form.validated_data)
        source = observed.pop("reported_from")
        rows = Condition.objects.select_related(
            "request__version__model", "request__environment"
        )
        row = get_object_or_404(rows, pk=condition_id)
        breaches.report(
            condition=row,
            observed=observed,
            source=source,
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_condition(Condition.objects.get(pk=row.pk)), 201)


class DrawReviewRecord(serializers.Serializer[Any]):
    """What a later review found."""

    confirmed = serializers.BooleanField()
    reason = serializers.CharField(max_length=_LONG)


def show_draw(row: Draw) -> show.Json:
    """A draw with its seed, so that anyone can compute it again, and its review."""
    review = getattr(row, "review", None)
    return {
        "id": row.pk,
        "authorisation": row.authorisation_id,
        "log_size": row.log_size,
        "root_sha256": row.root_sha256,
        "percent": row.percent,
        "drawn": row.drawn,
        "due_at": row.due_at,
        "confirmed": review.confirmed if review else None,
    }


class Draws(Door):
    """`draws`"""

    @extend_schema(responses=DrawReviewRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the draws of the fast lane, the newest first."""
        roles.require(person(request), "read")
        place = {
            "model": "authorisation__version__model__slug",
            "environment": "authorisation__environment__slug",
        }
        return page(
            request,
            visible(Draw.objects.select_related("review"), person(request), **place),
            show_draw,
            ordering=["-drawn_at", "id"],
        )


class DrawReviews(Door):
    """`draws/{id}/review`"""

    @extend_schema(request=DrawReviewRecord, responses={201: DrawReviewRecord})
    def post(self, request: Request, draw_id: UUID) -> Response:
        """Review an approval that was drawn."""
        form = DrawReviewRecord(data=request.data)
        form.is_valid(raise_exception=True)
        rows = Draw.objects.select_related("authorisation__request__version__model")
        row = get_object_or_404(rows, pk=draw_id)
        fast_lane.review(
            draw=row, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(show_draw(Draw.objects.get(pk=row.pk)), 201)


class DutyRecord(serializers.Serializer[Any]):
    """A rule of separation of duties."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    scope = serializers.CharField()
    hard_tiers = serializers.ListField(child=serializers.IntegerField())
    where = serializers.CharField()
    according_to = serializers.CharField()


class Duties(Door):
    """`separation-of-duties`"""

    @extend_schema(responses=DutyRecord(many=True))
    def get(self, request: Request) -> Response:
        """List the rules of separation of duties; outside `hard_tiers` they warn."""
        roles.require(person(request), "read")
        return Response(
            [
                {
                    "id": rule.id,
                    "title": str(rule.title),
                    "scope": str(rule.scope),
                    "hard_tiers": sorted(rule.hard_tiers),
                    "where": rule.where,
                    "according_to": rule.source,
                }
                for rule in duties.RULES
            ]
        )
