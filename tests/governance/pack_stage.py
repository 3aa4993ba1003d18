"""A stage on which one shipped pack alone is in force."""

from governance import access, policy
from governance.models import PackEnd
from governance.policy import SHIPPED
from tests.world import NOW, World


def only(name: str) -> World:
    """The cast under this shipped pack; the first policy has ended."""
    world = World()
    system = access.system_user()
    text = (SHIPPED / f"{name}.yaml").read_text("utf-8")
    policy.publish(text=text, by=system, at=NOW)
    PackEnd.objects.create(
        slug="first-policy",
        ends_at=NOW,
        reason=f"Replaced by {name}.",
        decided_by=system,
        decided_at=NOW,
        sequence=1,
    )
    return world
