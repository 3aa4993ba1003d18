"""Incidents with models in use, and the clock that serious ones start."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Environment, ModelVersion, RegisteredModel, User
from registry.models.base import Fact


class Incident(Fact):
    """Something went wrong with a model; a serious incident is reported in time.

    `report_due_at` follows from the kind and from when the organisation became aware
    (EU AI Act, Art. 73); None where no report is due.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        MINOR = "minor", _("Not serious")
        SERIOUS = "serious", _("Serious (15 days)")
        DEATH = "death", _("Death of a person (10 days)")
        WIDESPREAD = "widespread", _("Widespread or critical infrastructure (2 days)")

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="incidents")
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, blank=True, related_name="incidents"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, blank=True, related_name="incidents"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    title = models.CharField(max_length=200)
    text = models.TextField()
    aware_at = models.DateTimeField()
    report_due_at = models.DateTimeField(null=True, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return self.title


class IncidentReport(Fact):
    """That an authority was told about an incident."""

    append_only: ClassVar[bool] = True

    incident = models.OneToOneField(Incident, models.PROTECT, related_name="report")
    authority = models.CharField(max_length=200)
    reference = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField()
    reported_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"report of {self.incident}"


class IncidentClosure(Fact):
    """How an incident ended: its cause, and what was done."""

    append_only: ClassVar[bool] = True

    incident = models.OneToOneField(Incident, models.PROTECT, related_name="closure")
    root_cause = models.TextField()
    corrective_action = models.TextField()
    closed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    closed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"closure of {self.incident}"
