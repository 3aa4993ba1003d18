"""Conditions of an approval, their breaches, and the draw of the fast lane."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.approvals import ApprovalRequest, Authorisation, Signature
from registry.models import User
from registry.models.base import SHA256, Fact


class Condition(Fact):
    """What a signer made their approval depend on, in a form that is checked.

    `terms` holds, by kind: `{finding, until}`, `{at_most_percent}`, `{kind,
    measurement, at_least or at_most, max_age_days}`, `{regions}`, `{until}`.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        FINDING_CLOSED = "finding-closed", _("A finding is closed in time")
        TRAFFIC = "traffic", _("At most a share of the traffic")
        METRIC = "metric", _("A measurement keeps its limit")
        REGION = "region", _("Only in these regions")
        UNTIL = "until", _("Not longer than until")

    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="conditions"
    )
    signature = models.ForeignKey(Signature, models.PROTECT, related_name="conditions")
    kind = models.CharField(max_length=16, choices=Kind)
    terms = models.JSONField()
    stated_at = models.DateTimeField()

    class Meta:
        ordering = ["stated_at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.terms}"


class ConditionFact(Fact):
    """What a deployment or the monitoring reported about a condition.

    The newest fact of a condition counts, and one that breaks it shuts the gate.
    """

    append_only: ClassVar[bool] = True

    condition = models.ForeignKey(Condition, models.PROTECT, related_name="facts")
    observed = models.JSONField()
    holds = models.BooleanField()
    source = models.CharField(max_length=200)
    reported_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["condition", "sequence"], name="one_condition_fact_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.condition}: {self.observed}"


class Draw(Fact):
    """Whether an approval of the fast lane was drawn for review, and by what.

    The seed is the root hash of the first checkpoint after the approval, which nobody
    knew when it was given: anyone can compute the draw again.
    """

    append_only: ClassVar[bool] = True

    authorisation = models.OneToOneField(
        Authorisation, models.PROTECT, related_name="draw"
    )
    log_size = models.PositiveBigIntegerField()
    root_sha256 = models.CharField(max_length=64, validators=[SHA256])
    percent = models.PositiveSmallIntegerField()
    drawn = models.BooleanField()
    due_at = models.DateTimeField()
    drawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draw of {self.authorisation}"


class DrawReview(Fact):
    """The later review of an approval that was drawn."""

    append_only: ClassVar[bool] = True

    draw = models.OneToOneField(Draw, models.PROTECT, related_name="review")
    confirmed = models.BooleanField()
    reason = models.TextField()
    reviewed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"review of {self.draw}"


class Reminder(Fact):
    """That people were told of a stage that waits, so that each is told once."""

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        REMINDER = "reminder", _("Reminder")
        ESCALATION = "escalation", _("Escalation")

    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="reminders"
    )
    stage = models.CharField(max_length=90)
    kind = models.CharField(max_length=16, choices=Kind)
    days = models.PositiveSmallIntegerField()
    reminded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "stage", "kind", "days"], name="reminded_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stage} of {self.request}"
