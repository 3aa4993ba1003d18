"""Authorisations: how they stand, their suspension and their end."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import deployments, roles, suspensions
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.lifecycle import State, state_of
from governance.models import Authorisation

_PLACE = {"model": "version__model__slug", "environment": "environment__slug"}


class SuspensionRecord(serializers.Serializer[Any]):
    """A change of an authorisation."""

    authorisation = serializers.PrimaryKeyRelatedField(
        queryset=Authorisation.objects.select_related("version__model", "environment")
    )
    state = serializers.ChoiceField(
        [(state.value, state.label) for state in suspensions.BY_PEOPLE],
        default=State.SUSPENDED,
    )
    reason = serializers.CharField(max_length=10_000)


class Suspensions(Door):
    """`suspensions`"""

    @extend_schema(request=SuspensionRecord, responses={201: SuspensionRecord})
    def post(self, request: Request) -> Response:
        """Suspend, reinstate (`active`) or revoke an authorisation."""
        form = SuspensionRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = form.validated_data["authorisation"]
        deployments.change_authorisation(
            authorisation=row,
            to=State(form.validated_data["state"]),
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.authorisation(row, state_of(row)), 201)


class AgreementRecord(Proven):
    """An approver's agreement that a suspension may end."""

    authorisation = serializers.PrimaryKeyRelatedField(
        queryset=Authorisation.objects.select_related(
            "version__model", "environment", "request"
        )
    )
    comment = serializers.CharField(max_length=10_000, default="", allow_blank=True)


class Agreements(Door):
    """`suspensions/agreements`"""

    idempotent = False

    @extend_schema(request=AgreementRecord, responses={201: AgreementRecord})
    def post(self, request: Request) -> Response:
        """Agree, signed, that a suspension may end (tiers 1 and 2)."""
        form = AgreementRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = suspensions.agree(
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(show.signature(row), 201)


class AuthorisationRecord(serializers.Serializer[Any]):
    """What was authorised, for how long, and whether it still is."""

    id = serializers.UUIDField()
    model = serializers.CharField()
    version = serializers.CharField()
    environment = serializers.CharField()
    artifact_sha256 = serializers.CharField()
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()
    state = serializers.CharField()


class AuthorisationList(Door):
    """`authorisations`"""

    @extend_schema(responses=AuthorisationRecord(many=True))
    def get(self, request: Request) -> Response:
        """List authorisations with their state, the newest first."""
        roles.require(person(request), "read")
        rows = Authorisation.objects.select_related(
            "version__model", "environment"
        ).prefetch_related("changes")
        return page(
            request,
            visible(rows, person(request), **_PLACE),
            lambda row: show.authorisation(row, state_of(row)),
            ordering=["-valid_from", "id"],
        )
