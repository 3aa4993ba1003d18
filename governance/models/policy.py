"""Policy packs: drafts, published versions, their ends, and early adoption of law."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models import User
from registry.models.base import SHA256, SLUG, Fact


class PackDraft(Fact):
    """A version of a pack in the making; its text is its latest revision."""

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    version = models.CharField(max_length=32)
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version"], name="one_draft_per_pack_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.version} (draft)"


class PackRevision(Fact):
    """The text of a draft as one author wrote it; all authors are in here for good."""

    append_only: ClassVar[bool] = True

    draft = models.ForeignKey(PackDraft, models.PROTECT, related_name="revisions")
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    comment = models.TextField(blank=True)
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["draft", "sequence"], name="one_revision_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.draft}, revision {self.sequence}"


class PackStep(Fact):
    """One move of a draft; where it stands is its latest row."""

    append_only: ClassVar[bool] = True

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        REVIEW = "review", _("In review")
        PUBLISHED = "published", _("Published")
        DISCARDED = "discarded", _("Discarded")

    draft = models.ForeignKey(PackDraft, models.PROTECT, related_name="steps")
    state = models.CharField(max_length=16, choices=State)
    reason = models.TextField(blank=True)
    moved_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    moved_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["draft", "sequence"], name="one_step_of_a_draft_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.draft}: {self.state}"


class PolicyPack(Fact):
    """One version of a rule set, as its exact YAML text; never edited, superseded.

    Until `grandfathered_until` authorisations that were granted before
    `effective_from` are judged by the version before it.
    """

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    version = models.CharField(max_length=32)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, validators=[SHA256])
    draft = models.OneToOneField(
        PackDraft, models.PROTECT, null=True, related_name="pack"
    )
    effective_from = models.DateTimeField()
    grandfathered_until = models.DateTimeField(null=True)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["slug", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "version"], name="pack_version_once"
            ),
            models.CheckConstraint(
                condition=Q(grandfathered_until=None)
                | Q(grandfathered_until__gte=F("effective_from")),
                name="grandfathering_ends_after_the_pack_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"


class PackEnd(Fact):
    """From when a pack is no longer in force, as last decided; None means no end.

    It ends the versions that were effective before it; a later version starts anew. One
    that is `proposed` decides nothing until another person's row `confirms` it.
    """

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    ends_at = models.DateTimeField(null=True)
    reason = models.TextField()
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()
    proposed = models.BooleanField(default=False)
    confirms = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="confirmation"
    )

    class Meta:
        ordering = ["slug", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "sequence"], name="one_end_of_a_pack_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} ends {self.ends_at or 'never'}"


class EarlyAdoption(Fact):
    """Whether rules of a pack bind before the law applies (decisions.md 3.2, 2).

    What is `proposed` decides nothing until another person's row `confirms` it.
    """

    append_only: ClassVar[bool] = True

    slug = models.CharField(max_length=80, validators=[SLUG])
    adopted = models.BooleanField()
    reason = models.TextField()
    decided_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()
    proposed = models.BooleanField(default=False)
    confirms = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="confirmation"
    )

    class Meta:
        ordering = ["slug", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "sequence"], name="one_adoption_of_a_pack_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug}: {'adopted early' if self.adopted else 'as the law says'}"
