"""Findings: weaknesses of a model, and what became of each."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import ModelVersion, RegisteredModel, User
from registry.models.base import Fact


class Severity(models.TextChoices):
    """How bad a finding is."""

    CRITICAL = "critical", _("Critical")
    HIGH = "high", _("High")
    MEDIUM = "medium", _("Medium")
    LOW = "low", _("Low")


class Finding(Fact):
    """A weakness of a model, or of one version of it; it is never rewritten.

    Severity, owner and due date stand in its changes: the latest one counts.
    """

    append_only: ClassVar[bool] = True

    class Source(models.TextChoices):
        VALIDATION = "validation", _("Validation")
        AUDIT = "audit", _("Audit")
        MONITORING = "monitoring", _("Monitoring")
        TRIGGER = "trigger", _("Trigger")
        INCIDENT = "incident", _("Incident")
        BREAK_GLASS = "break-glass", _("Break-glass")

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="findings")
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="findings"
    )
    source = models.CharField(max_length=16, choices=Source)
    title = models.CharField(max_length=200)
    text = models.TextField()
    raised_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    raised_at = models.DateTimeField()

    class Meta:
        ordering = ["-raised_at"]

    def __str__(self) -> str:
        return self.title


class FindingChange(Fact):
    """One step of a finding, with everything as it stands from then on.

    `accepted_until` is the end of a signed risk acceptance. `text` is the plan, the
    evidence, or the reason of this step.
    """

    append_only: ClassVar[bool] = True

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        PLANNED = "planned", _("Plan proposed")
        PLAN_ACCEPTED = "plan-accepted", _("Plan accepted")
        RESOLVED = "resolved", _("Resolved, to be verified")
        CLOSED = "closed", _("Closed")
        ACCEPTED = "accepted", _("Risk accepted")

    finding = models.ForeignKey(Finding, models.PROTECT, related_name="changes")
    state = models.CharField(max_length=16, choices=State)
    severity = models.CharField(max_length=8, choices=Severity)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    due_on = models.DateField()
    accepted_until = models.DateTimeField(null=True, blank=True)
    text = models.TextField()
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["finding", "sequence"], name="one_finding_change_at_a_time"
            ),
            models.CheckConstraint(
                condition=models.Q(state="accepted", accepted_until__isnull=False)
                | (~models.Q(state="accepted") & models.Q(accepted_until=None)),
                name="accepted_finding_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.finding}: {self.state}"
