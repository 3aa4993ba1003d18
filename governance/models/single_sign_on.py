"""Signers asked again at the identity provider: what for, the answer, its one use."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from governance.models.persons import PersonIdentity
from registry.models import User
from registry.models.base import SHA256, Fact


class StepUp(Fact):
    """A person is to prove once more at the identity provider who they are.

    `intent_sha256` covers the address and all fields of what is to be signed;
    `session_sha256` is that of the log-in, or of the token, that asked. `nonce` is half
    of what the provider's answer has to carry; the rest is the columns here.
    """

    append_only: ClassVar[bool] = True

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    session_sha256 = models.CharField(max_length=64, validators=[SHA256])
    intent_sha256 = models.CharField(max_length=64, validators=[SHA256])
    address = models.CharField(max_length=500)
    issuer = models.CharField(max_length=300)
    nonce = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-made_at"], name="newest_step_up")]

    def __str__(self) -> str:
        return f"step-up of {self.user}"


class StepUpAnswer(Fact):
    """The provider's verified answer; of the token itself only the digest is kept.

    `authenticated_at` (`auth_time`), `acr` and `amr` are OpenID Connect Core 1.0, 2.
    """

    append_only: ClassVar[bool] = True

    step_up = models.OneToOneField(StepUp, models.PROTECT, related_name="answer")
    # Not the subject itself: it is a personal datum that can be erased there.
    identity = models.ForeignKey(PersonIdentity, models.PROTECT, related_name="+")
    authenticated_at = models.DateTimeField()
    acr = models.CharField(max_length=100, blank=True)
    amr = ArrayField(models.CharField(max_length=40), default=list)
    sid = models.CharField(max_length=200, blank=True)
    key_id = models.CharField(max_length=200)
    token_sha256 = models.CharField(max_length=64, validators=[SHA256], unique=True)
    answered_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answer to {self.step_up}"


class StepUpUse(Fact):
    """The one signing, or series of them, that an answer was good for."""

    append_only: ClassVar[bool] = True

    answer = models.OneToOneField(StepUpAnswer, models.PROTECT, related_name="use")
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"use of {self.answer}"
