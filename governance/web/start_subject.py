"""Which version the first steps are about, and whether people are there for them."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from django.db.models import F, QuerySet
from django.urls import reverse

from governance.models import ApprovalRequest, Signature
from governance.web.start_calls import Names
from registry.models import ModelVersion, RegisteredModel, Role, RoleAssignment

MAKERS = (Role.OWNER, Role.DEVELOPER, Role.RISK_MANAGER)
NEEDED = (*MAKERS, Role.VALIDATOR, Role.APPROVER)


@dataclass(frozen=True)
class Subject:
    """A model, its version, and the request that leads on, as far as they are there."""

    model: RegisteredModel | None = None
    version: ModelVersion | None = None
    asked: ApprovalRequest | None = None

    @property
    def names(self) -> Names:
        """How calls name it."""
        if self.model is None:
            return Names()
        if self.version is None:
            return Names(self.model.slug)
        if self.asked is None:
            return Names(self.model.slug, self.version.version)
        environment = self.asked.environment.slug
        return Names(self.model.slug, self.version.version, environment)

    @property
    def pages(self) -> tuple[str, str, str]:
        """The pages of model, version and request, or what leads to them."""
        approvals = reverse("web:approvals")
        if self.model is None:
            return reverse("web:inventory"), reverse("web:inventory"), approvals
        model = reverse("web:model", args=[self.model.slug])
        if self.version is None:
            return model, model, approvals
        version = reverse("web:version", args=[self.model.slug, self.version.version])
        if self.asked is None:
            return model, version, approvals
        return model, version, reverse("web:approval", args=[self.asked.pk])


def leading_on() -> QuerySet[ApprovalRequest]:
    """The requests that are open or granted: neither taken back nor rejected."""
    return ApprovalRequest.objects.filter(withdrawal=None).exclude(
        signatures__meaning=Signature.Meaning.REJECTION
    )


def nearest() -> Subject:
    """What is nearest to a permit: authorised, else asked for, else registered last."""
    asked = (
        leading_on()
        .select_related("version__model", "environment")
        .order_by(
            F("authorisation__valid_from").desc(nulls_last=True),
            "-requested_at",
            "-sequence",
        )
        .first()
    )
    if asked is not None:
        return Subject(asked.version.model, asked.version, asked)
    newest = "-registered_at"
    version = ModelVersion.objects.select_related("model").order_by(newest).first()
    if version is not None:
        return Subject(version.model, version)
    return Subject(RegisteredModel.objects.order_by(newest).first())


def holders() -> dict[Role, set[UUID]]:
    """The people who hold each role that the first permit needs."""
    found: dict[Role, set[UUID]] = defaultdict(set)
    rows = RoleAssignment.objects.filter(
        role__in=NEEDED, ended_at=None, user__is_active=True, user__is_machine=False
    )
    for role, person in rows.values_list("role", "user_id"):
        found[Role(role)].add(person)
    return found


def apart(held: dict[Role, set[UUID]]) -> bool:
    """Whether one can review and another approve what neither of them made, asked for
    or assessed (separation of duties, rules 1, 2, 3 and 17)."""
    return any(
        all(held[role] - {validator, approver} for role in MAKERS)
        for validator, approver in product(held[Role.VALIDATOR], held[Role.APPROVER])
        if validator != approver
    )
