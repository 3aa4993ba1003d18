"""Several signings in one continuous period of controlled access.

21 CFR 11.200(a)(1)(i): the first is executed with all components, later ones with at
least one that only the person can execute.
"""

from datetime import datetime, timedelta

from governance.models import SigningSeries
from registry.models import User

IDLE = timedelta(minutes=10)


def current(*, user: User, session_sha256: str, at: datetime) -> SigningSeries | None:
    """The open series of this log-in: its last signing is less than `IDLE` ago.

    A log-out ends it, because no later log-in has the same session.
    """
    if not session_sha256:
        return None
    rows = SigningSeries.objects.filter(user=user, session_sha256=session_sha256)
    row = rows.order_by("-begun_at").first()
    if row is None:
        return None
    last = row.uses.order_by("-used_at").first()
    latest = last.used_at if last is not None else row.begun_at
    return row if latest <= at < latest + IDLE else None


def go_on(*, user: User, session_sha256: str, method: str, at: datetime) -> None:
    """Note a signing within the open series, or begin one."""
    if not session_sha256:
        return
    row = current(user=user, session_sha256=session_sha256, at=at)
    if row is None:
        row = SigningSeries.objects.create(
            user=user, session_sha256=session_sha256, begun_at=at
        )
    row.uses.create(method=method, used_at=at)
