"""Effective challenge: questions, their answers, dissent, and what overrode it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.approvals import ApprovalRequest
from registry.models import Role, User
from registry.models.base import Fact


class Challenge(Fact):
    """A question about a request that somebody competent and independent asks.

    SR 26-2 asks for expertise, independence and authority: each is stated here.
    """

    append_only: ClassVar[bool] = True

    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="challenges"
    )
    question = models.TextField()
    expertise = models.TextField()
    independence = models.TextField()
    authority = models.CharField(max_length=32, choices=Role)
    raised_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    raised_at = models.DateTimeField()

    class Meta:
        ordering = ["raised_at"]

    def __str__(self) -> str:
        return f"challenge by {self.raised_by} to {self.request}"


class ChallengeResponse(Fact):
    """An answer to a challenge; there may be several."""

    append_only: ClassVar[bool] = True

    challenge = models.ForeignKey(Challenge, models.PROTECT, related_name="responses")
    text = models.TextField()
    responded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    responded_at = models.DateTimeField()

    class Meta:
        ordering = ["responded_at"]

    def __str__(self) -> str:
        return f"answer to {self.challenge}"


class ChallengeDisposition(Fact):
    """What became of a challenge, as its challenger says."""

    append_only: ClassVar[bool] = True

    class Outcome(models.TextChoices):
        RESOLVED = "resolved", _("Resolved")
        CHANGED = "changed", _("Led to a change")
        MAINTAINED = "maintained", _("Maintained")

    challenge = models.OneToOneField(
        Challenge, models.PROTECT, related_name="disposition"
    )
    outcome = models.CharField(max_length=16, choices=Outcome)
    reason = models.TextField()
    disposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    disposed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.outcome}: {self.challenge}"


class Dissent(Fact):
    """Somebody who may sign does not agree, and says why; it stays in the record."""

    append_only: ClassVar[bool] = True

    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="dissents"
    )
    reason = models.TextField()
    dissented_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    dissented_at = models.DateTimeField()

    class Meta:
        ordering = ["dissented_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "dissented_by"], name="one_dissent_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"dissent of {self.dissented_by} from {self.request}"


class DissentOverride(Fact):
    """A named role goes on in spite of a dissent, with a signed reason."""

    append_only: ClassVar[bool] = True

    dissent = models.OneToOneField(Dissent, models.PROTECT, related_name="override")
    reason = models.TextField()
    role = models.CharField(max_length=32, choices=Role)
    overridden_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    overridden_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"override of {self.dissent}"
