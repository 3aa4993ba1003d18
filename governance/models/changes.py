"""Change plans: what may change later by the light path, and what was changed."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import ModelVersion, User
from registry.models.base import SHA256, Fact

# More than these minor changes are a material one, whatever each of them was.
MOST_CHANGES = 12


class ChangePlan(Fact):
    """What may change in later versions, within which limits, until when.

    It is judged with `version`: the approval of that version covers its digest, see
    `planned.digest`. `limits` are the bounds of measurements, as lists of `kind`,
    `name`, `group`, `at_least`, `at_most` by name; `baseline` is what must stay the
    same, see `planned.traits`. Both are of the version that the plan came with, never
    of a later one, so that many small changes do not add up to a large one. `tier` is
    the one that bound when it was filed.
    """

    append_only: ClassVar[bool] = True

    version = models.ForeignKey(
        ModelVersion, models.PROTECT, related_name="change_plans"
    )
    changes = models.TextField()
    protocol = models.TextField()
    impact = models.TextField()
    limits = models.JSONField()
    baseline = models.JSONField()
    most_changes = models.PositiveSmallIntegerField()
    tier = models.PositiveSmallIntegerField()
    valid_until = models.DateTimeField()
    subject_sha256 = models.CharField(max_length=64, validators=[SHA256])
    filed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-filed_at", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "sequence"], name="one_change_plan_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("filed_at")),
                name="change_plan_ends_after_it_was_filed",
            ),
            models.CheckConstraint(
                condition=Q(most_changes__gte=1, most_changes__lte=MOST_CHANGES),
                name="change_plan_allows_few_changes",
            ),
        ]

    def __str__(self) -> str:
        return f"change plan of {self.version}"


class ChangePlanEnd(Fact):
    """A change plan ended before its time; it never comes back."""

    append_only: ClassVar[bool] = True

    plan = models.OneToOneField(ChangePlan, models.PROTECT, related_name="end")
    reason = models.TextField()
    ended_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"end of {self.plan}"


class ChangeRecord(Fact):
    """That a version is a minor change inside a plan, as its makers say.

    Whether it is, is checked when it is submitted and at every signature.
    """

    append_only: ClassVar[bool] = True

    version = models.OneToOneField(
        ModelVersion, models.PROTECT, related_name="change_record"
    )
    plan = models.ForeignKey(ChangePlan, models.PROTECT, related_name="records")
    changed = models.TextField()
    reason = models.TextField()
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()

    class Meta:
        ordering = ["-recorded_at", "-sequence"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "sequence"], name="one_change_of_a_plan_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} under {self.plan}"
