"""Policy packs: their parts, how they are read, what binds, and which are in force."""

from governance.policy.binding import Applying, Bound, applying, bound
from governance.policy.checks import Check
from governance.policy.force import InForce, NoPolicy, Shelf, in_force, shelf
from governance.policy.pack import Citation, Pack, Rule
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
    "Applying",
    "Bound",
    "Check",
    "Citation",
    "InForce",
    "InvalidPack",
    "NoPolicy",
    "Pack",
    "Rule",
    "Shelf",
    "applying",
    "bound",
    "in_force",
    "parse",
    "publish",
    "shelf",
]
