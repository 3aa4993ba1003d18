"""Waivers: requested by the owner, signed by the second line, revoked, renewed once."""

from governance.waiving.requesting import renew, renewable, request, revoke
from governance.waiving.signing import (
    open_seats,
    refuse,
    role_to_sign,
    sign,
    signatures_by,
    signatures_of,
    statement,
)
from governance.waiving.terms import NoSeat, NotWaivable, SameHand, Wish, WrongState

__all__ = [
    "NoSeat",
    "NotWaivable",
    "SameHand",
    "Wish",
    "WrongState",
    "open_seats",
    "refuse",
    "renew",
    "renewable",
    "request",
    "revoke",
    "role_to_sign",
    "sign",
    "signatures_by",
    "signatures_of",
    "statement",
]
