"""What the risk of a model is now: the tier that binds, and whether it falls due."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from governance import matrices
from governance.floors import EU, floor_of, in_the_eu
from governance.matrices import OutsideMatrix
from governance.models import (
    ReassessmentDemand,
    RiskAssessment,
    RiskMatrix,
    TierDecision,
)
from registry import lineage
from registry.acts import act
from registry.models import RegisteredModel, User

__all__ = [
    "EU",
    "JUDGED_FIELDS",
    "NoAssessment",
    "OutsideMatrix",
    "Standing",
    "floor_of",
    "in_the_eu",
    "latest_assessment",
    "require_reassessment",
    "standing_of",
    "standing_with",
    "standings",
]

# Use, jurisdiction and category of data (decisions.md 3.6, trigger 6).
JUDGED_FIELDS = (
    "purpose",
    "products",
    "expected_use",
    "actual_use",
    "ai_system",
    "affected_people",
    "affects_people",
    "personal_data",
    "special_categories_used",
    "purpose_class",
    "jurisdictions",
)
Kind = TierDecision.Kind


class NoAssessment(Exception):
    """The model has no risk assessment, so it has no tier."""


@dataclass(frozen=True)
class Standing:
    """The risk of a model at a moment.

    `tier` binds: 1 (severe) to 4 (low). `computed_tier` is what matrix, floors and a
    signed reduction give; the two differ only under an override. `due` says why the
    model must be assessed anew; while anything stands there, the rule
    `risk_assessment` fails, and what made the tier milder does not count.
    `feeds_tier_1`: a model of tier 1 rests on this one, which then is not tier 4
    without an override that was signed in this knowledge. `milder_tier` is what a
    newer matrix would give after a reassessment, else None.
    """

    tier: int
    computed_tier: int
    floor_tier: int
    floor: str
    assessment: RiskAssessment | None = None
    override: TierDecision | None = None
    reduction: TierDecision | None = None
    lapsed: tuple[TierDecision, ...] = ()
    milder_tier: int | None = None
    feeds_tier_1: bool = False
    due: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    """All that the standing of one model rests on."""

    model: RegisteredModel
    assessment: RiskAssessment | None
    decisions: Sequence[TierDecision]
    demands: Sequence[ReassessmentDemand]


def latest_assessment(model: RegisteredModel) -> RiskAssessment:
    """The assessment that counts. Raises `NoAssessment`."""
    rows = model.risk_assessments.select_related("matrix").order_by("-sequence")
    found = rows.first()
    if found is None:
        raise NoAssessment(_("The risk of this model has not been assessed."))
    return found


def standing_of(model: RegisteredModel, at: datetime) -> Standing:
    """The risk of a model at a moment, decided anew at every reading."""
    rows = model.risk_assessments.select_related("matrix").order_by("-sequence")
    return standing_with(model, rows.first(), at)


def standing_with(
    model: RegisteredModel,
    assessment: RiskAssessment | None,
    at: datetime,
    *,
    decided: bool = True,
    demanded: bool = True,
) -> Standing:
    """The same where this assessment counts, as in a dossier of the past.

    Not `decided`, not `demanded`: there is known to be no decision on the tier of any
    assessment of the model, no demand for another one.
    """
    if assessment is None:
        return _standing(_Known(model, None, (), ()), (), at)
    known = _Known(
        model,
        assessment,
        list(assessment.tier_decisions.all()) if decided else (),
        list(assessment.demands.all()) if demanded else (),
    )
    rows = list(RiskMatrix.objects.all())
    alone = _standing(known, rows, at)
    return _in_aggregate({model.pk: alone}, at, rows)[model.pk]


def _in_aggregate(
    found: Mapping[UUID, Standing], at: datetime, rows: Sequence[RiskMatrix]
) -> dict[UUID, Standing]:
    """Raise from tier 4 what feeds a model of tier 1, on whatever way (SR 26-2,
    aggregate risk). Circles are no danger: nothing is raised to tier 1 by this.
    """
    mild = {
        pk
        for pk, row in found.items()
        if row.computed_tier == 4 or (row.override and row.override.tier == 4)
    }
    feeding = _feeding(mild, found, at, rows)
    return {
        pk: _raised(standing) if pk in feeding else standing
        for pk, standing in found.items()
    }


def _feeding(
    asked: Set[UUID],
    found: Mapping[UUID, Standing],
    at: datetime,
    rows: Sequence[RiskMatrix],
) -> set[UUID]:
    """Which of these models a model of tier 1 rests on, perhaps through others."""
    pairs = lineage.feeds() if asked else []
    beyond = lineage.reach(asked, lineage.neighbours(pairs)) if pairs else set()
    others = RegisteredModel.objects.filter(pk__in=beyond - found.keys())
    known = {**found, **_alone(list(others), at, rows)}
    severe = {pk for pk in beyond if known[pk].tier == 1}
    up = lineage.neighbours((b, a) for a, b in pairs)
    return lineage.reach(severe, up) & asked


def feeds_tier_1(model: RegisteredModel, at: datetime) -> bool:
    """Whether a model of tier 1 rests on this one, on whatever way."""
    rows = list(RiskMatrix.objects.all())
    return bool(_feeding({model.pk}, _alone([model], at, rows), at, rows))


def _raised(standing: Standing) -> Standing:
    """Not tier 4, unless an override was signed by somebody who knew of the feed."""
    override, computed = standing.override, min(standing.computed_tier, 3)
    unaware = override is not None and not override.feeds_tier_1
    tier = _overridden(
        computed, override, standing.floor_tier, lapsed=bool(standing.due) or unaware
    )
    lapsed = standing.lapsed
    if override and override.tier == 4 and override not in lapsed:
        lapsed = (*lapsed, *([override] if unaware else []))
    return replace(
        standing, tier=tier, computed_tier=computed, lapsed=lapsed, feeds_tier_1=True
    )


def standings(
    models: Iterable[RegisteredModel],
    at: datetime,
    *,
    rows: Sequence[RiskMatrix] | None = None,
    decided: bool = True,
    demanded: bool = True,
) -> dict[UUID, Standing]:
    """The risk of many models by their ids, in a handful of queries.

    `rows` stands in for the published matrices, to see what another one would change.
    Not `decided`, not `demanded`: see `standing_with`.
    """
    found = list(models)
    if not found:
        return {}
    rows = list(RiskMatrix.objects.all()) if rows is None else rows
    alone = _alone(found, at, rows, decided=decided, demanded=demanded)
    return _in_aggregate(alone, at, rows)


def _alone(
    found: Sequence[RegisteredModel],
    at: datetime,
    rows: Sequence[RiskMatrix],
    *,
    decided: bool = True,
    demanded: bool = True,
) -> dict[UUID, Standing]:
    """The risk of each model for itself."""
    if not found:
        return {}
    keys = [model.pk for model in found]
    latest = {
        row.model_id: row
        for row in RiskAssessment.objects.filter(model__in=keys)
        .select_related("matrix")
        .order_by("model_id", "-sequence")
        .distinct("model_id")
    }
    decisions: dict[UUID, list[TierDecision]] = defaultdict(list)
    made = TierDecision.objects.filter(assessment__in=latest.values())
    for decision in made if decided else ():
        decisions[decision.assessment_id].append(decision)
    demands: dict[UUID, list[ReassessmentDemand]] = defaultdict(list)
    asked = ReassessmentDemand.objects.filter(model__in=keys)
    for demand in asked if demanded else ():
        demands[demand.model_id].append(demand)
    return {
        model.pk: _standing(
            _Known(
                model,
                latest.get(model.pk),
                decisions[latest[model.pk].pk] if model.pk in latest else (),
                demands[model.pk],
            ),
            rows,
            at,
        )
        for model in found
    }


def _standing(known: _Known, rows: Sequence[RiskMatrix], at: datetime) -> Standing:
    row = known.assessment
    if row is None:
        floor = floor_of(known.model)
        return Standing(1, 1, *floor, due=(_("Its risk has not been assessed."),))
    floor_tier, because = floor_of(known.model, row)
    frozen = matrices.of(row.matrix)
    now = matrices.of(matrices.in_force(row.matrix.slug, rows, at=at))
    same = now.same_axes(frozen)
    due = (*_due(known, row, at), *(() if same else (_new_axes(frozen, now),)))
    tables = (frozen, now) if same else (frozen,)
    # A matrix that became stricter binds at once; a milder one after a judgement.
    inherent = min(row.tier, floor_tier, *_tiers(tables, row.likelihood, row.impact))
    reduction, override = (
        _counting(known.decisions, kind, at) for kind in (Kind.REDUCTION, Kind.OVERRIDE)
    )
    computed = inherent
    if reduction and not due and row.residual_likelihood and row.residual_impact:
        after = _tiers(tables, row.residual_likelihood, row.residual_impact)
        computed = max(inherent, min(floor_tier, *after))
    tier = _overridden(computed, override, floor_tier, lapsed=bool(due))
    milder = now.cells[row.likelihood, row.impact].tier if same else inherent
    return Standing(
        tier=tier,
        computed_tier=computed,
        floor_tier=floor_tier,
        floor=because,
        assessment=row,
        override=override,
        reduction=reduction,
        lapsed=tuple(d for d in (reduction, override) if d) if due else (),
        milder_tier=milder if min(milder, floor_tier) > inherent else None,
        due=due,
    )


def _tiers(
    tables: Iterable[matrices.Matrix], likelihood: int, impact: int
) -> tuple[int, ...]:
    return tuple(table.cells[likelihood, impact].tier for table in tables)


def _counting(
    decisions: Iterable[TierDecision], kind: Kind, at: datetime
) -> TierDecision | None:
    """The latest decision of a kind by then, unless it was taken back."""
    made = [d for d in decisions if d.kind == kind and d.decided_at <= at]
    latest = max(made, key=lambda d: d.sequence, default=None)
    return latest if latest and latest.tier is not None else None


def _overridden(
    computed: int, override: TierDecision | None, floor_tier: int, *, lapsed: bool
) -> int:
    """The tier under an override: never milder than a floor, nor once it lapsed."""
    if override is None or override.tier is None:
        return computed
    if lapsed:
        return min(computed, override.tier)
    return min(override.tier, floor_tier)


def _new_axes(frozen: matrices.Matrix, now: matrices.Matrix) -> str:
    return _("The matrix %(new)s took the place of %(old)s, with other scales.") % {
        "new": now.title,
        "old": frozen.title,
    }


def _due(known: _Known, row: RiskAssessment, at: datetime) -> tuple[str, ...]:
    found = []
    if row.review_due_on < at.date():
        found.append(
            _("Its review was due on %(day)s.") % {"day": row.review_due_on.isoformat()}
        )
    changed = changed_fields(row.judged, known.model)
    if changed:
        names = ", ".join(name.replace("_", " ") for name in changed)
        found.append(_("Changed since the assessment: %(names)s.") % {"names": names})
    found += [
        demand.reason
        for demand in known.demands
        if demand.assessment_id == row.pk and demand.demanded_at <= at
    ]
    return tuple(found)


def judged_now(model: RegisteredModel) -> dict[str, Any]:
    """The fields of the record on which a judgement rests, as they are now."""
    return {name: getattr(model, name) for name in JUDGED_FIELDS}


def changed_fields(judged: Mapping[str, Any], model: RegisteredModel) -> list[str]:
    """The judged fields that read otherwise now; all of them where nothing was kept."""
    return [
        name
        for name, value in judged_now(model).items()
        if judged.get(name) != value and (name in judged or not judged)
    ]


@act
def require_reassessment(
    *, model: RegisteredModel, reason: str, by: User, at: datetime
) -> ReassessmentDemand:
    """Demand that a model be assessed anew, as part of the act or trigger that calls.

    Until somebody assesses it the rule `risk_assessment` fails at every gate. The same
    reason is demanded once of an assessment. Checks no right: doors go through
    `assessing.demand`.
    """
    RegisteredModel.objects.select_for_update().get(pk=model.pk)
    latest = model.risk_assessments.order_by("-sequence").first()
    found, _created = ReassessmentDemand.objects.get_or_create(
        model=model,
        assessment=latest,
        reason=reason,
        defaults={"demanded_by": by, "demanded_at": at},
    )
    return found
