"""Waivers: rules that need not hold for a while, and what became of each."""

from datetime import timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models import Environment, ModelVersion, RegisteredModel, User
from registry.models.base import Fact

# decisions.md 3.7: the longest waiver of a tier, in days.
MOST_DAYS = {1: 30, 2: 60, 3: 90, 4: 180}
# SR 26-2, use prior to validation; usmrm-009.
PRE_VALIDATION_DAYS = 90


def _within(tier: int) -> Q:
    longest = timedelta(days=MOST_DAYS[tier])
    return Q(tier=tier, valid_until__lte=F("valid_from") + longest)


class Waiver(Fact):
    """A request that some rules need not hold for a model, until a moment.

    Without version it is for all versions of the model, without environment for all
    environments. It counts only while `WaiverDecision` grants it.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        RULES = "rules", _("Rules are waived")
        PRE_VALIDATION_USE = "pre-validation-use", _("Use before validation")

    kind = models.CharField(max_length=20, choices=Kind, default=Kind.RULES)
    rules = ArrayField(models.CharField(max_length=64))
    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="waivers")
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="waivers"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, blank=True, related_name="waivers"
    )
    tier = models.PositiveSmallIntegerField()
    reason = models.TextField()
    risk_statement = models.TextField()
    compensating_controls = models.TextField()
    plan_to_close = models.TextField()
    evidence = models.TextField(blank=True)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    renews = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="renewal"
    )
    subject_sha256 = models.CharField(max_length=64)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")),
                name="waiver_ends_after_it_began",
            ),
            models.CheckConstraint(
                condition=_within(1) | _within(2) | _within(3) | _within(4),
                name="waiver_within_the_maximum_of_its_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{', '.join(self.rules)} for {self.model}"


class WaiverDecision(Fact):
    """How a waiver was decided: granted by its last signature, or refused by one."""

    append_only: ClassVar[bool] = True

    waiver = models.OneToOneField(Waiver, models.PROTECT, related_name="decision")
    granted = models.BooleanField()
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.waiver}: {'granted' if self.granted else 'refused'}"


class WaiverRevocation(Fact):
    """A waiver taken back before its end; final."""

    append_only: ClassVar[bool] = True

    waiver = models.OneToOneField(Waiver, models.PROTECT, related_name="revocation")
    reason = models.TextField()
    revoked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.waiver} revoked"
