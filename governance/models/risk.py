"""Risk matrices as published data, and the assessments that froze them."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from registry.models import RegisteredModel, User
from registry.models.base import SHA256, SLUG, Fact

_POINTS = [MinValueValidator(1), MaxValueValidator(6)]


class MatrixDraft(Fact):
    """A matrix as somebody proposes it, until another person publishes it.

    `document` is canonical JSON that passed the lint. `effective_from` is the moment
    from which it would count, None for the moment of publication.
    """

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    reason = models.TextField()
    effective_from = models.DateTimeField(null=True)
    drafted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()

    class Meta:
        ordering = ["-drafted_at"]

    def __str__(self) -> str:
        return f"{self.slug}, draft of {self.drafted_at:%Y-%m-%d}"


class RiskMatrix(Fact):
    """A look-up table from likelihood and impact to score, band and tier.

    `document` is the canonical JSON text that `sha256` covers; `governance.matrices`
    reads it. Likelihood and impact are ordinal: nothing is computed from them. It
    counts from `effective_from`, and always where that is None, as for the built-in
    ones. From then on it takes the place of its earlier versions and of the matrix
    that `replaces` names.
    """

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    version = models.PositiveIntegerField()
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    replaces = models.CharField(max_length=80, blank=True, validators=[SLUG])
    effective_from = models.DateTimeField(null=True)
    draft = models.OneToOneField(
        MatrixDraft, models.PROTECT, null=True, related_name="published"
    )
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
    """Bands of risk, from the least to the most severe: one for each tier.

    An organisation's own matrix may have more bands, with names of its own; each is
    mapped to a tier, and so to one of these.
    """

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")
    SEVERE = "severe", _("Severe")


class RiskAssessment(Fact):
    """One judgement of a model's risk; the latest one counts.

    `tier` is 1 (severe) to 4 (low) and comes from the inherent risk, raised to the
    floors that regulation sets (`floor` names the reason). `judged` holds the fields
    of the inventory record that the judgement rests on, as they were.
    """

    append_only: ClassVar[bool] = True

    class Exposure(models.TextChoices):
        SMALL = "small", _("Small")
        MODERATE = "moderate", _("Moderate")
        LARGE = "large", _("Large")

    class Complexity(models.TextChoices):
        SIMPLE = "simple", _("Simple")
        MODERATE = "moderate", _("Moderate")
        COMPLEX = "complex", _("Complex, or hard to explain")

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
    exposure = models.CharField(max_length=16, choices=Exposure, blank=True)
    purpose_class = models.CharField(
        max_length=16, choices=RegisteredModel.PurposeClass, blank=True
    )
    complexity = models.CharField(max_length=16, choices=Complexity, blank=True)
    rationale = models.TextField()
    mitigations = models.TextField(blank=True)
    judged = models.JSONField(default=dict, blank=True)
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
                condition=Q(likelihood__range=(1, 6), impact__range=(1, 6)),
                name="assessment_inside_the_matrix",
            ),
            models.CheckConstraint(
                condition=Q(tier__range=(1, 4)), name="assessment_has_a_tier"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.band} {self.score}"


class RiskScenario(Fact):
    """What could happen, as part of an assessment: how likely, how bad, and why."""

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        UNAVAILABLE = "unavailable", _("The model is unavailable")
        WRONG = "wrong-for-one-case", _("It is wrong for one case")
        DECAY = "decay", _("Its accuracy or fairness decays")
        PEOPLE = "people-gone", _("The people who can maintain it are gone")
        OTHER = "other", _("Something else")

    assessment = models.ForeignKey(
        RiskAssessment, models.PROTECT, related_name="scenarios"
    )
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=24, choices=Kind)
    title = models.CharField(max_length=200, blank=True)
    likelihood = models.PositiveSmallIntegerField(validators=_POINTS)
    impact = models.PositiveSmallIntegerField(validators=_POINTS)
    score = models.PositiveSmallIntegerField()
    band = models.CharField(max_length=8, choices=Band)
    reason = models.TextField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["assessment", "number"], name="scenario_numbered_once"
            ),
            models.CheckConstraint(
                condition=Q(likelihood__range=(1, 6), impact__range=(1, 6)),
                name="scenario_inside_the_matrix",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title or self.get_kind_display()}: {self.band} {self.score}"


class TierDecision(Fact):
    """The second line's signed word on the tier of an assessment.

    A reduction lets the residual risk give the tier; an override sets it. `tier` is
    None where it was taken back. Of each kind the latest counts. `feeds_tier_1`: tier
    4 was signed in the knowledge that a model of tier 1 rests on this one.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        REDUCTION = "reduction", _("Reduction to the residual risk")
        OVERRIDE = "override", _("Override of the computed tier")

    assessment = models.ForeignKey(
        RiskAssessment, models.PROTECT, related_name="tier_decisions"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    tier = models.PositiveSmallIntegerField(null=True)
    computed_tier = models.PositiveSmallIntegerField()
    feeds_tier_1 = models.BooleanField(default=False)
    reason = models.TextField()
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["assessment", "kind", "sequence"],
                name="one_tier_decision_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(tier=None) | Q(tier__range=(1, 4)),
                name="tier_decision_has_a_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.assessment}"


class ReassessmentDemand(Fact):
    """That a model must be assessed anew, and why; any later assessment answers it.

    `assessment` is the one that counted then, None where there was none.
    """

    append_only: ClassVar[bool] = True

    model = models.ForeignKey(
        RegisteredModel, models.PROTECT, related_name="reassessment_demands"
    )
    assessment = models.ForeignKey(
        RiskAssessment, models.PROTECT, null=True, related_name="demands"
    )
    reason = models.TextField()
    demanded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    demanded_at = models.DateTimeField()

    class Meta:
        ordering = ["demanded_at"]

    def __str__(self) -> str:
        return f"{self.model}: {self.reason}"
