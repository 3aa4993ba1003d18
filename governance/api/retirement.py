"""Retiring a version for good: asked by its owner, confirmed as risk."""

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import lifecycle, retiring
from governance.api import show
from governance.api.door import Door, person
from governance.api.inventory import find_version
from governance.api.proof import Proven
from governance.models import Retirement as RetirementRow


class RetirementRecord(Proven):
    """What replaces a version, why it goes, until when its records are kept."""

    reason = serializers.CharField(max_length=10_000)
    retain_until = serializers.DateField()
    successor = serializers.CharField(max_length=64, default=None, allow_null=True)


class Retirement(Door):
    """`models/{slug}/versions/{version}/retirement`"""

    idempotent = False

    @extend_schema(request=RetirementRecord, responses={201: RetirementRecord})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Ask that a version be retired for good, signed by its owner."""
        form = RetirementRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        data = dict(form.validated_data)
        successor = data.pop("successor")
        row = retiring.ask(
            version=find_version(slug, version),
            plan=retiring.Plan(
                successor=find_version(slug, successor) if successor else None, **data
            ),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(_retirement(row), 201)


class RetirementConfirmation(Door):
    """`models/{slug}/versions/{version}/retirement/confirmation`"""

    idempotent = False

    @extend_schema(request=Proven, responses={201: RetirementRecord})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Confirm as risk, signed: it is out of use from then on."""
        rows = RetirementRow.objects.select_related("version__model", "asked_by")
        row = get_object_or_404(rows, version=find_version(slug, version))
        form = Proven(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        retiring.confirm(
            retirement=row, proof=form.proof, by=person(request), at=timezone.now()
        )
        return Response(_retirement(row), 201)


def _retirement(row: RetirementRow) -> show.Json:
    return {
        "reason": row.reason,
        "successor": row.successor.version if row.successor else None,
        "retain_until": row.retain_until,
        "asked_by": show.user(row.asked_by),
        "asked_at": row.asked_at,
        "status": lifecycle.status_of(row.version),
    }
