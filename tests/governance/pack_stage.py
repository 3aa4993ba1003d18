"""A stage on which shipped packs are in force and the first policy is not."""

from governance import access, policy
from governance.models import PackEnd
from governance.policy import SHIPPED
from tests.world import NOW, World


def only(*names: str) -> World:
    """The cast under these shipped packs; the first policy has ended."""
    world = World()
    system = access.system_user()
    for name in names:
        text = (SHIPPED / f"{name}.yaml").read_text("utf-8")
        policy.publish(text=text, by=system, at=NOW)
    PackEnd.objects.create(
        slug="first-policy",
        ends_at=NOW,
        reason=f"Replaced by {', '.join(names)}.",
        decided_by=system,
        decided_at=NOW,
        sequence=1,
    )
    return world
