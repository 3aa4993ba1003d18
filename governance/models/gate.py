"""What the gate was asked and how it decided."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.approvals import Authorisation
from governance.models.emergencies import EmergencyAuthorisation
from governance.models.identities import PipelineToken
from registry.models import Environment, ModelVersion, User
from registry.models.base import Fact


class GateDecision(Fact):
    """One answer of the gate, with every check and, when allowed, the permit.

    The question is kept as asked (`asked_*`), also when nothing by that name exists.
    The id of an allowing decision is the id of its permit. `vsa` and `svr` say the same
    in formats of others, signed at the decision. `emergency` is set when the glass was
    broken for it: then the failing checks were overridden. `renewal_of` is the permit
    whose question was asked again. `pipeline_token` is that of the pipeline that asked,
    with what ran where. `milliseconds` is what it took to examine, sign and record it,
    up to the commit.
    """

    append_only: ClassVar[bool] = True

    asked_model = models.CharField(max_length=200, blank=True)
    asked_version = models.CharField(max_length=200, blank=True)
    asked_environment = models.CharField(max_length=200, blank=True)
    asked_digest = models.CharField(max_length=200, blank=True)
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, related_name="gate_decisions"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, null=True, related_name="gate_decisions"
    )
    authorisation = models.ForeignKey(
        Authorisation, models.PROTECT, null=True, related_name="gate_decisions"
    )
    emergency = models.ForeignKey(
        EmergencyAuthorisation,
        models.PROTECT,
        null=True,
        related_name="gate_decisions",
    )
    allowed = models.BooleanField()
    checks = models.JSONField()
    permit = models.TextField(blank=True)
    vsa = models.TextField(blank=True, default="")
    svr = models.TextField(blank=True, default="")
    renewal_of = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="renewals"
    )
    expires_at = models.DateTimeField(null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    pipeline_token = models.ForeignKey(
        PipelineToken, models.PROTECT, null=True, related_name="gate_decisions"
    )
    decided_for = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-decided_at"]
        indexes = [
            models.Index(fields=["-decided_at"], name="decisions_by_time"),
            models.Index(
                fields=["expires_at"], condition=Q(allowed=True), name="permits_by_end"
            ),
            models.Index(
                fields=[
                    *("version", "environment", "authorisation", "emergency"),
                    "-expires_at",
                ],
                include=["id"],
                condition=Q(allowed=True),
                name="newest_permits",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(allowed=False, permit="")
                | (
                    Q(allowed=True, expires_at__isnull=False)
                    & Q(version__isnull=False)
                    & (Q(authorisation__isnull=False) | Q(emergency__isnull=False))
                    & ~Q(permit="")
                ),
                name="only_allowed_decisions_carry_a_permit",
            ),
            models.CheckConstraint(
                condition=Q(allowed=True) | Q(vsa="", svr=""),
                name="only_permits_have_summaries",
            ),
        ]

    def __str__(self) -> str:
        verdict = "allowed" if self.allowed else "denied"
        return f"{self.asked_model} {self.asked_version}: {verdict}"
