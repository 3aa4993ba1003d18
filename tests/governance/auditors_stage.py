"""Somebody from outside who audits, and what they are let see."""

from datetime import timedelta

from django.utils import timezone

from governance import access, auditing, roles
from registry.models import Role, User
from tests.world import LONG_AGO, World


def outsider(name: str = "iris") -> User:
    """Somebody from outside whom the platform made an external auditor."""
    person = User.objects.create_user(name, first_name="Iris", last_name="Outer")
    roles.grant(
        user=person, role=Role.EXTERNAL_AUDITOR, by=access.system_user(), at=LONG_AGO
    )
    return person


def given(world: World, iris: User, *, days: int = 7, patterns=("mortgage-*",)):
    now = timezone.now()
    return auditing.give_access(
        auditor=iris,
        models_patterns=patterns,
        units=[],
        begins_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(days=days),
        reason="Audit of the year",
        by=world.rita,
        at=now,
    )


def staged() -> tuple[World, User]:
    """A model, and an external auditor without any access."""
    world = World()
    world.model()
    return world, outsider()
