"""Where versions run, as reported."""

from typing import ClassVar

from django.db import models

from registry.models.base import SHA256, SLUG, Fact
from registry.models.inventory import ModelVersion
from registry.models.people import User


class Environment(Fact):
    """A place in which versions run, such as production."""

    slug = models.CharField(max_length=80, unique=True, validators=[SLUG])
    name = models.CharField(max_length=200)
    emergency_allowed = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Deployment(Fact):
    """A version put into an environment, as reported.

    `decision_id` quotes the gate decision that permitted it; empty means that nobody
    permitted it. No foreign key: facts know nothing of decisions.
    """

    append_only: ClassVar[bool] = True

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="deployments"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="deployments"
    )
    artifact_sha256 = models.CharField(max_length=64, validators=[SHA256])
    decision_id = models.UUIDField(null=True)
    because = models.TextField(blank=True)
    source = models.CharField(max_length=200, blank=True)
    reported_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ["-reported_at"]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment}"

    @property
    def authorised(self) -> bool:
        """Whether a valid permit covered this deployment when it was reported."""
        return self.decision_id is not None
