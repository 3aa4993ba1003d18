"""Webhooks as Standard Webhooks 1.0 signs them; the tables are the queue.

https://www.standardwebhooks.com: id, timestamp and HMAC-SHA256 in headers. What is
sent carries ids and links, no words and no names.
"""

from governance.webhooks.endpoints import (
    CannotChange,
    disable,
    enable,
    register,
    replace_secret,
)
from governance.webhooks.sending import (
    FAILURES_ALLOWED,
    TRIES,
    State,
    queue,
    redeliver,
    send_next,
)

__all__ = [
    "FAILURES_ALLOWED",
    "TRIES",
    "CannotChange",
    "State",
    "disable",
    "enable",
    "queue",
    "redeliver",
    "register",
    "replace_secret",
    "send_next",
]
