"""Break-glass: emergencies in which a version may run without its approval."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models import Environment, ModelVersion, User
from registry.models.base import SHA256, Fact


class EmergencyToken(Fact):
    """A sealed token made beforehand, for when Freigabe itself is down.

    Only its digest is kept: who finds the row cannot use it.
    """

    append_only: ClassVar[bool] = True

    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="+")
    artifact_sha256 = models.CharField(max_length=64, validators=[SHA256])
    envelope_sha256 = models.CharField(max_length=64, validators=[SHA256], unique=True)
    reason = models.TextField()
    sealed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    sealed_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-sealed_at"]

    def __str__(self) -> str:
        return f"sealed token for {self.version} in {self.environment}"


class Emergency(Fact):
    """Somebody breaks the glass: a version must run although the gate denies.

    It allows nothing by itself; `EmergencyAuthorisation` does, after the second person.
    """

    append_only: ClassVar[bool] = True

    class ReasonCode(models.TextChoices):
        OUTAGE = "outage", _("Outage of the approved version")
        HARM = "harm", _("Harm to customers")
        SECURITY = "security", _("Security incident")
        LAW = "law", _("Order of an authority")
        FINANCIAL = "financial", _("Financial loss")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="emergencies"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="emergencies"
    )
    artifact_sha256 = models.CharField(max_length=64, validators=[SHA256])
    tier = models.PositiveSmallIntegerField()
    reason_code = models.CharField(max_length=16, choices=ReasonCode)
    incident = models.CharField(max_length=100)
    reason = models.TextField()
    compensating_controls = models.TextField()
    expected_end = models.DateTimeField()
    token = models.OneToOneField(
        EmergencyToken, models.PROTECT, null=True, related_name="use"
    )
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    invoked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    invoked_at = models.DateTimeField()

    class Meta:
        ordering = ["-invoked_at"]

    def __str__(self) -> str:
        return f"{self.incident}: {self.version} in {self.environment}"


class EmergencyAuthorisation(Fact):
    """The short right to run that an emergency gives (break-glass)."""

    append_only: ClassVar[bool] = True

    emergency = models.OneToOneField(
        Emergency, models.PROTECT, related_name="authorisation"
    )
    artifact_sha256 = models.CharField(max_length=64, validators=[SHA256])
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    valid_until__gt=F("valid_from"),
                    valid_until__lte=F("valid_from") + timedelta(hours=72),
                ),
                name="emergency_lasts_three_days_at_most",
            )
        ]

    def __str__(self) -> str:
        return f"break-glass {self.emergency}"


class EmergencyExtension(Fact):
    """The one extension that risk may give."""

    append_only: ClassVar[bool] = True

    emergency = models.OneToOneField(
        Emergency, models.PROTECT, related_name="extension"
    )
    valid_until = models.DateTimeField()
    reason = models.TextField()
    extended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    extended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"extension of {self.emergency}"


class EmergencyEnd(Fact):
    """An emergency ended before its time, by a person or because of its review."""

    append_only: ClassVar[bool] = True

    emergency = models.OneToOneField(Emergency, models.PROTECT, related_name="ending")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"end of {self.emergency}"


class EmergencyReview(Fact):
    """The review afterwards, by somebody who was not involved; signed."""

    append_only: ClassVar[bool] = True

    emergency = models.OneToOneField(Emergency, models.PROTECT, related_name="review")
    justified = models.BooleanField()
    root_cause = models.TextField()
    corrective_action = models.TextField()
    policy_feedback = models.TextField(blank=True)
    reviewed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"review of {self.emergency}"
