"""What an external auditor may see: the models of the accesses that hold now."""

from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from governance.models import AuditAccess
from registry.models import RegisteredModel, Scope, User


class NoAccess(Exception):
    """Nobody gave this auditor an access that holds now."""


def in_force(at: datetime) -> QuerySet[AuditAccess]:
    """The accesses that hold at a moment: begun, not over, not ended before."""
    rows = AuditAccess.objects.filter(begins_at__lte=at, ends_at__gt=at)
    return rows.exclude(end__ended_at__lte=at)


def covered(access: AuditAccess) -> frozenset[str]:
    """The slugs of the models that an access is for, as the inventory is now."""
    rows = RegisteredModel.objects.values_list("slug", "owner__unit")
    return frozenset(slug for slug, unit in rows if _covers(access, slug, unit))


def slugs(user: User, at: datetime) -> frozenset[str]:
    """The models that the auditor may see, in two queries. Raises `NoAccess`."""
    held = list(in_force(at).filter(auditor=user))
    if not held:
        raise NoAccess(
            _(
                "No access of yours holds now. A risk manager or compliance officer "
                "gives one, for a time and for certain models."
            )
        )
    rows = RegisteredModel.objects.values_list("slug", "owner__unit")
    return frozenset(
        slug for slug, unit in rows if any(_covers(row, slug, unit) for row in held)
    )


def narrow(user: User) -> None:
    """Bound the user, in memory, to what they may see now. Raises `NoAccess`."""
    found = slugs(user, timezone.now())
    user.scope = replace(user.scope or Scope(), models=found)


def _covers(access: AuditAccess, slug: str, unit: str) -> bool:
    named = any(fnmatchcase(slug, pattern) for pattern in access.models_patterns)
    return named or (bool(unit) and unit in access.units)
