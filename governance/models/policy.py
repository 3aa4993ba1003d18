"""Published policy packs."""

from typing import ClassVar

from django.db import models

from registry.models import User
from registry.models.base import SHA256, SLUG, Fact


class PolicyPack(Fact):
    """One version of a rule set, as its exact YAML text; never edited, superseded."""

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    version = models.CharField(max_length=32)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    effective_from = models.DateTimeField()
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["slug", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version"], name="pack_version_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"
