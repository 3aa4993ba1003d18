"""Approval requests, signatures, and the authorisations that they create."""

import json
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from governance.models.delegations import Delegation
from governance.models.risk import RiskAssessment
from governance.models.signatures import SignedAct
from registry.models import Environment, ModelVersion, User
from registry.models.base import SHA256, Fact


class ApprovalRequest(Fact):
    """The question whether a version may run in an environment.

    `subject` is the canonical JSON of everything that is judged: version, evidence
    reports, assessment and packs, each by digest. Signatures count only while a fresh
    computation gives the same `subject_sha256`. `valid_until` asks for an earlier end
    than the policy allows, as for a pilot.
    """

    append_only: ClassVar[bool] = True

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="approval_requests"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="approval_requests"
    )
    assessment = models.ForeignKey(RiskAssessment, models.PROTECT, related_name="+")
    subject = models.TextField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    comment = models.TextField(blank=True)
    valid_until = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-requested_at", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "environment", "sequence"],
                name="one_request_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["-requested_at", "-sequence"], name="newest_requests")
        ]

    def __str__(self) -> str:
        return f"{self.version} for {self.environment}"

    @property
    def packs(self) -> list[dict[str, Any]]:
        """The packs that it was submitted under: `id`, `sha256`, `early_adoption`."""
        judged = json.loads(self.subject)
        found: list[dict[str, Any]] = (
            [judged["pack"]] if self.of_an_earlier_form else judged["packs"]
        )
        return found

    @property
    def of_an_earlier_form(self) -> bool:
        """Whether a Freigabe wrote it whose signatures covered less, and one pack."""
        return "packs" not in json.loads(self.subject)

    @property
    def pack_names(self) -> str:
        """The packs that it was submitted under, in words."""
        return ", ".join(pack["id"] for pack in self.packs)


class Signature(SignedAct):
    """One person's signed act on an approval request.

    What separation of duties warned of, and for whom it was signed by delegation, is
    part of the statement. `warned` holds the numbers of those rules.
    """

    warned = ArrayField(models.PositiveSmallIntegerField(), default=list)

    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, related_name="signatures"
    )
    signed_by = models.ForeignKey(User, models.PROTECT, related_name="signatures")
    delegation = models.ForeignKey(
        Delegation, models.PROTECT, null=True, related_name="signatures"
    )

    class Meta:
        ordering = ["signed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "signed_by"], name="one_signature_per_person"
            )
        ]


class SignatureAttempt(Fact):
    """A failed attempt to sign (21 CFR 11.300(d)); too many lock the signer out.

    `request` is None where something else than an approval was to be signed.
    """

    append_only: ClassVar[bool] = True

    request = models.ForeignKey(
        ApprovalRequest, models.PROTECT, null=True, related_name="failed_attempts"
    )
    attempted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    attempted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"failed attempt by {self.attempted_by}"


class Withdrawal(Fact):
    """A request taken back by who asked, or sent back by who would have signed.

    `returned` says the latter: changes are requested (decisions.md 3.5).
    """

    append_only: ClassVar[bool] = True

    request = models.OneToOneField(
        ApprovalRequest, models.PROTECT, related_name="withdrawal"
    )
    reason = models.TextField()
    returned = models.BooleanField(default=False)
    withdrawn_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"withdrawal of {self.request}"


class Authorisation(Fact):
    """The right of a version to run in an environment until a date.

    The gate reads only these. It is created when the last signature completes the
    quorum and is bound to the artifact's digest.
    """

    append_only: ClassVar[bool] = True

    request = models.OneToOneField(
        ApprovalRequest, models.PROTECT, related_name="authorisation"
    )
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="authorisations"
    )
    environment = models.ForeignKey(
        Environment, models.PROTECT, related_name="authorisations"
    )
    artifact_sha256 = models.CharField(max_length=64, validators=[SHA256])
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()

    class Meta:
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")),
                name="authorisation_ends_after_it_began",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} in {self.environment} until {self.valid_until:%Y-%m-%d}"


class AuthorisationChange(Fact):
    """Suspension, reinstatement, revocation or superseding of an authorisation.

    `superseded_by` is the authorisation of the newer version that runs in its place.
    """

    append_only: ClassVar[bool] = True

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        REVOKED = "revoked", _("Revoked")
        SUPERSEDED = "superseded", _("Superseded")

    authorisation = models.ForeignKey(
        Authorisation, models.PROTECT, related_name="changes"
    )
    state = models.CharField(max_length=16, choices=State)
    superseded_by = models.ForeignKey(
        Authorisation, models.PROTECT, null=True, related_name="superseded"
    )
    reason = models.TextField()
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["authorisation", "sequence"],
                name="one_authorisation_change_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state="superseded", superseded_by__isnull=False)
                | (~Q(state="superseded") & Q(superseded_by=None)),
                name="superseded_by_a_newer_authorisation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authorisation}: {self.state}"
