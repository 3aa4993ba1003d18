"""Submitting a version, signing, rejecting, taking back and sending back a request."""

from governance.approvals.asking import (
    request_changes,
    require_returner,
    require_withdrawer,
    submit,
    withdraw,
)
from governance.approvals.locked import CommentNeeded, NotReady
from governance.approvals.signing import Wanted, authorise, sign, sign_batch
from governance.eligibility import NoSeat, NotOpen, SameHand

__all__ = [
    "CommentNeeded",
    "NoSeat",
    "NotOpen",
    "NotReady",
    "SameHand",
    "Wanted",
    "authorise",
    "request_changes",
    "require_returner",
    "require_withdrawer",
    "sign",
    "sign_batch",
    "submit",
    "withdraw",
]
