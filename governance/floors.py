"""The least severe tier that regulation and materiality allow a model."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.models import RiskAssessment
from registry.models import RegisteredModel

EU = frozenset(
    [
        *("EU", "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES"),
        *("FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV"),
        *("MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    ]
)
MATERIAL = (
    RegisteredModel.PurposeClass.DECISION,
    RegisteredModel.PurposeClass.RISK,
    RegisteredModel.PurposeClass.REPORTING,
)


@dataclass(frozen=True)
class Floor:
    """A tier (1 to 4) that must be reached at least, and why; (4, "") is none."""

    tier: int
    because: str


def in_the_eu(model: RegisteredModel) -> bool:
    """Whether EU law applies: the EU itself or a member state is a jurisdiction.

    It does where nobody recorded any.
    """
    codes = model.jurisdictions
    return not codes or any(code.split("-")[0] in EU for code in codes)


def floor_of(
    model: RegisteredModel, assessment: RiskAssessment | None = None
) -> tuple[int, str]:
    """The least severe tier that is allowed now, and why; (4, "") without a floor."""
    found = [*_of_regulation(model), *_of_materiality(model, assessment)]
    worst = min(found, key=lambda floor: floor.tier, default=Floor(4, ""))
    return worst.tier, " ".join(f.because for f in found if f.tier == worst.tier)


def _of_regulation(model: RegisteredModel) -> Iterator[Floor]:
    """decisions.md 3.1: AI Act high-risk or not yet classed, AEDT, GxP-critical, CRR.

    A prohibited practice has no floor: it cannot be assessed, and no gate lets it
    pass (AI Act Art. 5).
    """
    classes = RegisteredModel.AIActClass
    if model.ai_act_class in (classes.HIGH_ANNEX_I, classes.HIGH_ANNEX_III):
        yield Floor(2, _("High-risk AI system under the EU AI Act: at least tier 2."))
    if model.ai_act_class == classes.NOT_ASSESSED and in_the_eu(model):
        yield Floor(2, _("EU AI Act class not assessed yet: at least tier 2."))
    if model.aedt:
        yield Floor(
            2, _("Automated employment decision tool (NYC LL 144): at least tier 2.")
        )
    if model.gxp:
        yield Floor(2, _("Critical for GxP (21 CFR Part 11): at least tier 2."))
    if model.credit:
        yield Floor(2, _("Used for credit risk (CRR): at least tier 2."))


def _of_materiality(
    model: RegisteredModel, assessment: RiskAssessment | None
) -> Iterator[Floor]:
    """SR 26-2, model materiality: exposure and purpose together with risk.

    The purpose of the record counts beside the assessed one: a milder word in the
    assessment does not take the floor away.
    """
    if assessment is None:
        return
    large = assessment.exposure == RiskAssessment.Exposure.LARGE
    purposes = {assessment.purpose_class, model.purpose_class}
    if large and purposes & set(MATERIAL):
        yield Floor(
            2,
            _("Large exposure in decisions, capital or reports: at least tier 2."),
        )
