"""What rules said of one version, and what a draft would say of all."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.approvals import ApprovalRequest
from governance.models.policy import PackRevision
from registry.models import Environment, ModelVersion, User
from registry.models.base import SHA256, Fact


class Evaluation(Fact):
    """Every rule applied to one version at one moment (decisions.md 3.2, rule 5).

    `document` is canonical JSON; `sha256` covers it byte for byte. Applying the packs
    that it names to the inputs that it holds gives the same bytes.
    """

    append_only: ClassVar[bool] = True

    class Occasion(models.TextChoices):
        SUBMISSION = "submission", _("Submission")
        SIGNATURE = "signature", _("Completing signature")
        DEMAND = "demand", _("On demand")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="evaluations"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="evaluations"
    )
    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, null=True, related_name="evaluations"
    )
    occasion = models.CharField(max_length=16, choices=Occasion)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    passed = models.BooleanField()
    as_of = models.DateTimeField()
    evaluated_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-as_of"]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment}, {self.as_of:%Y-%m-%d}"


class Simulation(Fact):
    """A draft applied to every version with an active authorisation, before publishing.

    `document` is canonical JSON with every version that would lose its permit and the
    rules that would fail. `revision` is None where something else than a pack, such as
    a risk matrix, was tried; `subject` names what was.
    """

    append_only: ClassVar[bool] = True

    revision = models.ForeignKey(
        PackRevision, models.PROTECT, null=True, related_name="simulations"
    )
    subject = models.CharField(max_length=200)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    examined = models.PositiveIntegerField()
    losing = models.PositiveIntegerField()
    as_of = models.DateTimeField()
    simulated_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    simulated_at = models.DateTimeField()

    class Meta:
        ordering = ["-simulated_at"]

    def __str__(self) -> str:
        return f"{self.subject}: {self.losing} of {self.examined}"
