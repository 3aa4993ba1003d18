"""Approval requests, and the signatures, rejections and withdrawals on them."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import (
    approvals,
    conditions,
    roles,
)
from governance.api import show
from governance.api.door import Door, page, person
from governance.api.fields import Moment
from governance.api.inventory import find_environment, find_version
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.models import ApprovalRequest, Signature

_PLACE = {"model": "version__model__slug", "environment": "environment__slug"}


class RequestRecord(serializers.Serializer[Any]):
    """What is asked for."""

    environment = serializers.CharField(max_length=80)
    comment = serializers.CharField(max_length=10_000, default="", allow_blank=True)
    valid_until = Moment(default=None, allow_null=True)


class RequestsOfVersion(Door):
    """`models/{slug}/versions/{version}/approval-requests`"""

    @extend_schema(request=RequestRecord, responses={201: RequestRecord})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Submit a version for approval."""
        row = find_version(slug, version)
        form = RequestRecord(data=request.data)
        form.is_valid(raise_exception=True)
        asked = approvals.submit(
            version=row,
            environment=find_environment(form.validated_data["environment"]),
            comment=form.validated_data["comment"],
            valid_until=form.validated_data["valid_until"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.approval_request(asked), 201)


class RequestList(Door):
    """`approval-requests`"""

    @extend_schema(responses=RequestRecord(many=True))
    def get(self, request: Request) -> Response:
        """List approval requests, the newest first."""
        roles.require(person(request), "read")
        rows = ApprovalRequest.objects.select_related(
            "version__model",
            "environment",
            "requested_by",
            "withdrawal",
            "authorisation",
        ).prefetch_related("signatures__signed_by")
        return page(
            request,
            visible(rows, person(request), **_PLACE),
            show.approval_request,
            ordering=["-requested_at", "id"],
        )


class RequestDetail(Door):
    """`approval-requests/{id}`"""

    @extend_schema(responses=RequestRecord)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Read an approval request."""
        row = find_request(request_id)
        roles.require(
            person(request),
            "read",
            model=row.version.model,
            environment=row.environment,
        )
        return Response(show.approval_request(row))


def find_request(request_id: UUID) -> ApprovalRequest:
    """The approval request or 404."""
    rows = ApprovalRequest.objects.select_related(
        "version__model", "environment", "assessment", "requested_by"
    )
    return get_object_or_404(rows, pk=request_id)


class SignatureRecord(Proven):
    """A signature: the person authenticates again."""

    meaning = serializers.ChoiceField(
        [
            Signature.Meaning.REVIEW,
            Signature.Meaning.APPROVAL,
            Signature.Meaning.RESPONSIBILITY,
        ]
    )
    comment = serializers.CharField(max_length=10_000, default="", allow_blank=True)
    conditions = serializers.ListField(
        child=serializers.DictField(), default=list, max_length=conditions.MOST
    )


class RejectionRecord(Proven):
    """A rejection is signed as well, and needs a reason."""

    comment = serializers.CharField(max_length=10_000)


class Signatures(Door):
    """`approval-requests/{id}/signatures`; never wrapped, so that a failed attempt
    to sign is kept."""

    idempotent = False

    @extend_schema(request=SignatureRecord, responses={201: SignatureRecord})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Sign as the person who authenticates."""
        form = SignatureRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = approvals.sign(
            request=find_request(request_id),
            meaning=form.validated_data["meaning"],
            proof=form.proof,
            comment=form.validated_data["comment"],
            stated=conditions.read(form.validated_data["conditions"]),
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.signature(row), 201)


class BatchItem(serializers.Serializer[Any]):
    """One request of a batch, with the digest of the record that the signer saw."""

    request = serializers.PrimaryKeyRelatedField(
        queryset=ApprovalRequest.objects.select_related("version__model", "environment")
    )
    subject_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    meaning = serializers.ChoiceField(
        [Signature.Meaning.REVIEW, Signature.Meaning.APPROVAL]
    )
    comment = serializers.CharField(max_length=10_000, default="", allow_blank=True)


class BatchRecord(Proven):
    """Several signatures, given with one authentication."""

    wanted = BatchItem(many=True)


class SignatureBatches(Door):
    """`signature-batches`; never wrapped, so that a failed attempt is kept."""

    idempotent = False

    @extend_schema(request=BatchRecord, responses={201: SignatureRecord(many=True)})
    def post(self, request: Request) -> Response:
        """Sign several requests, each with its own digest; all of them or none."""
        form = BatchRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        rows = approvals.sign_batch(
            wanted=[approvals.Wanted(**item) for item in form.validated_data["wanted"]],
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response([show.signature(row) for row in rows], 201)


class Rejections(Door):
    """`approval-requests/{id}/rejections`"""

    idempotent = False

    @extend_schema(request=RejectionRecord, responses={201: SignatureRecord})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Reject, signed, with a reason."""
        form = RejectionRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = approvals.sign(
            request=find_request(request_id),
            meaning=Signature.Meaning.REJECTION,
            proof=form.proof,
            comment=form.validated_data["comment"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show.signature(row), 201)


class Reason(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=10_000)


class WithdrawalView(Door):
    """`approval-requests/{id}/withdrawal`"""

    act = staticmethod(approvals.withdraw)

    @extend_schema(request=Reason, responses={201: Reason})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Take a request back."""
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        row = self.act(
            request=find_request(request_id),
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response({"reason": row.reason, "withdrawn_at": row.withdrawn_at}, 201)


class ChangeRequest(WithdrawalView):
    """`approval-requests/{id}/change-request`"""

    act = staticmethod(approvals.request_changes)

    @extend_schema(request=Reason, responses={201: Reason})
    def post(self, request: Request, request_id: UUID) -> Response:
        """Send a request back to its owner for changes."""
        return super().post(request, request_id)
