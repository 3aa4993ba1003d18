"""Evidence: runs that were asked for, their reports and measurements."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import DatasetVersion, ModelVersion, User
from registry.models.base import SHA256, Fact


class EvidenceRun(Fact):
    """A question to the evidence engine, and how far its answer is.

    The row is the queue: workers claim pending rows. Its report is append-only.
    `question_sha256` covers everything that the answer depends on; a question that was
    answered before is finished at once, and `answered_by` names the run that measured.
    `not_before` is when a worker may claim the run (again).
    """

    class Kind(models.TextChoices):
        PERFORMANCE = "performance", _("Performance")
        FAIRNESS = "fairness", _("Fairness")
        EXPLAINABILITY = "explainability", _("Explainability")
        ROBUSTNESS = "robustness", _("Robustness")
        DRIFT = "drift", _("Drift")
        DATA_QUALITY = "data_quality", _("Data quality")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for a worker")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Priority(models.IntegerChoices):
        LOW = 0, _("Low")
        NORMAL = 1, _("Normal")
        HIGH = 2, _("High")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="evidence_runs"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    dataset_version = models.ForeignKey(
        DatasetVersion, models.PROTECT, related_name="evidence_runs"
    )
    config = models.JSONField(default=dict)
    question_sha256 = models.CharField(
        max_length=64, blank=True, validators=[SHA256], db_index=True
    )
    answered_by = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="answers"
    )
    priority = models.PositiveSmallIntegerField(
        choices=Priority, default=Priority.NORMAL
    )
    not_before = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0)
    step = models.CharField(max_length=200, blank=True)
    failure = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=models.Q(state__in=["pending", "running"]),
                name="evidence_run_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.version}"


class EvidencePart(Fact):
    """Some rows of a large run: any worker predicts them, one merges all of them.

    Rows `first_row` up to, not including, `end_row`. `scores_name` names the array of
    scores in the storage, gone when the run has ended; `facts` is what the model said.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for a worker")
        FINISHED = "finished", _("Finished")

    run = models.ForeignKey(EvidenceRun, models.PROTECT, related_name="parts")
    number = models.PositiveIntegerField()
    first_row = models.PositiveBigIntegerField()
    end_row = models.PositiveBigIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    scores_name = models.CharField(max_length=255, blank=True)
    scores_sha256 = models.CharField(max_length=64, blank=True, validators=[SHA256])
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["run", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "number"], name="evidence_part_once"
            ),
            models.CheckConstraint(
                condition=models.Q(end_row__gt=models.F("first_row")),
                name="evidence_part_has_rows",
            ),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.run}"


class EvidenceReport(Fact):
    """The finished answer: one JSON document, its digest, and what it was made from.

    `document` is the exact text that `sha256` covers. It repeats the digests of the
    version, artifact and data set, the configuration and the versions of all engines.
    `cost` is what the answer cost, which the document leaves out: seconds, processor
    seconds, rows, rows per second, peak memory in bytes, parts.
    """

    append_only: ClassVar[bool] = True

    run = models.OneToOneField(EvidenceRun, models.PROTECT, related_name="report")
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    sandbox = models.CharField(max_length=200)
    cost = models.JSONField(default=dict)
    reported_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"report of {self.run}"


class Measurement(Fact):
    """One number of a report, with interval, group, count and method.

    `value` is None where it is not estimable; `because` then says why.
    """

    append_only: ClassVar[bool] = True

    report = models.ForeignKey(
        EvidenceReport, models.PROTECT, related_name="measurements"
    )
    name = models.CharField(max_length=100)
    group = models.CharField(max_length=200, blank=True)
    value = models.FloatField(null=True)
    lower = models.FloatField(null=True)
    upper = models.FloatField(null=True)
    n = models.PositiveBigIntegerField(null=True)
    unit = models.CharField(max_length=32, blank=True)
    method = models.CharField(max_length=200, blank=True)
    because = models.TextField(blank=True)

    class Meta:
        ordering = ["name", "group"]
        indexes = [models.Index(fields=["report", "name"], name="measurement_by_name")]

    def __str__(self) -> str:
        return f"{self.name}{f'[{self.group}]' if self.group else ''}"
