"""The risk matrix and the assessments made with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from governance import roles
from governance.models import RiskAssessment, RiskMatrix
from governance.models.risk import Band
from registry.acts import act
from registry.digests import canonical_json, sha256_hex
from registry.models import RegisteredModel, User

LIKELIHOODS = ("rare", "unlikely", "possible", "likely", "very likely")
IMPACTS = ("very low", "low", "moderate", "large", "very large")
TIER_OF_BAND = {Band.SEVERE: 1, Band.HIGH: 2, Band.MEDIUM: 3, Band.LOW: 4}
REVIEW_DAYS = {1: 182, 2: 365, 3: 548, 4: 730}
EU = frozenset(
    [
        "EU",
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
_UPPER = ((3, Band.LOW), (9, Band.MEDIUM), (16, Band.HIGH), (25, Band.SEVERE))


class NoAssessment(Exception):
    """The model has no risk assessment, so it has no tier."""


class NotDeployable(Exception):
    """A prohibited practice cannot be assessed into use (AI Act Art. 5)."""


class OutsideMatrix(Exception):
    """`field` is not on the scale of the matrix."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Cell:
    """One cell of a matrix: ordinal score, band, and the tier that follows."""

    score: int
    band: Band

    @property
    def tier(self) -> int:
        """1 (severe) to 4 (low)."""
        return TIER_OF_BAND[self.band]


def _band(score: int) -> Band:
    return next(band for upper, band in _UPPER if score <= upper)


def _cautious_band(score: int, impact: int) -> Band:
    band = _band(score)
    if impact == 5 and band in (Band.LOW, Band.MEDIUM):
        return Band.HIGH
    if impact == 4 and band == Band.LOW:
        return Band.MEDIUM
    return band


def built_in_matrices() -> dict[str, dict[str, Any]]:
    """The matrices *default* and *cautious* of decisions.md 3.1, as documents.

    `cells[likelihood][impact]` holds score and band; both keys run from "1" to "5".
    """
    points = range(1, 6)

    def document(name: str, cautious: bool) -> dict[str, Any]:
        cells = {
            str(lik): {
                str(imp): {
                    "score": lik * imp,
                    "band": (
                        _cautious_band(lik * imp, imp) if cautious else _band(lik * imp)
                    ).value,
                }
                for imp in points
            }
            for lik in points
        }
        return {
            "matrix": name,
            "likelihood": list(LIKELIHOODS),
            "impact": list(IMPACTS),
            "cells": cells,
        }

    return {
        "default": document("default", cautious=False),
        "cautious": document("cautious", cautious=True),
    }


def publish_built_in(*, by: User, at: datetime) -> None:
    """Store the built-in matrices where they are missing."""
    for slug, document in built_in_matrices().items():
        text = canonical_json(document).decode()
        RiskMatrix.objects.get_or_create(
            slug=slug,
            version=1,
            defaults={
                "document": text,
                "sha256": sha256_hex(text.encode()),
                "published_by": by,
                "published_at": at,
            },
        )


def current_matrix(slug: str = "default") -> RiskMatrix:
    """The latest published version of a matrix."""
    return RiskMatrix.objects.filter(slug=slug).latest("version")


def cells(matrix: RiskMatrix) -> dict[tuple[int, int], Cell]:
    """All cells of the matrix by (likelihood, impact)."""
    document = json.loads(matrix.document)
    return {
        (int(lik), int(imp)): Cell(value["score"], Band(value["band"]))
        for lik, row in document["cells"].items()
        for imp, value in row.items()
    }


def look_up(matrix: RiskMatrix, *, likelihood: int, impact: int) -> Cell:
    """The cell of a matrix. Raises `OutsideMatrix`."""
    table: Mapping[tuple[int, int], Cell] = cells(matrix)
    for field, value in (("likelihood", likelihood), ("impact", impact)):
        top = max(key[0 if field == "likelihood" else 1] for key in table)
        if not 1 <= value <= top:
            raise OutsideMatrix(
                field, _("Must be a whole number from 1 to %(top)s.") % {"top": top}
            )
    return table[likelihood, impact]


def in_the_eu(model: RegisteredModel) -> bool:
    """Whether EU law applies: the EU itself or a member state is a jurisdiction."""
    return any(code.split("-")[0] in EU for code in model.jurisdictions)


def floor_of(model: RegisteredModel) -> tuple[int, str]:
    """The least severe tier that regulation allows, and why; (4, "") without one."""
    classes = RegisteredModel.AIActClass
    if model.ai_act_class in (classes.HIGH_ANNEX_I, classes.HIGH_ANNEX_III):
        return 2, _("High-risk AI system under the EU AI Act: at least tier 2.")
    if model.ai_act_class == classes.NOT_ASSESSED and in_the_eu(model):
        return 2, _("EU AI Act class not assessed yet: at least tier 2.")
    return 4, ""


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
) -> RiskAssessment:
    """Assess a model on a matrix, which is frozen into the assessment.

    The tier follows from the inherent risk, raised to the floors of regulation.
    Raises `NotAllowed`, `OutsideMatrix`, `NotDeployable`.
    """
    roles.require(by, "assess risk", model=model)
    roles.require_person(by)
    if model.ai_act_class == RegisteredModel.AIActClass.PROHIBITED:
        raise NotDeployable(_("A prohibited practice (AI Act Art. 5) has no tier."))
    if not rationale.strip():
        raise OutsideMatrix("rationale", _("Give the reason for the score."))
    frozen = current_matrix(matrix)
    inherent = look_up(frozen, likelihood=likelihood, impact=impact)
    residual = None
    if residual_likelihood is not None and residual_impact is not None:
        residual = look_up(
            frozen, likelihood=residual_likelihood, impact=residual_impact
        )
    elif (residual_likelihood is None) != (residual_impact is None):
        raise OutsideMatrix(
            "residual_impact", _("Give residual likelihood and impact, or neither.")
        )
    RegisteredModel.objects.select_for_update().get(pk=model.pk)
    last = model.risk_assessments.order_by("-sequence").first()
    tier_floor, reason = floor_of(model)
    tier = min(inherent.tier, tier_floor)
    return RiskAssessment.objects.create(
        model=model,
        matrix=frozen,
        likelihood=likelihood,
        impact=impact,
        score=inherent.score,
        band=inherent.band,
        residual_likelihood=residual_likelihood,
        residual_impact=residual_impact,
        residual_score=residual.score if residual else None,
        residual_band=residual.band if residual else "",
        tier=tier,
        floor=reason if tier < inherent.tier else "",
        rationale=rationale,
        mitigations=mitigations,
        assessed_by=by,
        assessed_at=at,
        review_due_on=(at + timedelta(days=REVIEW_DAYS[tier])).date(),
        sequence=last.sequence + 1 if last else 1,
    )


def latest_assessment(model: RegisteredModel) -> RiskAssessment:
    """The assessment that counts. Raises `NoAssessment`."""
    found = model.risk_assessments.order_by("-sequence").first()
    if found is None:
        raise NoAssessment(_("The risk of this model has not been assessed."))
    return found
