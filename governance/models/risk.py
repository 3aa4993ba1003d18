"""Risk matrices as published data, and the assessments that froze them."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import RegisteredModel, User
from registry.models.base import SHA256, SLUG, Fact

_POINTS = [MinValueValidator(1), MaxValueValidator(5)]


class RiskMatrix(Fact):
    """A look-up table from likelihood and impact to score, band and tier.

    `document` is the canonical JSON text that `sha256` covers; `governance.risk`
    reads it. Likelihood and impact are ordinal: nothing is computed from them.
    """

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    version = models.PositiveIntegerField()
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version"], name="matrix_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"


class Band(models.TextChoices):
    """Bands of the matrix, from the least to the most severe."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")
    SEVERE = "severe", _("Severe")


class RiskAssessment(Fact):
    """One judgement of a model's risk; the latest one counts.

    `tier` is 1 (severe) to 4 (low) and comes from the inherent risk, raised to the
    floors that regulation sets (`floor` names the reason).
    """

    append_only: ClassVar[bool] = True

    model = models.ForeignKey(
        RegisteredModel, models.PROTECT, related_name="risk_assessments"
    )
    matrix = models.ForeignKey(RiskMatrix, models.PROTECT, related_name="assessments")
    likelihood = models.PositiveSmallIntegerField(validators=_POINTS)
    impact = models.PositiveSmallIntegerField(validators=_POINTS)
    score = models.PositiveSmallIntegerField()
    band = models.CharField(max_length=8, choices=Band)
    residual_likelihood = models.PositiveSmallIntegerField(
        null=True, validators=_POINTS
    )
    residual_impact = models.PositiveSmallIntegerField(null=True, validators=_POINTS)
    residual_score = models.PositiveSmallIntegerField(null=True)
    residual_band = models.CharField(max_length=8, choices=Band, blank=True)
    tier = models.PositiveSmallIntegerField()
    floor = models.TextField(blank=True)
    rationale = models.TextField()
    mitigations = models.TextField(blank=True)
    assessed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    assessed_at = models.DateTimeField()
    review_due_on = models.DateField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "sequence"], name="one_assessment_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(likelihood__range=(1, 5), impact__range=(1, 5)),
                name="assessment_inside_the_matrix",
            ),
            models.CheckConstraint(
                condition=models.Q(tier__range=(1, 4)), name="assessment_has_a_tier"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.band} {self.score}"
