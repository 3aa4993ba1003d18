"""Webhooks: who is called, what waits to be sent, and every attempt to send it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.notifications import Announcement
from registry.models import User
from registry.models.base import Fact


class WebhookEndpoint(Fact):
    """An address that is told what happened; without `kinds`, of everything.

    `secret` is what receivers check signatures with, sealed with the installation's
    key (`governance.sealing`); `disabled_at` is set by people and by too many failures
    in a row.
    """

    log_secrets: ClassVar[tuple[str, ...]] = ("secret",)

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(max_length=1000)
    kinds = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    secret = models.TextField()
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()
    enabled_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class WebhookMessage(Fact):
    """One announcement for one endpoint: a place in the queue, and its end."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        GIVEN_UP = "given-up", _("Given up")

    endpoint = models.ForeignKey(
        WebhookEndpoint, models.PROTECT, related_name="messages"
    )
    announcement = models.ForeignKey(
        Announcement, models.PROTECT, related_name="webhook_messages"
    )
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    tries_left = models.PositiveSmallIntegerField()
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        ordering = ["-queued_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "announcement"], name="one_message_per_endpoint"
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="messages_due")]

    def __str__(self) -> str:
        return f"{self.announcement} to {self.endpoint}"


class WebhookAttempt(Fact):
    """One try: the status and the start of the answer, or why there was none."""

    append_only: ClassVar[bool] = True

    message = models.ForeignKey(WebhookMessage, models.PROTECT, related_name="attempts")
    status = models.PositiveSmallIntegerField(null=True)
    response_start = models.TextField(blank=True)
    problem = models.TextField(blank=True)
    attempted_at = models.DateTimeField()

    class Meta:
        ordering = ["-attempted_at"]

    def __str__(self) -> str:
        return f"{self.message}: {self.status or self.problem}"
