"""The risk of a model as it stood at the moment of the dossier."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from governance import matrices, risk
from governance.dossier import assessed
from governance.dossier.signed import signed_records
from governance.models import (
    ReassessmentDemand,
    RiskAssessment,
    RiskMatrix,
    RiskScenario,
    TierDecision,
)
from governance.models.risk import Band
from governance.tier_decisions import RECORD
from registry.models import RegisteredModel


def matrix_facts(matrix: RiskMatrix) -> assessed.Matrix:
    """A published matrix as rows of cells, likelihood upwards."""
    table = matrices.of(matrix)
    return assessed.Matrix(
        name=f"{matrix.slug} {matrix.version}",
        sha256=matrix.sha256,
        likelihood=tuple(map(str, table.likelihoods)),
        impact=tuple(map(str, table.impacts)),
        cells=tuple(
            tuple(
                (table.cells[row, column].score, table.cells[row, column].band.value)
                for column in range(1, len(table.impacts) + 1)
            )
            for row in range(1, len(table.likelihoods) + 1)
        ),
    )


def standing_facts(found: risk.Standing) -> assessed.Standing:
    """The tier that bound, and the computed one beside it."""
    return assessed.Standing(
        tier=found.tier,
        computed_tier=found.computed_tier,
        floor=found.floor,
        feeds_tier_1=found.feeds_tier_1,
        overridden=found.override is not None and found.tier != found.computed_tier,
        reduced=found.reduction is not None and not found.due,
        lapsed=bool(found.lapsed),
        due=found.due,
    )


def assessments(
    model: RegisteredModel, *, at: datetime
) -> tuple[assessed.Assessment, ...]:
    """All assessments by then, the one that counts first."""
    return tuple(_assessment(row, at) for row in _assessments(model, at))


def keys_of(model: RegisteredModel, *, at: datetime) -> dict[type[Model], set[UUID]]:
    """The keys of every row that this part of the dossier rests on."""
    rows = _assessments(model, at)
    decided = TierDecision.objects.filter(assessment__in=rows, decided_at__lte=at)
    kept: list[QuerySet[Any]] = [
        rows,
        RiskMatrix.objects.filter(assessments__in=rows),
        RiskScenario.objects.filter(assessment__in=rows),
        ReassessmentDemand.objects.filter(model=model.pk, demanded_at__lte=at),
        decided,
    ]
    return {found.model: set(found.values_list("pk", flat=True)) for found in kept}


def _assessments(model: RegisteredModel, at: datetime) -> QuerySet[RiskAssessment]:
    rows = RiskAssessment.objects.filter(model_id=model.pk, assessed_at__lte=at)
    return rows.select_related("matrix", "assessed_by").order_by("-sequence")


def _assessment(row: RiskAssessment, at: datetime) -> assessed.Assessment:
    return assessed.Assessment(
        id=str(row.pk),
        likelihood=row.likelihood,
        impact=row.impact,
        score=row.score,
        band=row.band,
        band_label=str(Band(row.band).label),
        residual_likelihood=row.residual_likelihood,
        residual_impact=row.residual_impact,
        residual_score=row.residual_score,
        residual_band_label=str(Band(row.residual_band).label)
        if row.residual_band
        else "",
        tier=row.tier,
        floor=row.floor,
        exposure=str(row.get_exposure_display()),
        purpose_class=str(row.get_purpose_class_display()),
        complexity=str(row.get_complexity_display()),
        rationale=row.rationale,
        mitigations=row.mitigations,
        matrix=f"{row.matrix.slug} {row.matrix.version}",
        assessed_by=row.assessed_by.printed_name,
        assessed_at=row.assessed_at,
        review_due_on=row.review_due_on,
        scenarios=tuple(_scenario(item) for item in row.scenarios.all()),
        decisions=tuple(_decided(item, at) for item in _decisions(row, at)),
    )


def _scenario(row: RiskScenario) -> assessed.Scenario:
    return assessed.Scenario(
        title=row.title or str(RiskScenario.Kind(row.kind).label),
        likelihood=row.likelihood,
        impact=row.impact,
        score=row.score,
        band_label=str(Band(row.band).label),
        reason=row.reason,
    )


def _decisions(row: RiskAssessment, at: datetime) -> QuerySet[TierDecision]:
    rows = row.tier_decisions.filter(decided_at__lte=at)
    return rows.select_related("decided_by").order_by("decided_at", "kind", "sequence")


def _decided(row: TierDecision, at: datetime) -> assessed.TierDecided:
    kind = TierDecision.Kind(row.kind)
    return assessed.TierDecided(
        id=str(row.pk),
        kind=str(kind.label),
        tier=row.tier,
        computed_tier=row.computed_tier,
        reason=row.reason,
        decided_by=row.decided_by.printed_name,
        decided_at=row.decided_at,
        signatures=signed_records(RECORD, [row.pk], at),
    )
