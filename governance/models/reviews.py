"""Periodic reviews, revalidations, fleet attestations and retirements."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models import ModelVersion, RegisteredModel, User
from registry.models.base import SHA256, Fact


class PeriodicReview(Fact):
    """A review or revalidation of a model that is in use; signed."""

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        REVIEW = "review", _("Periodic review")
        REVALIDATION = "revalidation", _("Revalidation")

    class Outcome(models.TextChoices):
        FIT = "fit", _("Fit for its use")
        FIT_WITH_FINDINGS = "fit-with-findings", _("Fit, with findings")
        UNFIT = "unfit", _("Not fit for its use")

    model = models.ForeignKey(
        RegisteredModel, models.PROTECT, related_name="periodic_reviews"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    outcome = models.CharField(max_length=20, choices=Outcome)
    text = models.TextField()
    next_due_on = models.DateField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    reviewed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField()

    class Meta:
        ordering = ["-reviewed_at"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.model}"


class Attestation(Fact):
    """An executive's word about the fleet, over a snapshot that cannot change."""

    append_only: ClassVar[bool] = True

    period_from = models.DateField()
    period_until = models.DateField()
    scope = models.CharField(max_length=200)
    answers = models.JSONField()
    snapshot = models.TextField()
    snapshot_sha256 = models.CharField(max_length=64, validators=[SHA256])
    attested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    attested_at = models.DateTimeField()

    class Meta:
        ordering = ["-attested_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(period_until__gte=F("period_from")),
                name="attested_period_ends_after_it_began",
            )
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.period_from} to {self.period_until}"


class Retirement(Fact):
    """That a version goes out of use for good: asked by its owner, ended by risk."""

    append_only: ClassVar[bool] = True

    version = models.OneToOneField(
        ModelVersion, models.PROTECT, related_name="retirement"
    )
    successor = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="replaces"
    )
    reason = models.TextField()
    retain_until = models.DateField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"retirement of {self.version}"
