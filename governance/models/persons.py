"""Which human stands behind an account: identifiers of it, and what people declare."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from registry.models import User
from registry.models.base import Fact


class PersonIdentity(Fact):
    """An identifier by which one human is known outside Freigabe.

    `value` is kept in its normal form. `issuer` says whose identifier it is: the
    identity provider's URL of a `subject`, the directory of an `external-id` (SCIM,
    RFC 7643, 3.1); empty for an e-mail address.
    """

    log_personal: ClassVar[tuple[str, ...]] = ("value",)

    class Kind(models.TextChoices):
        EXTERNAL_ID = "external-id", _("SCIM external id or personnel number")
        SUBJECT = "subject", _("Subject at the identity provider")
        EMAIL = "email", _("Verified e-mail address")

    user = models.ForeignKey(User, models.PROTECT, related_name="identities")
    kind = models.CharField(max_length=16, choices=Kind)
    issuer = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=320)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["user__username", "kind", "issuer", "value"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "issuer", "value"],
                condition=Q(ended_at=None),
                name="identity_recorded_once",
            )
        ]
        indexes = [models.Index(fields=["kind", "value"], name="identities_by_value")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"


class PersonLink(Fact):
    """What a second-line person declares about two accounts; the newest counts.

    `first` has the smaller id, so that each pair has one history.
    """

    append_only: ClassVar[bool] = True

    first = models.ForeignKey(User, models.PROTECT, related_name="+")
    second = models.ForeignKey(User, models.PROTECT, related_name="+")
    same = models.BooleanField()
    reason = models.TextField()
    declared_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["first", "second", "sequence"],
                name="one_declaration_of_a_pair_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(first__lt=F("second")), name="pair_in_order_of_ids"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} {'is' if self.same else 'is not'} {self.second}"
