"""Bearer tokens, and what was answered to repeated requests."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from registry.models import User
from registry.models.base import SHA256, Fact


class Token(Fact):
    """A bearer token: only the digest of its secret is kept.

    `models` is a shell pattern on slugs. A token of a person (`personal`) may do what
    that person may, except sign; any other belongs to a machine user with one role.
    """

    log_secrets: ClassVar[tuple[str, ...]] = ("sha256",)

    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, models.PROTECT, related_name="tokens")
    personal = models.BooleanField(default=False)
    models_pattern = models.CharField(max_length=200, default="*")
    environments = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    sha256 = models.CharField(max_length=64, unique=True, validators=[SHA256])
    issued_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return self.name


class TokenUse(Fact):
    """A day on which a token was used: one row, however often."""

    append_only: ClassVar[bool] = True

    token = models.ForeignKey(Token, models.PROTECT, related_name="uses")
    used_on = models.DateField()

    class Meta:
        ordering = ["-used_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "used_on"], name="one_use_of_a_token_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.token} on {self.used_on}"


class IdempotentReply(Fact):
    """The first answer to a request with an Idempotency-Key, given again on repeats."""

    append_only: ClassVar[bool] = True
    log_secrets: ClassVar[tuple[str, ...]] = ("body",)

    key = models.CharField(max_length=255)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    route = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64, validators=[SHA256])
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "user", "route"], name="one_reply_per_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
