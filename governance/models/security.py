"""What looks like an attack or a slip that opens the door to one."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.gate import GateDecision
from registry.models import Environment, ModelVersion
from registry.models.base import Fact


class SecurityEvent(Fact):
    """Something that people who look after security must see.

    `seen` and `expected` are the digests of a mismatch.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        DIGEST_MISMATCH = "digest-mismatch", _("Another file than the approved one")

    kind = models.CharField(max_length=32, choices=Kind)
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="security_events"
    )
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="+")
    decision = models.OneToOneField(
        GateDecision, models.PROTECT, null=True, related_name="security_event"
    )
    expected = models.CharField(max_length=200, blank=True)
    seen = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at"]
        indexes = [models.Index(fields=["-seen_at"], name="security_events_by_time")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.version}"
