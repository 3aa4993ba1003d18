"""People and machines, and the roles that they hold in three lines of defence."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models.base import Fact


class Role(models.TextChoices):
    """The roles of the three lines model (IIA 2020; SR 26-2, governance)."""

    OWNER = "owner", _("Model owner")
    DEVELOPER = "developer", _("Developer")
    MODEL_USER = "model-user", _("Model user")
    OPERATOR = "operator", _("Operator")
    VALIDATOR = "validator", _("Validator")
    RISK_MANAGER = "risk-manager", _("Risk manager")
    APPROVER = "approver", _("Approver")
    COMPLIANCE = "compliance", _("Compliance officer")
    DPO = "dpo", _("Data protection officer")
    QA = "qa", _("Quality assurance")
    POLICY_AUTHOR = "policy-author", _("Policy author")
    POLICY_APPROVER = "policy-approver", _("Policy approver")
    AUDITOR = "auditor", _("Internal auditor")
    EXTERNAL_AUDITOR = "external-auditor", _("External auditor")
    CI = "ci", _("CI service")
    PLATFORM_ADMIN = "platform-admin", _("Platform administrator")
    EXECUTIVE = "executive", _("Accountable executive")

    @property
    def line(self) -> int | None:
        """Line of defence: 1 business, 2 risk, 3 audit; None outside the model."""
        return _LINES.get(self.value)


_LINES = {
    **dict.fromkeys(("owner", "developer", "model-user", "operator"), 1),
    **dict.fromkeys(
        (
            "validator",
            "risk-manager",
            "approver",
            "compliance",
            "dpo",
            "qa",
            "policy-author",
            "policy-approver",
        ),
        2,
    ),
    "auditor": 3,
}


@dataclass(frozen=True)
class Scope:
    """What a bearer token narrows its user's rights to, until `ends_at`.

    Of a pipeline's own token, `pipeline` is the id of its row and `run` what ran where.
    `models` are the only models of an external auditor, by their slugs; None: no bound.
    """

    models_pattern: str = "*"
    environments: tuple[str, ...] = ()
    personal: bool = False
    ends_at: datetime | None = None
    pipeline: uuid.UUID | None = None
    run: Mapping[str, str] = field(default_factory=dict)
    models: frozenset[str] | None = None


class User(AbstractUser):
    """A person, or a machine that acts through tokens.

    Users are deactivated, never deleted: a signature keeps its signer (21 CFR 11.100).
    `scope` is set in memory when the user came in by a token.
    """

    append_only: ClassVar[bool] = False
    log_secrets: ClassVar[tuple[str, ...]] = ("password", "last_login")
    log_personal: ClassVar[tuple[str, ...]] = (
        "username",
        "first_name",
        "last_name",
        "email",
    )
    scope: Scope | None = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_machine = models.BooleanField(default=False)
    unit = models.CharField(max_length=120, blank=True)

    @property
    def printed_name(self) -> str:
        """The name as it stands beside a signature (21 CFR 11.50)."""
        return self.get_full_name() or self.username


class RoleAssignment(Fact):
    """A role that a user holds from `granted_at` until `ended_at`."""

    user = models.ForeignKey(User, models.PROTECT, related_name="role_assignments")
    role = models.CharField(max_length=32, choices=Role)
    granted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(ended_at=None),
                name="role_assigned_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("granted_at")),
                name="role_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"
