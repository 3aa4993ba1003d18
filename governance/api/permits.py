"""Permits after they were given: state, proof, renewal, revocation, signed list."""

import json
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from audits import log
from governance import issued, roles
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.gate import DecisionRecord
from governance.api.scope import visible
from governance.models import GateDecision, PermitRevocation, SecurityEvent
from governance.patience import DECIDING_SECONDS

_LONG = 10_000


class PermitRecord(DecisionRecord):
    """A permit and whether it still counts."""

    state = serializers.CharField()


class PermitRevocationRecord(serializers.Serializer[Any]):
    """That a permit was taken back, and why."""

    permit_id = serializers.UUIDField(read_only=True)
    reason = serializers.CharField(max_length=_LONG)
    revoked_by = serializers.CharField(read_only=True)
    revoked_at = serializers.DateTimeField(read_only=True)


class SecurityEventRecord(serializers.Serializer[Any]):
    """What looks like an attack, or like a slip that opens the door to one."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    model = serializers.CharField()
    version = serializers.CharField()
    environment = serializers.CharField()
    expected = serializers.CharField()
    seen = serializers.CharField()
    decision_id = serializers.UUIDField(allow_null=True)
    seen_at = serializers.DateTimeField()


def find_permit(permit_id: UUID, request: Request) -> GateDecision:
    """A permit that the asking person may read. Raises `Http404`, `NotAllowed`."""
    rows = GateDecision.objects.filter(
        allowed=True, version__isnull=False
    ).select_related(
        "version__model", "environment", "authorisation", "emergency__emergency"
    )
    row = get_object_or_404(rows, pk=permit_id)
    roles.require(
        person(request),
        "read",
        model=row.version.model if row.version else None,
        environment=row.environment,
    )
    return row


class Permit(Door):
    """`permits/{id}`"""

    answers_within = DECIDING_SECONDS

    @extend_schema(responses=PermitRecord)
    def get(self, request: Request, permit_id: UUID) -> Response:
        """The envelopes of a permit and its state: valid, expired, revoked ..."""
        row = find_permit(permit_id, request)
        state = issued.state_of(row, at=timezone.now())
        return Response({**show.decision(row, json.loads(row.permit)), "state": state})


class Proof(Door):
    """`permits/{id}/proof`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, permit_id: UUID) -> Response:
        """The permit, its entry in the log and the proof; 409 until it is signed."""
        row = find_permit(permit_id, request)
        try:
            return Response(issued.proof_of(row))
        except log.NotInLog as error:
            raise NotFound(str(error)) from error


class Renewal(Door):
    """`permits/{id}/renewal`"""

    answers_within = DECIDING_SECONDS

    def still_true(self, request: Request, body: dict[str, Any]) -> bool:
        """A renewed permit is given again only while it counts."""
        row = GateDecision.objects.get(pk=body["decision_id"])
        return row.allowed and issued.state_of(row, at=timezone.now()) in issued.VALID

    @extend_schema(request=None, responses=DecisionRecord)
    def post(self, request: Request, permit_id: UUID) -> Response:
        """Ask the same question again; always 200, the verdict is in the body."""
        former = find_permit(permit_id, request)
        row = issued.renew(permit=former, by=person(request), at=timezone.now())
        envelope = json.loads(row.permit) if row.permit else None
        return Response(show.decision(row, envelope))


class Revocation(Door):
    """`permits/{id}/revocation`"""

    @extend_schema(
        request=PermitRevocationRecord, responses={201: PermitRevocationRecord}
    )
    def post(self, request: Request, permit_id: UUID) -> Response:
        """Take a permit, or a sealed emergency token, back for good."""
        form = PermitRevocationRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = issued.revoke(
            permit_id=permit_id,
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_revocation(row), 201)


class RevocationList(Door):
    """`permit-revocations`"""

    @extend_schema(responses=PermitRevocationRecord(many=True))
    def get(self, request: Request) -> Response:
        """List what people took back, the newest first; unsigned, with reasons."""
        # It names permits of every model: a token for some of them does not see it.
        roles.require(person(request), "read", model="*")
        rows = PermitRevocation.objects.select_related("revoked_by")
        return page(request, rows, show_revocation, ordering=["-revoked_at", "id"])


class RevokedPermits(Door):
    """`permits/revoked`"""

    answers_within = DECIDING_SECONDS

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Signed list of unexpired permits that do not count, with its number."""
        roles.require(person(request), "read")
        row = issued.revoked_list(by=person(request), at=timezone.now())
        return Response(json.loads(row.envelope))


class SecurityEvents(Door):
    """`security-events`"""

    @extend_schema(responses=SecurityEventRecord(many=True))
    def get(self, request: Request) -> Response:
        """List security events, the newest first."""
        roles.require(person(request), "read")
        rows = SecurityEvent.objects.select_related("version__model", "environment")
        rows = visible(
            rows,
            person(request),
            model="version__model__slug",
            environment="environment__slug",
        )
        return page(request, rows, show_event, ordering=["-seen_at", "id"])


def show_revocation(row: PermitRevocation) -> dict[str, Any]:
    """A revocation."""
    return {
        "permit_id": row.permit_id,
        "reason": row.reason,
        "revoked_by": show.user(row.revoked_by),
        "revoked_at": row.revoked_at,
    }


def show_event(row: SecurityEvent) -> dict[str, Any]:
    """A security event."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "model": row.version.model.slug,
        "version": row.version.version,
        "environment": row.environment.slug,
        "expected": row.expected,
        "seen": row.seen,
        "decision_id": row.decision_id,
        "seen_at": row.seen_at,
    }
