"""Policy packs: their parts, how they are read, what binds, and which are in force."""

from governance.policy.checks import Check
from governance.policy.force import NoPolicy, current_pack
from governance.policy.pack import Citation, Pack, Rule, Seat
from governance.policy.parsing import (
    FIRST_POLICY,
    SHIPPED,
    InvalidPack,
    parse,
)
from governance.policy.set_up import publish

__all__ = [
    "FIRST_POLICY",
    "SHIPPED",
    "Check",
    "Citation",
    "InvalidPack",
    "NoPolicy",
    "Pack",
    "Rule",
    "Seat",
    "current_pack",
    "parse",
    "publish",
]
