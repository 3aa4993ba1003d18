"""Electronic signatures: what every one of them holds, and those on other records."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import Role, User
from registry.models.base import SHA256, Fact


class SignedAct(Fact):
    """One person's signed act (21 CFR 11.50, 11.70).

    `statement` is the exact text that the signer saw; `record_sha256` binds it to what
    was signed, the signer, the meaning and the time.
    """

    append_only: ClassVar[bool] = True

    class Meaning(models.TextChoices):
        AUTHORSHIP = "authorship", _("Authorship")
        REVIEW = "review", _("Review")
        APPROVAL = "approval", _("Approval")
        RESPONSIBILITY = "responsibility", _("Responsibility")
        REJECTION = "rejection", _("Rejection")

    printed_name = models.CharField(max_length=310)
    role = models.CharField(max_length=32, choices=Role)
    meaning = models.CharField(max_length=16, choices=Meaning)
    # Of single sign-on it holds what the provider said, too.
    method = models.CharField(max_length=600)
    statement = models.TextField()
    comment = models.TextField(blank=True)
    record_sha256 = models.CharField(max_length=64, validators=[SHA256], unique=True)
    signed_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.meaning} by {self.printed_name}"


class RecordSignature(SignedAct):
    """A signature on any record that is no approval request: a waiver, an override,
    an emergency, a declaration, a pack.

    `record_type` is the name of the record's table, such as `waiver`, and
    `subject_sha256` the digest of all that the signer saw of it.
    """

    record_type = models.CharField(max_length=40)
    record_id = models.UUIDField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    signed_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["signed_at"]
        indexes = [
            models.Index(fields=["record_type", "record_id"], name="signed_records")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["record_type", "record_id", "signed_by", "meaning"],
                name="one_signature_per_record_and_meaning",
            )
        ]
