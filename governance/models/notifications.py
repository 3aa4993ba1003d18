"""What people are told, and what they have read of it."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import User
from registry.models.base import Fact


class Announcement(Fact):
    """One thing that happened and that somebody is told.

    `kind` is a word for machines, such as `waiver.expiring`; `about_type` and
    `about_id` name the record as the log does, `link` is a path below this site.
    """

    append_only: ClassVar[bool] = True

    kind = models.CharField(max_length=60)
    about_type = models.CharField(max_length=60, blank=True)
    about_id = models.CharField(max_length=64, blank=True)
    link = models.CharField(max_length=500, blank=True)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["-told_at"]
        indexes = [models.Index(fields=["told_at"], name="announcements_by_time")]

    def __str__(self) -> str:
        return f"{self.kind} {self.about_id}"


class Notification(Fact):
    """What one person was told, in the words of the person's language."""

    append_only: ClassVar[bool] = True
    log_personal: ClassVar[tuple[str, ...]] = ("subject", "text")

    announcement = models.ForeignKey(
        Announcement, models.PROTECT, related_name="notifications"
    )
    recipient = models.ForeignKey(User, models.PROTECT, related_name="notifications")
    subject = models.CharField(max_length=300)
    text = models.TextField()
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["-told_at"]
        indexes = [models.Index(fields=["recipient", "-told_at"], name="told_to_whom")]
        constraints = [
            models.UniqueConstraint(
                fields=["announcement", "recipient"], name="everybody_is_told_once"
            )
        ]

    def __str__(self) -> str:
        return self.subject


class NotificationRead(Fact):
    """That somebody has read what they were told."""

    append_only: ClassVar[bool] = True

    notification = models.OneToOneField(
        Notification, models.PROTECT, related_name="read"
    )
    read_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.notification} read"


class NotificationMailed(Fact):
    """That a digest carried it."""

    append_only: ClassVar[bool] = True

    notification = models.OneToOneField(
        Notification, models.PROTECT, related_name="mailed"
    )
    mailed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.notification} mailed"


class NotificationWish(Fact):
    """How a person wants to be told: the language, and how often by mail."""

    class Digest(models.TextChoices):
        NEVER = "never", _("Never")
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every week")

    person = models.OneToOneField(
        User, models.PROTECT, related_name="notification_wish"
    )
    language = models.CharField(max_length=10, default="en")
    digest = models.CharField(max_length=8, choices=Digest, default=Digest.NEVER)
    next_digest_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.person}: {self.language}, {self.digest}"
