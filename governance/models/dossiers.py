"""Dossiers: asked for by a person, built by a worker."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from governance.models.approvals import Authorisation
from registry.models import ModelVersion, User
from registry.models.base import Fact


class DossierSchedule(Fact):
    """Dossiers that are asked for again and again, and mailed to people."""

    class Every(models.TextChoices):
        MONTHLY = "monthly", _("Every month")
        QUARTERLY = "quarterly", _("Every quarter")
        YEARLY = "yearly", _("Every year")

    # A slug, or a pattern such as credit-*: one dossier for each model.
    models_pattern = models.CharField(max_length=200)
    every = models.CharField(max_length=16, choices=Every)
    language = models.CharField(max_length=8, default="en")
    first_on = models.DateField()
    next_on = models.DateField()
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.models_pattern} {self.every}"


class DossierRecipient(Fact):
    """Somebody who is mailed the dossiers of a schedule."""

    schedule = models.ForeignKey(
        DossierSchedule, models.PROTECT, related_name="recipients"
    )
    person = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["person__username"]
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "person"], name="one_recipient_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person}"


class Dossier(Fact):
    """A request for a PDF, and the file when it is ready.

    About one version; of the variant `authorisation` about one right of it to run; of
    the variant `portfolio` about all models, or those whose owners are of the unit
    `scope`. `withheld` names what outside readers do not see (dossier.redaction): then
    `disclosure` has it, with the salts that come from `seed`, for insiders only.
    """

    log_secrets: ClassVar[tuple[str, ...]] = ("seed", "disclosure")

    class Paper(models.TextChoices):
        A4 = "A4", "A4"
        LETTER = "letter", "Letter"

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for a worker")
        RUNNING = "running", _("Being built")
        FINISHED = "finished", _("Ready")
        FAILED = "failed", _("Failed")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, related_name="dossiers"
    )
    authorisation = models.ForeignKey(
        Authorisation, models.PROTECT, null=True, related_name="dossiers"
    )
    scope = models.CharField(max_length=200, blank=True, default="")
    paper = models.CharField(max_length=8, choices=Paper, default=Paper.A4)
    withheld = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    seed = models.CharField(max_length=64, blank=True, default="")
    disclosure = models.TextField(blank=True, default="")
    variant = models.CharField(max_length=32, default="version")
    language = models.CharField(max_length=8, default="en")
    as_of = models.DateTimeField()
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress = models.FloatField(default=0.0)
    failure = models.TextField(blank=True)
    pdf_name = models.CharField(max_length=255, blank=True)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    # Of the PDF before it was sealed: the same in every build of this row.
    unsealed_sha256 = models.CharField(max_length=64, blank=True)
    # Of dossier.json: the content hash on the cover.
    document_sha256 = models.CharField(max_length=64, blank=True)
    document = models.TextField(blank=True)
    seal_key_id = models.CharField(max_length=64, blank=True)
    # Of ETSI EN 319 142-1: B-B, or B-T with a time stamp; empty: without a seal.
    seal_level = models.CharField(max_length=8, blank=True)
    seal_note = models.TextField(blank=True)
    bundle_name = models.CharField(max_length=255, blank=True)
    bundle_sha256 = models.CharField(max_length=64, blank=True)
    # 0: the whole; else which of the parts of one that was too large.
    part = models.PositiveSmallIntegerField(default=0)
    too_large = models.BooleanField(default=False)
    schedule = models.ForeignKey(
        DossierSchedule, models.PROTECT, null=True, related_name="dossiers"
    )
    due_on = models.DateField(null=True)
    # When its files were removed, because nobody must keep them any longer.
    removed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at"]
        indexes = [
            models.Index(fields=["pdf_sha256"]),
            models.Index(fields=["document_sha256"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "due_on", "version"], name="asked_once_when_due"
            ),
            models.CheckConstraint(
                condition=Q(variant="portfolio", version=None)
                | (~Q(variant="portfolio") & Q(version__isnull=False)),
                name="dossier_is_about_a_version_or_a_portfolio",
            ),
            models.CheckConstraint(
                condition=Q(variant="authorisation", authorisation__isnull=False)
                | (~Q(variant="authorisation") & Q(authorisation=None)),
                name="dossier_of_an_authorisation_names_it",
            ),
        ]

    def __str__(self) -> str:
        return f"dossier of {self.about}"

    @property
    def about(self) -> str:
        """What it is about, in words."""
        if self.version is None:
            return f"{_('Portfolio')} {self.scope}".strip()
        return str(self.version)

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        if self.version is None:
            return f"portfolio-{self.as_of:%Y-%m-%d}"
        name = f"{self.version.model.slug}-{self.version.version}"
        if self.authorisation is not None:
            name += f"-{self.authorisation.environment.slug}"
        return f"{name}-withheld" if self.withheld else name


class DossierMail(Fact):
    """That somebody was mailed a dossier, or why not."""

    append_only = True

    dossier = models.ForeignKey(Dossier, models.PROTECT, related_name="mails")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    mailed_at = models.DateTimeField()
    refusal = models.TextField(blank=True)

    class Meta:
        ordering = ["-mailed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["dossier", "person"], name="dossier_mailed_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.dossier}: {self.person}"
