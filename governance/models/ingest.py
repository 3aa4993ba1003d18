"""What registries of models and pipelines told us, as they said it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from governance.models.running import DeploymentSource
from registry.models import RunLink, User
from registry.models.base import SHA256, Fact


class RegistryEvent(Fact):
    """One genuine message of an MLflow registry; the same delivery counts once.

    `alias` is that of an alias event, `version` empty where the message names none.
    """

    append_only: ClassVar[bool] = True

    source = models.ForeignKey(
        DeploymentSource, models.PROTECT, related_name="registry_events"
    )
    delivery = models.CharField(max_length=100)
    entity = models.CharField(max_length=60)
    action = models.CharField(max_length=60)
    model_name = models.CharField(max_length=300)
    version = models.CharField(max_length=200, blank=True)
    alias = models.CharField(max_length=200, blank=True)
    content_sha256 = models.CharField(max_length=64, validators=[SHA256])
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "delivery"], name="one_event_per_delivery"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entity}.{self.action} of {self.model_name}"


class LineageEvent(Fact):
    """An OpenLineage event, kept as it was received; the same one counts once.

    `document` is its JSON, of which `sha256` is the digest in canonical form. `run_id`
    is that of the sender: another sender's run of the same id is another run.
    `models_pattern` is what the sender's token was narrowed to when it came.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        RUN = "run", _("Run")
        JOB = "job", _("Job")
        DATASET = "dataset", _("Data set")

    kind = models.CharField(max_length=8, choices=Kind)
    run_id = models.UUIDField(null=True)
    event_type = models.CharField(max_length=8, blank=True)
    event_time = models.DateTimeField()
    job = models.CharField(max_length=1000, blank=True)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    models_pattern = models.CharField(max_length=200)
    received_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(fields=["run_id", "event_type"], name="lineage_of_a_run"),
            models.Index(fields=["-received_at"], name="lineage_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["received_by", "sha256"], name="one_lineage_event_per_content"
            ),
            models.CheckConstraint(
                condition=Q(kind="run", run_id__isnull=False)
                | (~Q(kind="run") & Q(run_id=None)),
                name="a_run_event_names_its_run",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.event_type}"


class LineageName(Fact):
    """A thing that a run read or wrote, by the name that the event gives it.

    It waits until it names something that is registered. `key` is how it would be
    registered here: the slug of a model or data set, or the address of data.
    `because` says why it is joined to nothing and will not be.
    """

    Side = RunLink.Side

    class Kind(models.TextChoices):
        MODEL = "model", _("Model")
        DATASET = "dataset", _("Data set")
        ADDRESS = "address", _("Address of data")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        JOINED = "joined", _("Joined")
        REFUSED = "refused", _("Refused")

    event = models.ForeignKey(LineageEvent, models.PROTECT, related_name="names")
    side = models.CharField(max_length=8, choices=Side)
    kind = models.CharField(max_length=8, choices=Kind)
    namespace = models.CharField(max_length=1000, blank=True)
    name = models.CharField(max_length=1000, blank=True)
    key = models.CharField(max_length=2001)
    uri = models.CharField(max_length=1000, blank=True)
    version = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, validators=[SHA256])
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    because = models.TextField(blank=True)
    link = models.ForeignKey(
        RunLink, models.PROTECT, null=True, related_name="lineage_names"
    )
    received_at = models.DateTimeField()
    joined_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["side", "namespace", "name"]
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=Q(state="waiting"),
                name="lineage_names_waiting",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="joined", link__isnull=False)
                | (~Q(state="joined") & Q(link=None)),
                name="a_joined_name_has_its_link",
            )
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
