"""Change plans and the minor changes that fall under them."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import changing, planned, roles
from governance.api import show
from governance.api.decisions import Reason
from governance.api.door import LISTED, Door, page, person
from governance.api.fields import Moment
from governance.api.inventory import find_environment, find_version
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.case import Case
from governance.models import ChangePlan, ChangeRecord
from governance.models.changes import MOST_CHANGES

_LONG = 10_000
_TEXTS = ("changes", "protocol", "impact")


def show_plan(row: ChangePlan) -> show.Json:
    """A plan as its owner signed it, and whether it ended early."""
    end = getattr(row, "end", None)
    return {
        "id": row.pk,
        "model": row.version.model.slug,
        "version": row.version.version,
        **{name: getattr(row, name) for name in _TEXTS},
        "limits": row.limits,
        "baseline": row.baseline,
        "most_changes": row.most_changes,
        "tier": row.tier,
        "valid_until": row.valid_until,
        "subject_sha256": row.subject_sha256,
        "filed_by": show.user(row.filed_by),
        "filed_at": row.filed_at,
        "ended_at": end.ended_at if end else None,
    }


def show_change(row: ChangeRecord) -> show.Json:
    """A change record, without the verdict: that depends on the environment."""
    return {
        "id": row.pk,
        "model": row.version.model.slug,
        "version": row.version.version,
        "plan": row.plan_id,
        "number": row.sequence,
        "changed": row.changed,
        "reason": row.reason,
        "recorded_by": show.user(row.recorded_by),
        "recorded_at": row.recorded_at,
    }


class LimitRecord(serializers.Serializer[Any]):
    """The bounds of one measurement."""

    kind = serializers.CharField(max_length=16)
    name = serializers.CharField(max_length=100)
    group = serializers.CharField(max_length=200, default="", allow_blank=True)
    at_least = serializers.FloatField(default=None, allow_null=True)
    at_most = serializers.FloatField(default=None, allow_null=True)


class PlanRecord(Proven):
    """A change plan, signed by who files it."""

    changes = serializers.CharField(max_length=_LONG)
    protocol = serializers.CharField(max_length=_LONG)
    impact = serializers.CharField(max_length=_LONG)
    limits = LimitRecord(many=True)
    most_changes = serializers.IntegerField(min_value=1, max_value=MOST_CHANGES)
    valid_until = Moment()


class PlansOfVersion(Door):
    """`models/{slug}/versions/{version}/change-plans`"""

    idempotent = False

    @extend_schema(request=PlanRecord, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """File the change plan that is judged with a version, signed."""
        row = find_version(slug, version)
        form = PlanRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        made = changing.file_plan(
            version=row,
            wish=changing.Wish(**form.validated_data),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_plan(made), 201)


class PlanList(Door):
    """`change-plans`"""

    @extend_schema(operation_id="change_plans_list", responses=LISTED)
    def get(self, request: Request) -> Response:
        """List change plans, the newest first; `model` narrows the list."""
        roles.require(person(request), "read")
        rows = visible(planned.told(), person(request), model="version__model__slug")
        if slug := request.query_params.get("model"):
            rows = rows.filter(version__model__slug=slug)
        return page(request, rows, show_plan, ordering=["-filed_at", "id"])


def _find(request: Request, plan_id: UUID) -> ChangePlan:
    row = get_object_or_404(planned.told(), pk=plan_id)
    roles.require(person(request), "read", model=row.version.model)
    return row


class PlanDetail(Door):
    """`change-plans/{id}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Read a change plan."""
        return Response(show_plan(_find(request, plan_id)))


class PlanEnd(Door):
    """`change-plans/{id}/end`"""

    @extend_schema(request=Reason, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, plan_id: UUID) -> Response:
        """End a change plan before its time, for good."""
        row = _find(request, plan_id)
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        changing.end_plan(
            plan=row,
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_plan(_find(request, plan_id)), 201)


class ChangeRecordForm(serializers.Serializer[Any]):
    """Under which plan a version falls, and what was changed why."""

    plan = serializers.UUIDField()
    changed = serializers.CharField(max_length=_LONG)
    reason = serializers.CharField(max_length=_LONG)


class ChangeOfVersion(Door):
    """`models/{slug}/versions/{version}/change-record`"""

    @extend_schema(request=ChangeRecordForm, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Say that a version is a minor change inside an approved plan."""
        row = find_version(slug, version)
        form = ChangeRecordForm(data=request.data)
        form.is_valid(raise_exception=True)
        plan = planned.told().filter(pk=form.validated_data["plan"]).first()
        if plan is None:
            told = _("There is no such change plan.")
            raise serializers.ValidationError({"plan": [told]})
        made = changing.record_change(
            version=row,
            plan=plan,
            changed=form.validated_data["changed"],
            reason=form.validated_data["reason"],
            by=person(request),
            at=timezone.now(),
        )
        return Response(show_change(made), 201)


class ChangeList(Door):
    """`change-records`"""

    @extend_schema(operation_id="change_records_list", responses=LISTED)
    def get(self, request: Request) -> Response:
        """List change records, the newest first; `model` narrows the list."""
        roles.require(person(request), "read")
        rows = ChangeRecord.objects.select_related("version__model", "recorded_by")
        rows = visible(rows, person(request), model="version__model__slug")
        if slug := request.query_params.get("model"):
            rows = rows.filter(version__model__slug=slug)
        return page(request, rows, show_change, ordering=["-recorded_at", "id"])


class ChangeVerdict(Door):
    """`models/{slug}/versions/{version}/change-record/{environment}`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(
        self, request: Request, slug: str, version: str, environment: str
    ) -> Response:
        """Read whether the change lies inside its plan now, limit by limit."""
        row = find_version(slug, version)
        place = find_environment(environment)
        roles.require(person(request), "read", model=row.model, environment=place)
        record = get_object_or_404(
            ChangeRecord.objects.select_related("version__model", "recorded_by"),
            version=row,
        )
        found = Case(row, place, timezone.now()).change
        return Response(
            {
                **show_change(record),
                "environment": place.slug,
                "light_path": found is not None and found.inside,
                "limits": [vars(limit) for limit in found.limits] if found else [],
            }
        )
