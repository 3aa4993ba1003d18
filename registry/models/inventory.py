"""The inventory: registered models, their versions and artifacts."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models.base import (
    ANNEX_III_POINT,
    JURISDICTION,
    SHA256,
    SLUG,
    VERSION,
    Fact,
)
from registry.models.people import User


class RegisteredModel(Fact):
    """A model as an entry of the inventory.

    The fields are those of SR 11-7, section VI (rescinded by SR 26-2, still the most
    precise list), with the EU AI Act's risk class.
    """

    class AIActClass(models.TextChoices):
        NOT_ASSESSED = "not-assessed", _("Not assessed yet")
        MINIMAL = "minimal", _("Minimal risk")
        TRANSPARENCY = "transparency", _("Transparency duties (Art. 50)")
        HIGH_ANNEX_I = "high-annex-i", _("High risk (Annex I)")
        HIGH_ANNEX_III = "high-annex-iii", _("High risk (Annex III)")
        PROHIBITED = "prohibited", _("Prohibited practice (Art. 5)")

    class AIActRole(models.TextChoices):
        PROVIDER = "provider", _("Provider")
        DEPLOYER = "deployer", _("Deployer")
        IMPORTER = "importer", _("Importer")
        DISTRIBUTOR = "distributor", _("Distributor")
        MANUFACTURER = "product-manufacturer", _("Product manufacturer")
        REPRESENTATIVE = "representative", _("Authorised representative")

    class PurposeClass(models.TextChoices):
        DECISION = "decision", _("Decisions about customers or staff")
        PRICING = "pricing", _("Pricing and valuation")
        RISK = "risk", _("Risk measurement and capital")
        REPORTING = "reporting", _("Financial or regulatory reporting")
        OPERATIONS = "operations", _("Operations and support")

    class AedtOutput(models.TextChoices):
        SELECTION = "selection", _("Selects or classifies people")
        SCORE = "score", _("Scores or ranks people")

    slug = models.CharField(max_length=80, unique=True, validators=[SLUG])
    name = models.CharField(max_length=200)
    purpose = models.TextField()
    products = models.TextField(blank=True)
    expected_use = models.TextField(blank=True)
    actual_use = models.TextField(blank=True)
    restrictions = models.TextField(blank=True)
    limitations = models.TextField(blank=True)
    inputs = models.TextField(blank=True)
    outputs = models.TextField(blank=True)
    components = models.TextField(blank=True)
    affected_people = models.TextField(blank=True)
    ai_system = models.CharField(max_length=200, blank=True)
    vendor = models.CharField(max_length=200, blank=True)
    foundation_model = models.CharField(max_length=200, blank=True)
    jurisdictions = ArrayField(
        models.CharField(max_length=16, validators=[JURISDICTION]),
        default=list,
        blank=True,
    )
    ai_act_class = models.CharField(
        max_length=16, choices=AIActClass, default=AIActClass.NOT_ASSESSED
    )
    affects_people = models.BooleanField(default=True)
    personal_data = models.BooleanField(default=True)
    # None means that nobody has decided yet: a rule that asks then fails.
    is_model = models.BooleanField(null=True, blank=True)
    generative = models.BooleanField(default=False)
    exposure = models.TextField(blank=True)
    purpose_class = models.CharField(max_length=16, choices=PurposeClass, blank=True)
    third_party_components = models.BooleanField(null=True, blank=True)
    ai_act_role = models.CharField(max_length=24, choices=AIActRole, blank=True)
    annex_iii_point = models.CharField(
        max_length=2, blank=True, validators=[ANNEX_III_POINT]
    )
    profiling = models.BooleanField(null=True, blank=True)
    art6_3_claimed = models.BooleanField(default=False)
    art50_applicable = models.BooleanField(null=True, blank=True)
    fria_required = models.BooleanField(null=True, blank=True)
    dpia_required = models.BooleanField(null=True, blank=True)
    special_categories_used = models.BooleanField(null=True, blank=True)
    aedt = models.BooleanField(null=True, blank=True)
    aedt_output = models.CharField(max_length=12, choices=AedtOutput, blank=True)
    gxp = models.BooleanField(null=True, blank=True)
    credit = models.BooleanField(default=False)
    validation_planned_on = models.DateField(null=True, blank=True)
    owner = models.ForeignKey(User, models.PROTECT, related_name="models_owned")
    developer = models.ForeignKey(User, models.PROTECT, related_name="models_developed")
    validator = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="models_validated"
    )
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_until__gt=F("valid_from")),
                name="model_validity_ends_after_it_began",
                violation_error_message=_("Validity must end after it begins."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Artifact(Fact):
    """A stored file, known by its content. The same bytes are one artifact."""

    append_only: ClassVar[bool] = True

    sha256 = models.CharField(max_length=64, unique=True, validators=[SHA256])
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    format = models.CharField(max_length=32)
    file_name = models.CharField(max_length=255)
    storage_name = models.CharField(max_length=255)
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.file_name} {self.sha256[:12]}"


class ModelVersion(Fact):
    """One immutable set of artifacts and data, with the digest of its manifest.

    `positive_class`, `favourable` and `threshold` say how its scores become outcomes.
    They are fixed here, so that nobody measures at a threshold that flatters:
    `positive_class` is the target's class that a score stands for, `favourable` is 1
    when that class is good for the person and 0 when it is bad, and a score at or above
    `threshold` counts as positive.
    """

    append_only: ClassVar[bool] = True

    model = models.ForeignKey(RegisteredModel, models.PROTECT, related_name="versions")
    version = models.CharField(max_length=64, validators=[VERSION])
    method = models.CharField(max_length=200, blank=True)
    notes = models.TextField(blank=True)
    positive_class = models.CharField(max_length=100, default="1")
    favourable = models.PositiveSmallIntegerField(
        default=1, validators=[MaxValueValidator(1)]
    )
    threshold = models.FloatField(
        default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    run = models.ForeignKey(
        "registry.Run",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="versions",
    )
    developer = models.ForeignKey(User, models.PROTECT, related_name="+")
    manifest = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256], db_index=True)
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["-registered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "version"], name="version_registered_once"
            )
        ]
        # The rows are wide; many pages ask of which models some versions are.
        indexes = [
            models.Index(fields=["id"], include=["model"], name="models_of_versions")
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


class VersionArtifact(Fact):
    """The part that an artifact plays in a version: the model itself, or a document."""

    append_only: ClassVar[bool] = True

    class Part(models.TextChoices):
        MODEL = "model", _("Model")
        DOCUMENT = "document", _("Document")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="version_artifacts"
    )
    artifact = models.ForeignKey(
        Artifact, models.PROTECT, related_name="version_artifacts"
    )
    role = models.CharField(max_length=16, choices=Part)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "artifact"], name="artifact_once_per_version"
            ),
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(role="model"),
                name="one_model_file_per_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.version}"
