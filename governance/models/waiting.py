"""The queue of approval requests that nobody has decided yet."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from governance.models.approvals import ApprovalRequest
from registry.models import User
from registry.models.base import Fact


class WaitingRequest(Fact):
    """A request that waits for signatures, and for whose: a queue, not a record.

    It spares every page from judging every request by every rule. It is written by the
    acts that submit, sign and end requests, and previews only: who may sign is decided
    when they sign. `seats` are `meaning:role`, `hands` who may not sign; `due_at` is
    the deadline of the stage that is open.
    """

    request = models.OneToOneField(
        ApprovalRequest, models.PROTECT, related_name="waiting"
    )
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    tier = models.PositiveSmallIntegerField()
    seats = ArrayField(models.CharField(max_length=64), default=list)
    hands = ArrayField(models.UUIDField(), default=list)
    owner_attests = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["tier", models.F("due_at").asc(nulls_last=True), "pk"]

    def __str__(self) -> str:
        return f"{self.request} waits"
