"""What a signer showed: challenges, passkeys' answers, series, and enrolment anew."""

from typing import ClassVar

from django.db import models

from registry.models import User
from registry.models.base import SHA256, Fact


class SigningChallenge(Fact):
    """What a passkey is asked to sign: the digest of a person, a session and an intent.

    `intent_sha256` covers the address and all fields of what is to be signed;
    `session_sha256` is that of the log-in, or of the token, that asked.
    """

    append_only: ClassVar[bool] = True

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    session_sha256 = models.CharField(max_length=64, validators=[SHA256])
    intent_sha256 = models.CharField(max_length=64, validators=[SHA256])
    nonce = models.CharField(max_length=64)
    host = models.CharField(max_length=253)
    made_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-made_at"], name="newest_challenge")]

    def __str__(self) -> str:
        return f"challenge for {self.user}"


class PasskeyAnswer(Fact):
    """A passkey's verified answer to a challenge, which it uses up.

    With the public key of `credential_id` anybody can verify the three texts again
    (W3C Web Authentication Level 3, 7.2); all are base64url.
    """

    append_only: ClassVar[bool] = True

    challenge = models.OneToOneField(
        SigningChallenge, models.PROTECT, related_name="answer"
    )
    credential_id = models.CharField(max_length=1400)
    public_key = models.TextField()
    authenticator_data = models.TextField()
    client_data = models.TextField()
    signature = models.TextField()
    sign_count = models.BigIntegerField()
    verified_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"answer to {self.challenge}"


class SigningSeries(Fact):
    """Signings in one continuous period of controlled access (21 CFR 11.200(a)(1)(i)).

    It begins with a signature by all components, and belongs to one log-in.
    """

    append_only: ClassVar[bool] = True

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    session_sha256 = models.CharField(max_length=64, validators=[SHA256])
    begun_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["user", "session_sha256"], name="series_of_a_log_in")
        ]

    def __str__(self) -> str:
        return f"series of {self.user} since {self.begun_at}"


class SeriesUse(Fact):
    """One signing within a series; the signature of that time is its own."""

    append_only: ClassVar[bool] = True

    series = models.ForeignKey(SigningSeries, models.PROTECT, related_name="uses")
    method = models.CharField(max_length=600)
    used_at = models.DateTimeField()

    class Meta:
        ordering = ["used_at"]

    def __str__(self) -> str:
        return f"{self.method} at {self.used_at}"


class CredentialReset(Fact):
    """An administrator made somebody's password useless; signing waits for a proof."""

    append_only: ClassVar[bool] = True

    user = models.ForeignKey(User, models.PROTECT, related_name="credential_resets")
    reason = models.TextField()
    reset_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reset_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "sequence"], name="one_reset_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"reset of {self.user}"


class IdentityProof(Fact):
    """A second person saw who it is, and handed over a password for one use.

    While the account's password has `password_sha256`, its owner has not chosen one
    yet, and cannot sign.
    """

    append_only: ClassVar[bool] = True
    log_secrets: ClassVar[tuple[str, ...]] = ("password_sha256",)

    reset = models.OneToOneField(
        CredentialReset, models.PROTECT, related_name="identity_proof"
    )
    seen = models.TextField()
    password_sha256 = models.CharField(max_length=64, validators=[SHA256])
    proved_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"proof after {self.reset}"
