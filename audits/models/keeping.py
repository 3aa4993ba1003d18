"""How long the log is kept: retention, legal holds, archived stretches."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from registry.models.base import Fact


class RetentionRule(Fact):
    """How long a kind of record must be kept, and by which rule.

    The latest row of each `basis` is the one in force; of several the longest wins.
    """

    append_only: ClassVar[bool] = True

    basis = models.CharField(max_length=200)
    record = models.CharField(max_length=200)
    months = models.PositiveIntegerField()
    in_force = models.BooleanField(default=True)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["-set_at"]

    def __str__(self) -> str:
        return f"{self.basis}: {self.months} months"


class LegalHold(Fact):
    """While it stands, nothing that it covers may be erased or archived.

    An empty `rel` covers everything, an empty `pk_text` every row of the table.
    """

    append_only: ClassVar[bool] = True

    rel = models.TextField(blank=True)
    pk_text = models.TextField(db_column="pk", blank=True)
    because = models.TextField()
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    placed_at = models.DateTimeField()

    class Meta:
        ordering = ["-placed_at"]

    def __str__(self) -> str:
        return f"legal hold on {self.rel or 'everything'} {self.pk_text}".strip()


class LegalHoldRelease(Fact):
    """The end of a legal hold."""

    append_only: ClassVar[bool] = True

    hold = models.OneToOneField(LegalHold, models.PROTECT, related_name="release")
    because = models.TextField()
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    released_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"release of {self.hold}"


class Archive(Fact):
    """A stretch of entries whose bodies left the database; their leaves stayed.

    `manifest_sha256` names the step of the export that holds them.
    """

    append_only: ClassVar[bool] = True

    partition = models.TextField(unique=True)
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    first_leaf = models.BigIntegerField()
    last_leaf = models.BigIntegerField()
    destination = models.TextField()
    manifest_sha256 = models.CharField(max_length=64)
    because = models.TextField()
    archived_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    archived_at = models.DateTimeField()

    class Meta:
        ordering = ["first_entry"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_entry__gte=F("first_entry")),
                name="archive_is_a_stretch",
            )
        ]

    def __str__(self) -> str:
        return f"entries {self.first_entry} to {self.last_entry}"
