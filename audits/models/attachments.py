"""Evidence that somebody else made: who may vouch for it, and what was attached."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from registry.models import Artifact, ModelVersion, User
from registry.models.base import SHA256, SLUG, Fact


class EvidenceSigner(Fact):
    """A party outside of Freigabe whose Ed25519 signature on evidence is accepted.

    `public_key` is the raw key in base64. A revoked signer's older attachments stay;
    nothing new is accepted.
    """

    slug = models.CharField(max_length=80, unique=True, validators=[SLUG])
    name = models.CharField(max_length=200)
    public_key = models.CharField(max_length=64, unique=True)
    registered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()
    revoked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revocation_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None)
                | (Q(revoked_by__isnull=False) & ~Q(revocation_reason="")),
                name="signer_revoked_with_reason",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ForeignEvidence(Fact):
    """A document about a version that Freigabe did not compute: a validator's report,
    an in-toto test result. Typed, signed, with its provenance; never changed.

    It is signed either by a registered outside party (`signer`, a DSSE envelope over
    an in-toto Statement that names the version's digest) or by the person who attached
    it (`statement`, re-authenticated; 21 CFR 11.50). `record_sha256` binds the file,
    the version, the type, the provenance and the signature to each other.
    """

    append_only: ClassVar[bool] = True

    class Outcome(models.TextChoices):
        PASSED = "passed", _("Passed")
        WARNED = "warned", _("Passed with warnings")
        FAILED = "failed", _("Failed")
        NONE = "none", _("No verdict")

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="foreign_evidence"
    )
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.NONE)
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="+")
    produced_by = models.CharField(max_length=200)
    produced_on = models.DateField()
    tool = models.CharField(max_length=200, blank=True)
    predicate_type = models.CharField(max_length=200, blank=True)
    signer = models.ForeignKey(
        EvidenceSigner, models.PROTECT, null=True, related_name="attachments"
    )
    statement = models.TextField(blank=True)
    record_sha256 = models.CharField(max_length=64, validators=[SHA256], unique=True)
    attached_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    attached_at = models.DateTimeField()

    class Meta:
        ordering = ["-attached_at"]
        constraints = [
            models.CheckConstraint(
                condition=~(Q(signer=None) & Q(statement="")),
                name="foreign_evidence_is_signed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.kind})"
