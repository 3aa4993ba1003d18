"""Where a version comes from: data sets and runs."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from registry.models.base import SHA256, SLUG, Fact
from registry.models.inventory import Artifact, ModelVersion, RegisteredModel
from registry.models.people import User


class Column(models.TextChoices):
    """What a column of a data set is for."""

    FEATURE = "feature", _("Feature")
    TARGET = "target", _("Target")
    PREDICTION = "prediction", _("Prediction")
    SENSITIVE = "sensitive", _("Sensitive feature")
    IGNORED = "ignored", _("Ignored")


class Dataset(Fact):
    """A data set, of which versions are stored or pointed at."""

    slug = models.CharField(max_length=80, unique=True, validators=[SLUG])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    source = models.TextField(blank=True)
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "slug"]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(Fact):
    """One immutable state of a data set: stored bytes, or an address with a digest.

    `columns` is a list of {"name", "type", "role"}; the roles are those of `Column`.
    Some have "label_en" and "label_de": what people call them.
    """

    append_only: ClassVar[bool] = True

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    artifact = models.ForeignKey(
        Artifact, models.PROTECT, null=True, related_name="dataset_versions"
    )
    uri = models.CharField(max_length=1000, blank=True)
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    row_count = models.PositiveBigIntegerField(null=True)
    columns = models.JSONField(default=list)
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["dataset", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "version"], name="dataset_version_once"
            ),
            models.CheckConstraint(
                condition=~Q(artifact=None) | ~Q(uri=""),
                name="dataset_version_has_bytes_or_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.version}"

    def names(self, role: Column) -> list[str]:
        """Names of the columns with that role, in the order of the file."""
        return [c["name"] for c in self.columns if c["role"] == role]


class Run(Fact):
    """The training run that made a version: code, parameters, metrics, environment.

    `reported_id` is the id that a pipeline gave to a run that it reported; `RunLink`
    says what such a run read and wrote.
    """

    append_only: ClassVar[bool] = True

    name = models.CharField(max_length=200, blank=True)
    code_repository = models.CharField(max_length=500, blank=True)
    code_commit = models.CharField(max_length=64, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    environment_sha256 = models.CharField(
        max_length=64, blank=True, validators=[SHA256]
    )
    reported_id = models.UUIDField(null=True, blank=True)
    run_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run_by", "reported_id"], name="reported_run_once"
            )
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)


class RunLink(Fact):
    """That a run read or wrote a version or data, as a pipeline reported it.

    It stands beside the manifest of a version, which no report changes.
    """

    append_only: ClassVar[bool] = True

    class Side(models.TextChoices):
        INPUT = "input", _("Input")
        OUTPUT = "output", _("Output")

    run = models.ForeignKey(Run, models.PROTECT, related_name="links")
    side = models.CharField(max_length=8, choices=Side)
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, related_name="run_links"
    )
    dataset_version = models.ForeignKey(
        DatasetVersion, models.PROTECT, null=True, related_name="run_links"
    )
    reported_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "side", "version"],
                condition=Q(version__isnull=False),
                name="version_once_per_run_and_side",
            ),
            models.UniqueConstraint(
                fields=["run", "side", "dataset_version"],
                condition=Q(dataset_version__isnull=False),
                name="data_once_per_run_and_side",
            ),
            models.CheckConstraint(
                condition=Q(version__isnull=False, dataset_version=None)
                | Q(version=None, dataset_version__isnull=False),
                name="run_link_names_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} of {self.run}"


class ModelFeed(Fact):
    """That the output of one model is an input of another, as somebody declared.

    `dataset` names the data set through which it goes, where there is one. The latest
    row of a pair counts; `ended` says that it no longer feeds.
    """

    append_only: ClassVar[bool] = True

    upstream = models.ForeignKey(
        RegisteredModel, models.PROTECT, related_name="feeds_into"
    )
    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="fed_by")
    dataset = models.ForeignKey(
        Dataset, models.PROTECT, null=True, related_name="feeds"
    )
    ended = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    declared_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["upstream", "model", "sequence"], name="one_feed_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(upstream=models.F("model")), name="no_feed_to_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.upstream} feeds {self.model}"


class VersionDataset(Fact):
    """That a version learned from, or was tested on, a data set version."""

    append_only: ClassVar[bool] = True

    class Use(models.TextChoices):
        TRAINING = "training", _("Training")
        TEST = "test", _("Test")
        BACKGROUND = "background", _("Background")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="version_datasets"
    )
    dataset_version = models.ForeignKey(
        DatasetVersion, models.PROTECT, related_name="version_datasets"
    )
    use = models.CharField(max_length=16, choices=Use)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "dataset_version", "use"],
                name="dataset_once_per_version_and_use",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset_version} as {self.use} of {self.version}"
