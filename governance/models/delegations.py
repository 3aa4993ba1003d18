"""Delegations: who may sign for whom, and until when."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import Role, User
from registry.models.base import Fact


class Delegation(Fact):
    """A signer lets one other person sign in a role of theirs, for a period."""

    append_only: ClassVar[bool] = True

    delegator = models.ForeignKey(User, models.PROTECT, related_name="delegations")
    delegate = models.ForeignKey(User, models.PROTECT, related_name="delegated_to_them")
    role = models.CharField(max_length=32, choices=Role)
    reason = models.TextField()
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    delegated_at = models.DateTimeField()

    class Meta:
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")),
                name="delegation_ends_after_it_began",
            ),
            models.CheckConstraint(
                condition=~Q(delegate=F("delegator")),
                name="delegation_is_to_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator} as {self.role}"


class DelegationEnd(Fact):
    """A delegation taken back, or given back, before its time."""

    append_only: ClassVar[bool] = True

    delegation = models.OneToOneField(Delegation, models.PROTECT, related_name="end")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"end of {self.delegation}"
