"""The life cycle of a version: a status is its latest row."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import ModelVersion, User
from registry.models.base import Fact


class Status(models.TextChoices):
    """Where a version stands. Where it runs is a fact: see Deployment."""

    DEVELOPMENT = "development", _("In development")
    IN_VALIDATION = "in-validation", _("In validation")
    CONDITIONALLY_VALIDATED = "conditionally-validated", _("Conditionally validated")
    CHANGES_REQUESTED = "changes-requested", _("Changes requested")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    SUSPENDED = "suspended", _("Suspended")
    RETIRED = "retired", _("Retired")


class StatusChange(Fact):
    """One move of a version in its life cycle."""

    append_only: ClassVar[bool] = True

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="status_changes"
    )
    status = models.CharField(max_length=32, choices=Status)
    reason = models.TextField(blank=True)
    moved_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    moved_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "sequence"], name="one_move_at_a_time"
            )
        ]
        indexes = [
            # Where all versions stand, now or then, is read from the index alone.
            models.Index(
                fields=["version", "-sequence"],
                include=["status", "moved_at"],
                name="latest_moves",
            ),
            # Most versions never leave the development in which they were registered.
            models.Index(
                fields=["version", "-sequence"],
                include=["status", "moved_at"],
                condition=models.Q(sequence__gt=1)
                | ~models.Q(status=Status.DEVELOPMENT),
                name="later_moves",
            ),
            # Few are retired, and every look at what may run asks which.
            models.Index(
                fields=["version"],
                condition=models.Q(status=Status.RETIRED),
                name="retired_versions",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.status}"
