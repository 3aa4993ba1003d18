"""Risk assessments, what they stand for now, and decisions on the tier."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance import assessing, risk, roles, tier_decisions
from governance.api import show
from governance.api.decisions import Reason
from governance.api.door import Door, page, person
from governance.api.inventory import find_model
from governance.api.proof import Proven
from governance.api.scope import visible
from governance.assessing import Materiality, Scenario
from governance.models import (
    ReassessmentDemand,
    RiskAssessment,
    RiskScenario,
    TierDecision,
)
from registry.models import RegisteredModel


class _Point(serializers.IntegerField):
    """A place on a scale; the matrix says how far it reaches."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=6, **options)


class ScenarioRecord(serializers.Serializer[Any]):
    """What could happen, how likely and how bad, and why."""

    kind = serializers.ChoiceField(RiskScenario.Kind.choices)
    title = serializers.CharField(max_length=200, default="", allow_blank=True)
    likelihood = _Point()
    impact = _Point()
    reason = serializers.CharField(max_length=10_000)


class AssessmentRecord(serializers.Serializer[Any]):
    """A judgement of risk on a matrix.

    Where scenarios are sent, at least the four that every model has.
    """

    likelihood = _Point()
    impact = _Point()
    rationale = serializers.CharField(max_length=10_000)
    mitigations = serializers.CharField(max_length=10_000, default="", allow_blank=True)
    residual_likelihood = _Point(default=None, allow_null=True)
    residual_impact = _Point(default=None, allow_null=True)
    matrix = serializers.CharField(max_length=80, default="default")
    exposure = serializers.ChoiceField(
        RiskAssessment.Exposure.choices, default="", allow_blank=True
    )
    purpose_class = serializers.ChoiceField(
        RegisteredModel.PurposeClass.choices, default="", allow_blank=True
    )
    complexity = serializers.ChoiceField(
        RiskAssessment.Complexity.choices, default="", allow_blank=True
    )
    scenarios = ScenarioRecord(many=True, default=list)

    def judgement(self) -> dict[str, Any]:
        """The arguments of the act."""
        data = dict(self.validated_data)
        words = ("exposure", "purpose_class", "complexity")
        return {
            **{k: v for k, v in data.items() if k not in words},
            "materiality": Materiality(**{word: data[word] for word in words}),
            "scenarios": [Scenario(**item) for item in data["scenarios"]],
        }


