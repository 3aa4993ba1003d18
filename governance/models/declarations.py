"""Declarations: what people state about a model, a version, a data set or all of it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audits.models import ForeignEvidence
from registry.models import Dataset, ModelVersion, RegisteredModel, Role, User
from registry.models.base import SHA256, Fact


class Declaration(Fact):
    """One signed statement; a newer one of the same kind and subject takes its place.

    It is about one model, version or data set, or about the installation when all three
    are empty. `person` is the person whom it concerns, for kinds that are made for each
    one. `fields` fits the schema of its kind; `valid_until` ends it early.
    """

    append_only: ClassVar[bool] = True

    kind = models.CharField(max_length=40)
    model = models.ForeignKey(
        RegisteredModel,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="declarations",
    )
    version = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="declarations",
    )
    dataset = models.ForeignKey(
        Dataset, models.PROTECT, null=True, blank=True, related_name="declarations"
    )
    person = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+"
    )
    fields = models.JSONField()
    attachment = models.ForeignKey(
        ForeignEvidence,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="declarations",
    )
    valid_until = models.DateField(null=True, blank=True)
    role = models.CharField(max_length=32, choices=Role)
    statement = models.TextField()
    record_sha256 = models.CharField(max_length=64, validators=[SHA256], unique=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-made_at", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "model", "version", "dataset", "person", "sequence"],
                nulls_distinct=False,
                name="one_declaration_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(version=None, dataset=None)
                | Q(model=None, dataset=None)
                | Q(model=None, version=None),
                name="declaration_about_one_thing",
                violation_error_message=_("A declaration is about one thing."),
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "-made_at"], name="declarations_by_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.made_by}"
