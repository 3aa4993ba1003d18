"""Servers of code and pipelines that ask us, and what they were answered."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.gate import GateDecision
from governance.models.identities import TrustRule
from registry.models import Environment, User
from registry.models.base import SHA256, SLUG, Fact


class Forge(Fact):
    """A server that asks, and the one address below which it is answered.

    `secret` is what it proves itself with; `credential` is what we show when we
    answer: the private key of a GitHub App (`app_id`), an access token of GitLab.
    Both are sealed with the installation's key and count until a `ForgeSecret`
    replaces them, see `governance.forges.sealed`.
    `issuer` signs the tokens of its pipelines. `user` asks the gate for it.
    """

    append_only: ClassVar[bool] = True
    log_secrets: ClassVar[tuple[str, ...]] = ("secret", "credential")

    class Kind(models.TextChoices):
        GITHUB = TrustRule.Kind.GITHUB.value, "GitHub"
        GITLAB = TrustRule.Kind.GITLAB.value, "GitLab"
        AZURE = TrustRule.Kind.AZURE.value, "Azure DevOps"

    name = models.CharField(max_length=80, unique=True, validators=[SLUG])
    kind = models.CharField(max_length=16, choices=Kind)
    address = models.CharField(max_length=300)
    issuer = models.CharField(max_length=300)
    app_id = models.CharField(max_length=40, blank=True)
    secret = models.CharField(max_length=100)
    credential = models.TextField(blank=True)
    user = models.OneToOneField(User, models.PROTECT, related_name="forge")
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ForgeSecret(Fact):
    """Another `secret` or another `credential` of a server, sealed; the newest counts.

    Exactly one of both: each is replaced for itself.
    """

    append_only: ClassVar[bool] = True
    log_secrets: ClassVar[tuple[str, ...]] = ("secret", "credential")

    forge = models.ForeignKey(Forge, models.PROTECT, related_name="replacements")
    sequence = models.PositiveIntegerField()
    secret = models.CharField(max_length=100, blank=True)
    credential = models.TextField(blank=True)
    replaced_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    replaced_at = models.DateTimeField()

    class Meta:
        ordering = ["forge", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["forge", "sequence"], name="forge_secrets_in_order"
            ),
            models.CheckConstraint(
                condition=models.Q(secret="") & ~models.Q(credential="")
                | ~models.Q(secret="") & models.Q(credential=""),
                name="a_forge_secret_or_its_credential",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.forge} {self.sequence}"


class ForgeEnd(Fact):
    """A server is not listened to any more; it never comes back."""

    append_only: ClassVar[bool] = True

    forge = models.OneToOneField(Forge, models.PROTECT, related_name="end")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.forge} ended"


class ForgePlace(Fact):
    """What a place of a server means here: which models, in which environment.

    `project_id` is the number of the repository or project, `target` its environment
    (GitHub, Azure DevOps) or target branch (GitLab). It counts from its `confirmation`
    by a second person until its `end`.
    """

    append_only: ClassVar[bool] = True

    forge = models.ForeignKey(Forge, models.PROTECT, related_name="places")
    project_id = models.CharField(max_length=100)
    owner_id = models.CharField(max_length=100, blank=True)
    target = models.CharField(max_length=255)
    models_pattern = models.CharField(max_length=200)
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="+")
    reason = models.TextField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()

    class Meta:
        ordering = ["forge", "project_id", "target", "-proposed_at"]

    @property
    def state(self) -> str:
        """`proposed`, `trusted` or `ended`."""
        if hasattr(self, "end") or hasattr(self.forge, "end"):
            return "ended"
        return "trusted" if hasattr(self, "confirmation") else "proposed"

    def __str__(self) -> str:
        return f"{self.forge} {self.project_id} {self.target}"


class ForgePlaceConfirmation(Fact):
    """The second hand on a place; its signature names this row's place."""

    append_only: ClassVar[bool] = True

    place = models.OneToOneField(
        ForgePlace, models.PROTECT, related_name="confirmation"
    )
    confirmed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.place} confirmed"


class ForgePlaceEnd(Fact):
    """A place means nothing any more."""

    append_only: ClassVar[bool] = True

    place = models.OneToOneField(ForgePlace, models.PROTECT, related_name="end")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.place} ended"


class ForgeRequest(Fact):
    """A server asked whether to go on: what, how it was decided, and the answer's way.

    A place in the queue, and its end. `delivery` and `content_sha256` tell repeats
    apart; `run` and `sha` join it to what the pipeline asked; `answer_to` holds the
    numbers that the answer needs; `token` opens nothing but the answer, is sealed, and
    goes with it. `reason` is what the server is told.
    """

    log_secrets: ClassVar[tuple[str, ...]] = ("token",)

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ANSWERED = "answered", _("Answered")
        GIVEN_UP = "given-up", _("Given up")

    forge = models.ForeignKey(Forge, models.PROTECT, related_name="requests")
    delivery = models.CharField(max_length=100)
    content_sha256 = models.CharField(max_length=64, validators=[SHA256])
    project_id = models.CharField(max_length=100)
    owner_id = models.CharField(max_length=100, blank=True)
    project = models.CharField(max_length=255, blank=True)
    target = models.CharField(max_length=255)
    run = models.CharField(max_length=100, blank=True)
    sha = models.CharField(max_length=64, blank=True)
    asked_model = models.CharField(max_length=80, blank=True)
    asked_version = models.CharField(max_length=64, blank=True)
    answer_to = models.JSONField(default=dict, blank=True)
    token = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    decision = models.ForeignKey(
        GateDecision, models.PROTECT, null=True, related_name="forge_requests"
    )
    allowed = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    received_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    tries_left = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["forge", "delivery"], name="one_request_per_delivery"
            ),
            models.UniqueConstraint(
                fields=["forge", "content_sha256"], name="one_request_per_content"
            ),
            models.CheckConstraint(
                condition=models.Q(allowed=False) | models.Q(decision__isnull=False),
                name="only_the_gate_allows_a_forge",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="forge_requests_due")]

    def __str__(self) -> str:
        return f"{self.forge} {self.project_id} {self.target}"


class ForgeAttempt(Fact):
    """One try to answer: what was said, and what the server said to it."""

    append_only: ClassVar[bool] = True

    request = models.ForeignKey(ForgeRequest, models.PROTECT, related_name="attempts")
    decision = models.ForeignKey(
        GateDecision, models.PROTECT, null=True, related_name="+"
    )
    allowed = models.BooleanField()
    status = models.PositiveSmallIntegerField(null=True)
    response_start = models.TextField(blank=True)
    problem = models.TextField(blank=True)
    attempted_at = models.DateTimeField()

    class Meta:
        ordering = ["-attempted_at"]

    def __str__(self) -> str:
        return f"{self.request}: {self.status or self.problem}"