class AssessmentList(Door):
    """`models/{slug}/risk-assessments`"""

    @extend_schema(request=AssessmentRecord, responses={201: AssessmentRecord})
    def post(self, request: Request, slug: str) -> Response:
        """Assess the risk of a model."""
        model = find_model(slug)
        form = AssessmentRecord(data=request.data)
        form.is_valid(raise_exception=True)
        row = assessing.assess(
            model=model, by=person(request), at=timezone.now(), **form.judgement()
        )
        return Response(show.assessment(row), 201)

    @extend_schema(responses=AssessmentRecord(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """List the assessments of a model, the newest first."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        rows = model.risk_assessments.select_related(
            "matrix", "assessed_by"
        ).prefetch_related("scenarios")
        return page(request, rows, show.assessment, ordering=["-sequence"])


class StandingRecord(serializers.Serializer[Any]):
    """The tier that binds now, and what is due."""

    tier = serializers.IntegerField()
    computed_tier = serializers.IntegerField()
    due = serializers.ListField(child=serializers.CharField())


class StandingDetail(Door):
    """`models/{slug}/risk`"""

    @extend_schema(responses=StandingRecord)
    def get(self, request: Request, slug: str) -> Response:
        """Read the risk of a model as it is now, with what was decided on its tier."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        found = risk.standing_of(model, timezone.now())
        return Response(
            {
                "tier": found.tier,
                "computed_tier": found.computed_tier,
                "floor_tier": found.floor_tier,
                "floor": found.floor,
                "milder_tier_after_reassessment": found.milder_tier,
                "due": list(found.due),
                "assessment": found.assessment and show.assessment(found.assessment),
                "override": found.override and decision(found.override),
                "reduction": found.reduction and decision(found.reduction),
                "lapsed": [row.pk for row in found.lapsed],
            }
        )


class DemandList(Door):
    """`models/{slug}/reassessment-demands`"""

    @extend_schema(request=Reason, responses={201: Reason})
    def post(self, request: Request, slug: str) -> Response:
        """Demand that a model be assessed anew."""
        model = find_model(slug)
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        row = assessing.demand(
            model=model, by=person(request), at=timezone.now(), **form.validated_data
        )
        return Response(_demand(row), 201)

    @extend_schema(responses=Reason(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """List the demands, the newest first."""
        model = find_model(slug)
        roles.require(person(request), "read", model=model)
        rows = model.reassessment_demands.select_related("demanded_by")
        return page(request, rows, _demand, ordering=["-demanded_at", "id"])


def _demand(row: ReassessmentDemand) -> dict[str, Any]:
    return {
        "id": row.id,
        "reason": row.reason,
        "assessment": row.assessment_id,
        "demanded_by": show.user(row.demanded_by),
        "demanded_at": row.demanded_at,
    }


class SignedReason(Proven):
    """Why, signed."""

    reason = serializers.CharField(max_length=10_000)


class OverrideRecord(SignedReason):
    """Another tier than the computed one."""

    tier = serializers.IntegerField(min_value=1, max_value=4)


class Overrides(Door):
    """`risk-assessments/{id}/overrides`"""

    idempotent = False

    @extend_schema(request=OverrideRecord, responses={201: OverrideRecord})
    def post(self, request: Request, assessment_id: UUID) -> Response:
        """Override the computed tier, with a reason, signed by the second line."""
        form = OverrideRecord(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = tier_decisions.override(
            assessment=_assessment(assessment_id),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(decision(row), 201)


class Reductions(Door):
    """`risk-assessments/{id}/reductions`"""

    idempotent = False

    @extend_schema(request=SignedReason, responses={201: SignedReason})
    def post(self, request: Request, assessment_id: UUID) -> Response:
        """Let the residual risk give the tier, signed by the second line."""
        form = SignedReason(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        row = tier_decisions.reduce(
            assessment=_assessment(assessment_id),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(decision(row), 201)


class TierDecisionList(Door):
    """`tier-decisions`"""

    @extend_schema(responses=OverrideRecord(many=True))
    def get(self, request: Request) -> Response:
        """List reductions, overrides and what was taken back, the newest first."""
        roles.require(person(request), "read")
        rows = TierDecision.objects.select_related("assessment__model", "decided_by")
        return page(
            request,
            visible(rows, person(request), model="assessment__model__slug"),
            decision,
            ordering=["-decided_at", "id"],
        )


class Reversal(Door):
    """`tier-decisions/{id}/reversal`"""

    idempotent = False

    @extend_schema(request=SignedReason, responses={201: SignedReason})
    def post(self, request: Request, decision_id: UUID) -> Response:
        """Take an override or a reduction back."""
        form = SignedReason(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        rows = TierDecision.objects.select_related("assessment__model")
        row = tier_decisions.take_back(
            decision=get_object_or_404(rows, pk=decision_id),
            proof=form.proof,
            by=person(request),
            at=timezone.now(),
            **form.validated_data,
        )
        return Response(decision(row), 201)


def decision(row: TierDecision) -> dict[str, Any]:
    """A decision on a tier; `tier` is null where it was taken back."""
    return {
        "id": row.id,
        "model": row.assessment.model.slug,
        "assessment": row.assessment_id,
        "kind": row.kind,
        "tier": row.tier,
        "computed_tier": row.computed_tier,
        "reason": row.reason,
        "decided_by": show.user(row.decided_by),
        "decided_at": row.decided_at,
    }


def _assessment(assessment_id: UUID) -> RiskAssessment:
    rows = RiskAssessment.objects.select_related("model", "matrix", "assessed_by")
    return get_object_or_404(rows, pk=assessment_id)
