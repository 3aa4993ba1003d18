"""What an installation needs before its first act: matrices, policy, retention."""

from datetime import datetime

from governance import access, keeping, matrices, policy
from governance.models import PolicyPack
from registry.acts import acting, through


def install(*, at: datetime) -> None:
    """Publish the built-in matrices, policy and retention rules where missing."""
    with through("set-up"):
        by = access.system_user()
        with acting(by=by, reason="installation"):
            matrices.publish_built_in(by=by, at=at)
            keeping.set_shipped_rules(by=by, at=at)
        if not PolicyPack.objects.exists():
            text = policy.FIRST_POLICY.read_text("utf-8")
            policy.publish(text=text, by=by, at=at)
