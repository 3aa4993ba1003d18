"""Personal data beside the log: openings that can be erased, and who erased them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.models.base import Fact


class Opening(models.Model):
    """What a commitment in the log stands for, until it is erased.

    An entry holds `{"$commitment": SHA-256(salt, JSON text of the value)}` in place of
    a personal value. The database writes these rows, and only audits_erase() empties
    them; without salt and value nobody can tell what was committed to.
    """

    append_only: ClassVar[bool] = False

    id = models.BigAutoField(primary_key=True)
    entry_id = models.BigIntegerField()
    rel = models.TextField()
    pk_text = models.TextField(db_column="pk")
    column = models.TextField()
    commitment = models.CharField(max_length=64)
    salt = models.BinaryField(null=True)
    value = models.TextField(null=True)  # noqa: DJ001
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["rel", "pk_text", "column", "id"], name="openings")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(erased_at=None, salt__isnull=False, value__isnull=False)
                | Q(erased_at__isnull=False, salt=None, value=None),
                name="opening_is_whole_or_erased",
            )
        ]

    def __str__(self) -> str:
        return f"{self.column} of {self.rel} {self.pk_text}"


class Erasure(Fact):
    """The erasing of somebody's personal values (GDPR Article 17)."""

    append_only: ClassVar[bool] = True

    rel = models.TextField()
    pk_text = models.TextField(db_column="pk")
    openings = models.PositiveIntegerField()
    because = models.TextField()
    erased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    erased_at = models.DateTimeField()

    class Meta:
        ordering = ["-erased_at"]

    def __str__(self) -> str:
        return f"erasure of {self.rel} {self.pk_text}"
