"""Whom of the pipelines we trust, without a secret of ours: rules, and what came in."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import User
from registry.models.base import SHA256, SLUG, Fact


class TrustRule(Fact):
    """Tokens of an issuer, with these claims, are the machine user `user`.

    It counts from its `confirmation` by a second person until its `end`. `claims` maps
    the name of a claim to the values that it may have; all of them must fit. Keys are
    those of `jwks`, else those at `jwks_uri`, else those that the issuer names.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        GITHUB = "github", "GitHub Actions"
        GITLAB = "gitlab", "GitLab CI/CD"
        AZURE = "azure-devops", "Azure DevOps"
        KUBERNETES = "kubernetes", _("Kubernetes service account")

    name = models.CharField(max_length=80, unique=True, validators=[SLUG])
    kind = models.CharField(max_length=16, choices=Kind)
    issuer = models.CharField(max_length=300)
    audience = models.CharField(max_length=300)
    algorithms = ArrayField(models.CharField(max_length=5))
    jwks_uri = models.CharField(max_length=500, blank=True)
    jwks = models.TextField(blank=True)
    claims = models.JSONField()
    models_pattern = models.CharField(max_length=200)
    environments = ArrayField(models.CharField(max_length=80))
    reason = models.TextField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    user = models.OneToOneField(User, models.PROTECT, related_name="trust_rule")
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["issuer"], name="trust_by_issuer")]

    @property
    def state(self) -> str:
        """`proposed`, `trusted` or `ended`."""
        if hasattr(self, "end"):
            return "ended"
        return "trusted" if hasattr(self, "confirmation") else "proposed"

    def __str__(self) -> str:
        return self.name


class TrustConfirmation(Fact):
    """The second hand on a rule; its signature names this row's rule."""

    append_only: ClassVar[bool] = True

    rule = models.OneToOneField(TrustRule, models.PROTECT, related_name="confirmation")
    confirmed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rule} confirmed"


class TrustEnd(Fact):
    """A rule no longer counts; it never comes back."""

    append_only: ClassVar[bool] = True

    rule = models.OneToOneField(TrustRule, models.PROTECT, related_name="end")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rule} ended"


class PipelineToken(Fact):
    """A token of a pipeline, from its first use; `claims` say what ran where.

    No person's name is kept: the run leads to who started it.
    """

    append_only: ClassVar[bool] = True
    log_secrets: ClassVar[tuple[str, ...]] = ("sha256",)

    rule = models.ForeignKey(TrustRule, models.PROTECT, related_name="tokens")
    issuer = models.CharField(max_length=300)
    jti = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    claims = models.JSONField()
    address = models.CharField(max_length=60, blank=True)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    first_used_at = models.DateTimeField()

    class Meta:
        ordering = ["-first_used_at"]
        constraints = [
            models.UniqueConstraint(fields=["issuer", "jti"], name="one_token_per_jti")
        ]
        indexes = [
            models.Index(fields=["-first_used_at"], name="tokens_by_time"),
            # A server that asks is joined to its run by what the run's token says.
            GinIndex(
                fields=["claims"], name="tokens_by_claims", opclasses=["jsonb_path_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.jti}"
