"""What runs, as sources of ours see it: clusters and registries that are looked at."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from governance.models.gate import GateDecision
from registry.models import Environment, ModelVersion, User
from registry.models.base import SLUG, Fact


class DeploymentSource(Fact):
    """A cluster or a model registry that is asked what runs in an environment.

    `places` are namespaces of a cluster, none means all, or the aliases of MLflow that
    stand for the environment. `secret` is what we show there, `webhook_secret` what
    MLflow signs its messages to us with; both are sealed with the installation's key,
    see `governance.sealing`. `asked_at` is when a person, or a message of MLflow, last
    asked for a look.
    """

    log_secrets: ClassVar[tuple[str, ...]] = ("secret", "webhook_secret")

    class Kind(models.TextChoices):
        KUBERNETES = "kubernetes", "Kubernetes (KServe)"
        MLFLOW = "mlflow", "MLflow"

    name = models.CharField(max_length=80, unique=True, validators=[SLUG])
    kind = models.CharField(max_length=16, choices=Kind)
    url = models.CharField(max_length=500)
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="deployment_sources"
    )
    places = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    interval_minutes = models.PositiveIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    secret = models.TextField(blank=True)
    webhook_secret = models.TextField(blank=True)
    certificate = models.TextField(blank=True)
    configured_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    configured_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, ended_reason="")
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="source_is_ended_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return self.name


class SourceRun(Fact):
    """One look at a source: how many it found, or why it could not be seen.

    A look that failed says nothing of what runs.
    """

    append_only: ClassVar[bool] = True

    source = models.ForeignKey(DeploymentSource, models.PROTECT, related_name="runs")
    sequence = models.PositiveIntegerField()
    began_at = models.DateTimeField()
    found = models.PositiveIntegerField(null=True)
    problem = models.TextField(blank=True)
    run_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "sequence"], name="one_look_after_the_other"
            ),
            models.CheckConstraint(
                condition=Q(found__isnull=False, problem="")
                | (Q(found=None) & ~Q(problem="")),
                name="a_look_found_or_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.sequence}"


class Sighting(Fact):
    """A file that was seen to run somewhere, from `seen_at` until its end.

    By a look at a source, or by a cluster that asked to admit it (`reported_by`).
    `sha256` is empty when it names no digest; `note` says why. `named_*` is what it
    calls itself.
    """

    append_only: ClassVar[bool] = True

    source = models.ForeignKey(
        DeploymentSource, models.PROTECT, null=True, related_name="sightings"
    )
    reported_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="sightings"
    )
    place = models.CharField(max_length=600)
    sha256 = models.CharField(max_length=64, blank=True)
    named_model = models.CharField(max_length=200, blank=True)
    named_version = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(source__isnull=False, reported_by=None)
                | Q(source=None, reported_by__isnull=False),
                name="a_sighting_has_one_witness",
            )
        ]
        indexes = [models.Index(fields=["environment", "sha256"], name="seen_where")]

    def __str__(self) -> str:
        return f"{self.place} {self.sha256[:12]}"


class SightingEnd(Fact):
    """It was no longer seen there, or its source is looked at no more."""

    append_only: ClassVar[bool] = True

    sighting = models.OneToOneField(Sighting, models.PROTECT, related_name="end")
    gone_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"end of {self.sighting}"


class Rollback(Fact):
    """Somebody asked the gate for an earlier version, in place of one that runs."""

    append_only: ClassVar[bool] = True

    decision = models.OneToOneField(
        GateDecision, models.PROTECT, related_name="rollback"
    )
    from_version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="rollbacks_from"
    )
    reason = models.TextField()
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"rollback from {self.from_version}"
