"""What made Freigabe look again: triggers, and the facts that only people know."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from governance.models.findings import Finding
from registry.models import ModelVersion, RegisteredModel, User
from registry.models.base import Fact


class TriggerEvent(Fact):
    """One cause that was seen and acted on, once (decisions.md 3.6).

    `key` names the cause within its kind, so that the same cause never acts twice.
    """

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        NEW_VERSION = "new-version", _("New version")
        DIGEST_MISMATCH = "digest-mismatch", _("Another file at the gate")
        PLANNED_CHANGE = "planned-change", _("Change inside the change plan")
        DRIFT = "drift", _("Drift")
        FAIRNESS = "fairness", _("Fairness limit crossed")
        RISK_CHANGE = "risk-change", _("Risk, use or jurisdiction changed")
        APPROVAL_EXPIRY = "approval-expiry", _("Approval expired")
        EVIDENCE_EXPIRY = "evidence-expiry", _("Evidence expired")
        POLICY_CHANGE = "policy-change", _("Policy or law changed")
        UPSTREAM_CHANGE = "upstream-change", _("Upstream model or data changed")
        SERIOUS_INCIDENT = "serious-incident", _("Serious incident")
        WAIVER_EXPIRY = "waiver-expiry", _("Waiver expired")
        VENDOR = "vendor", _("Vendor's change or end of support")
        PERSON_LEFT = "person-left", _("Holder of a role left")
        KEY_COMPROMISED = "key-compromised", _("Key compromised")
        EXPLAINER_CHANGE = "explainer-change", _("Explainer changed")
        REVIEW_OVERDUE = "review-overdue", _("Review overdue")

    class Effect(models.TextChoices):
        NOTICE = "notice", _("Notice")
        FINDING = "finding", _("Finding")
        SUSPENSION = "suspension", _("Suspension")
        REVOCATION = "revocation", _("Revocation")

    kind = models.CharField(max_length=20, choices=Kind)
    key = models.CharField(max_length=300)
    effect = models.CharField(max_length=12, choices=Effect)
    model = models.ForeignKey(
        RegisteredModel, models.PROTECT, null=True, related_name="trigger_events"
    )
    version = models.ForeignKey(
        ModelVersion, models.PROTECT, null=True, related_name="trigger_events"
    )
    finding = models.ForeignKey(
        Finding, models.PROTECT, null=True, related_name="trigger_events"
    )
    text = models.TextField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="one_event_per_cause")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class VendorNotice(Fact):
    """What a vendor announced about a model: a change, or the end of its support."""

    append_only: ClassVar[bool] = True

    model = models.ForeignKey(
        RegisteredModel, models.PROTECT, related_name="vendor_notices"
    )
    text = models.TextField()
    support_ends_on = models.DateField(null=True, blank=True)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return f"{self.model}: {self.text[:80]}"


class KeyCompromise(Fact):
    """A key that somebody else may hold: nothing that it signed counts any more."""

    append_only: ClassVar[bool] = True

    key_id = models.CharField(max_length=64, unique=True)
    reason = models.TextField()
    reported_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key_id
