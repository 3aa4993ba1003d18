"""Permits after they were given: the keys that signed, revocations, signed lists."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import User
from registry.models.base import SHA256, Fact


class GateKey(Fact):
    """A key that signs permits from a moment on; the row with the highest sequence
    signs now.

    `name` is the file below the key folder, or the label in the PKCS#11 token.
    `former_until`: until when anything that the key before this one signed may count.
    """

    append_only: ClassVar[bool] = True

    class Place(models.TextChoices):
        FILE = "file"
        PKCS11 = "pkcs11"

    sequence = models.PositiveIntegerField(unique=True)
    key_id = models.CharField(max_length=64, validators=[SHA256], unique=True)
    place = models.CharField(max_length=8, choices=Place)
    name = models.CharField(max_length=200)
    because = models.TextField(blank=True)
    former_until = models.DateTimeField(null=True)
    introduced_at = models.DateTimeField()

    class Meta:
        ordering = ["-sequence"]

    def __str__(self) -> str:
        return self.key_id


class PermitRevocation(Fact):
    """A permit that a person took back for good; the authorisation stands.

    `permit_id` is the id of the decision, or of the sealed emergency token.
    """

    append_only: ClassVar[bool] = True

    permit_id = models.UUIDField(unique=True)
    reason = models.TextField()
    revoked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField()

    class Meta:
        ordering = ["-revoked_at"]

    def __str__(self) -> str:
        return f"revocation of {self.permit_id}"


class RevocationList(Fact):
    """A signed list of the permits that do not count, as it was given out.

    A reader refuses it after `valid_until`, and one with a lower `sequence` than the
    highest that it has seen.
    """

    append_only: ClassVar[bool] = True

    sequence = models.PositiveBigIntegerField(unique=True)
    envelope = models.TextField()
    revoked_sha256 = models.CharField(max_length=64, validators=[SHA256])
    key_id = models.CharField(max_length=64, validators=[SHA256])
    issued_at = models.DateTimeField()
    valid_until = models.DateTimeField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("issued_at")),
                name="revocation_list_is_valid_for_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"revocation list {self.sequence}"
