"""Pipelines that come in with a token of their own server, and no secret of ours."""

from governance.identities.entering import authenticate
from governance.identities.fetching import IssuerUnreachable
from governance.identities.terms import TERMS
from governance.identities.tokens import looks_like_one
from governance.identities.trusting import (
    SameHand,
    Wish,
    WrongState,
    confirm,
    end,
    propose,
    statement,
)

__all__ = [
    "TERMS",
    "IssuerUnreachable",
    "SameHand",
    "Wish",
    "WrongState",
    "authenticate",
    "confirm",
    "end",
    "looks_like_one",
    "propose",
    "statement",
]
