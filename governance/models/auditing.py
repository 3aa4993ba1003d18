"""The auditor's room: who may look at what until when, questions, and samples."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models import RegisteredModel, User
from registry.models.base import SHA256, Fact


class AuditAccess(Fact):
    """An external auditor may read these models from `begins_at` until `ends_at`.

    A model is in scope by its slug (`models_patterns`, such as credit-*) or because
    its owner is of one of the `units`. Whether the access holds is decided when
    something is read: no job has to end it.
    """

    append_only: ClassVar[bool] = True

    auditor = models.ForeignKey(User, models.PROTECT, related_name="audit_accesses")
    models_patterns = ArrayField(models.CharField(max_length=200))
    units = ArrayField(models.CharField(max_length=120))
    reason = models.TextField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    given_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["-given_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("begins_at")), name="audit_access_has_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.auditor} until {self.ends_at:%Y-%m-%d %H:%M}"


class AuditAccessEnd(Fact):
    """An access was ended before its time."""

    append_only: ClassVar[bool] = True

    access = models.OneToOneField(AuditAccess, models.PROTECT, related_name="end")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.access} ended"


class AuditRequest(Fact):
    """An auditor asks for a document or an answer, by a day."""

    append_only: ClassVar[bool] = True

    question = models.TextField()
    model = models.ForeignKey(
        RegisteredModel, models.PROTECT, null=True, related_name="audit_requests"
    )
    due_on = models.DateField()
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="audit_requests")
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["-asked_at"], name="audit_requests_by_time")]

    def __str__(self) -> str:
        return self.question[:80]


class AuditRequestStep(Fact):
    """An answer, a question anew, or the end; the latest says where a request is."""

    append_only: ClassVar[bool] = True

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ANSWERED = "answered", _("answered")
        CLOSED = "closed", _("closed")

    request = models.ForeignKey(AuditRequest, models.PROTECT, related_name="steps")
    sequence = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State)
    text = models.TextField(blank=True)
    reference = models.CharField(max_length=300, blank=True)
    taken_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()

    class Meta:
        ordering = ["sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "sequence"], name="audit_request_step_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request} {self.state}"


class AuditSample(Fact):
    """What a random sample will be drawn from, fixed before its seed is known.

    `population` has one line for each item, `STRATUM ID`, sorted; of log entries it is
    one line `FIRST LAST`, two leaf indexes. `secret_sha256` commits the auditor to a
    word of their own, which joins the seed.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        VERSIONS = "versions", _("Versions of models")
        DECISIONS = "decisions", _("Decisions of the gate")
        SIGNATURES = "signatures", _("Signatures")
        ENTRIES = "entries", _("Entries of the log")

    kind = models.CharField(max_length=10, choices=Kind)
    begin = models.DateField()
    end = models.DateField()
    size = models.PositiveIntegerField()
    by_tier = models.BooleanField()
    count = models.PositiveBigIntegerField()
    population = models.TextField()
    population_sha256 = models.CharField(max_length=64, validators=[SHA256])
    secret_sha256 = models.CharField(max_length=64, validators=[SHA256], blank=True)
    reason = models.TextField()
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()

    class Meta:
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["-asked_at"], name="audit_samples_by_time")]

    def __str__(self) -> str:
        return f"{self.size} of {self.count} {self.kind}"


class AuditDraw(Fact):
    """A sample was drawn with the root of this checkpoint, and the word if any."""

    append_only: ClassVar[bool] = True

    sample = models.OneToOneField(AuditSample, models.PROTECT, related_name="draw")
    leaf_index = models.PositiveBigIntegerField()
    tree_size = models.PositiveBigIntegerField()
    root_sha256 = models.CharField(max_length=64, validators=[SHA256])
    secret = models.CharField(max_length=200, blank=True)
    chosen = models.JSONField()
    drawn_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.sample} drawn"
