"""What an installation needs before its first act: matrices and a policy."""

from datetime import datetime

from governance import access, policy, risk
from governance.models import PolicyPack
from registry.acts import acting, through


def install(*, at: datetime) -> None:
    """Publish the built-in matrices and the first policy where they are missing."""
    with through("set-up"):
        by = access.system_user()
        with acting(by=by, reason="installation"):
            risk.publish_built_in(by=by, at=at)
        if not PolicyPack.objects.exists():
            text = policy.FIRST_POLICY.read_text("utf-8")
            policy.publish(text=text, by=by, at=at)
