"""Assessing a model's risk, and the second line's word on the tier that follows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance import matrices, risk, roles
from governance.matrices import Cell, Matrix, OutsideMatrix
from governance.models import (
    ReassessmentDemand,
    RiskAssessment,
    RiskMatrix,
    RiskScenario,
)
from registry.acts import act
from registry.models import RegisteredModel, User

REVIEW_DAYS = {1: 182, 2: 365, 3: 548, 4: 730}
Kind = RiskScenario.Kind
MOST_SCENARIOS = 30
_WORDS = {
    "exposure": RiskAssessment.Exposure.values,
    "purpose_class": RegisteredModel.PurposeClass.values,
    "complexity": RiskAssessment.Complexity.values,
}
# What can happen to every model (issue 5, "Risk").
NEEDED = (Kind.UNAVAILABLE, Kind.WRONG, Kind.DECAY, Kind.PEOPLE)


class NotDeployable(Exception):
    """A prohibited practice cannot be assessed into use (AI Act Art. 5)."""


class BadScenario(OutsideMatrix):
    """A scenario is missing, incomplete or worse than the inherent risk."""

    def __init__(self, message: str, field: str = "scenarios") -> None:
        super().__init__(field, message)


@dataclass(frozen=True)
class Scenario:
    """What could happen: how likely, how bad, and why; `title` names a further one."""

    kind: str
    likelihood: int
    impact: int
    reason: str
    title: str = ""


@dataclass(frozen=True)
class Materiality:
    """Exposure and purpose (SR 26-2), and complexity (SS1/23, principle 1.3)."""

    exposure: str = ""
    purpose_class: str = ""
    complexity: str = ""


@act
def assess(
    *,
    model: RegisteredModel,
    likelihood: int,
    impact: int,
    rationale: str,
    by: User,
    at: datetime,
    mitigations: str = "",
    residual_likelihood: int | None = None,
    residual_impact: int | None = None,
    matrix: str = "default",
    scenarios: Sequence[Scenario] = (),
    materiality: Materiality | None = None,
) -> RiskAssessment:
    """Assess a model on a matrix, which is frozen into the assessment.

    The tier follows from the inherent risk, raised to the floors; the inherent risk is
    not below the worst scenario. Raises `NotAllowed`, `OutsideMatrix`, `BadScenario`,
    `NotDeployable`.
    """
    roles.require(by, "assess risk", model=model)
    roles.require_person(by)
    model = RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    if model.ai_act_class == RegisteredModel.AIActClass.PROHIBITED:
        raise NotDeployable(_("A prohibited practice (AI Act Art. 5) has no tier."))
    if by.pk in (model.owner_id, model.developer_id):
        raise roles.NotAllowed(
            _("%(name)s owns or develops this model; somebody else judges its risk.")
            % {"name": by.printed_name}
        )
    if not rationale.strip():
        raise OutsideMatrix("rationale", _("Give the reason for the score."))
    row = _matrix(matrix, at)
    table = matrices.of(row)
    inherent = table.look_up(likelihood, impact)
    residual = _residual(table, inherent, residual_likelihood, residual_impact)
    rated = _rated(table, scenarios, inherent)
    found = RiskAssessment(
        model=model,
        matrix=row,
        likelihood=likelihood,
        impact=impact,
        score=inherent.score,
        band=inherent.band,
        residual_likelihood=residual_likelihood,
        residual_impact=residual_impact,
        residual_score=residual.score if residual else None,
        residual_band=residual.band if residual else "",
        rationale=rationale,
        mitigations=mitigations,
        **_materiality(materiality or Materiality(), model),
        judged=risk.judged_now(model),
        assessed_by=by,
        assessed_at=at,
    )
    _store(found, inherent)
    for number, (scenario, cell) in enumerate(rated, start=1):
        RiskScenario.objects.create(
            assessment=found,
            number=number,
            **asdict(scenario),
            score=cell.score,
            band=cell.band,
        )
    return found


def _materiality(given: Materiality, model: RegisteredModel) -> dict[str, str]:
    """As given; the purpose of the inventory record where none is. Every word known."""
    found = {
        **asdict(given),
        "purpose_class": given.purpose_class or model.purpose_class,
    }
    for name, value in found.items():
        if value and value not in _WORDS[name]:
            names = ", ".join(_WORDS[name])
            raise OutsideMatrix(
                name, _("Must be one of: %(names)s.") % {"names": names}
            )
    return found


def _store(row: RiskAssessment, inherent: Cell) -> None:
    """Number it after the last one, and set tier and date of review."""
    last = row.model.risk_assessments.order_by("-sequence").first()
    tier_floor, reason = risk.floor_of(row.model, row)
    row.tier = min(inherent.tier, tier_floor)
    row.floor = reason if row.tier < inherent.tier else ""
    row.review_due_on = (row.assessed_at + timedelta(days=REVIEW_DAYS[row.tier])).date()
    row.sequence = last.sequence + 1 if last else 1
    row.save(force_insert=True)


def _matrix(slug: str, at: datetime) -> RiskMatrix:
    try:
        return matrices.current(slug, at=at)
    except RiskMatrix.DoesNotExist as missing:
        raise OutsideMatrix("matrix", str(missing)) from missing


def _residual(
    table: Matrix, inherent: Cell, likelihood: int | None, impact: int | None
) -> Cell | None:
    if (likelihood is None) != (impact is None):
        raise OutsideMatrix(
            "residual_impact", _("Give residual likelihood and impact, or neither.")
        )
    if likelihood is None or impact is None:
        return None
    fields = ("residual_likelihood", "residual_impact")
    found = table.look_up(likelihood, impact, fields)
    if found.tier < inherent.tier:
        raise OutsideMatrix(
            "residual_impact", _("Controls cannot make a risk worse than without them.")
        )
    return found


def _rated(
    table: Matrix, scenarios: Sequence[Scenario], inherent: Cell
) -> list[tuple[Scenario, Cell]]:
    """Each scenario with its cell; none given is recorded as none."""
    missing = [kind for kind in NEEDED if kind not in {s.kind for s in scenarios}]
    if scenarios and missing:
        names = "; ".join(str(kind.label) for kind in missing)
        raise BadScenario(_("Scenarios are missing: %(names)s.") % {"names": names})
    if len(scenarios) > MOST_SCENARIOS:
        raise BadScenario(
            _("At most %(n)s scenarios make one assessment.") % {"n": MOST_SCENARIOS}
        )
    found = []
    for scenario in scenarios:
        _require_words(scenario)
        try:
            cell = table.look_up(scenario.likelihood, scenario.impact)
        except OutsideMatrix as outside:
            raise BadScenario(f"{_named(scenario)}: {outside}") from outside
        found.append((scenario, cell))
    rank = {band.key: place for place, band in enumerate(table.bands)}
    for scenario, cell in found:
        if rank[cell.own.key] > rank[inherent.own.key]:
            raise BadScenario(
                _(
                    "The scenario “%(name)s” is %(worse)s, but the inherent risk only "
                    "%(milder)s: the risk is not below its worst scenario."
                )
                % {
                    "name": _named(scenario),
                    "worse": cell.own.name,
                    "milder": inherent.own.name,
                },
                field="likelihood",
            )
    return found


def _require_words(scenario: Scenario) -> None:
    if scenario.kind not in Kind.values:
        names = ", ".join(Kind.values)
        raise BadScenario(_("The kind must be one of: %(names)s.") % {"names": names})
    if scenario.kind == Kind.OTHER and not scenario.title.strip():
        raise BadScenario(_("Say in a title what the further scenario is."))
    if not scenario.reason.strip():
        raise BadScenario(
            _("Give the reason for the scenario “%(name)s”.")
            % {"name": _named(scenario)}
        )


def _named(scenario: Scenario) -> str:
    return scenario.title or str(Kind(scenario.kind).label)


@act
def demand(
    *, model: RegisteredModel, reason: str, by: User, at: datetime
) -> ReassessmentDemand:
    """Demand by hand that a model be assessed anew: until then its gates are shut.

    Raises `NotAllowed`, `OutsideMatrix` for a missing reason.
    """
    roles.require(by, "demand a reassessment", model=model)
    roles.require_person(by)
    if not reason.strip():
        raise OutsideMatrix("reason", _("Give the reason."))
    return risk.require_reassessment(model=model, reason=reason, by=by, at=at)
