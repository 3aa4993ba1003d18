"""Dossiers: asked for by a person, built by a worker."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import ModelVersion, User
from registry.models.base import Fact


class Dossier(Fact):
    """A request for a PDF about one version, and the file when it is ready."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for a worker")
        RUNNING = "running", _("Being built")
        FINISHED = "finished", _("Ready")
        FAILED = "failed", _("Failed")

    version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="dossiers")
    variant = models.CharField(max_length=32, default="version")
    language = models.CharField(max_length=8, default="en")
    as_of = models.DateTimeField()
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0)
    failure = models.TextField(blank=True)
    pdf_name = models.CharField(max_length=255, blank=True)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    document = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at"]

    def __str__(self) -> str:
        return f"dossier of {self.version}"
