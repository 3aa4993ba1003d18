"""GitHub, GitLab and Azure DevOps ask whether to go on, and are answered."""

from governance.forges.agreeing import (
    Place,
    SameHand,
    WrongState,
    confirm,
    end,
    end_place,
    propose,
    read,
    register,
    statement,
)
from governance.forges.answering import (
    CannotAnswer,
    answer_again,
    answer_next,
    decide_next,
)
from governance.forges.asked import LARGEST, NotGenuine, NotUnderstood, TooLarge
from governance.forges.receiving import Contradicted, find, receive
from governance.forges.replacing import replace_credential, replace_secret

__all__ = [
    "LARGEST",
    "CannotAnswer",
    "Contradicted",
    "NotGenuine",
    "NotUnderstood",
    "Place",
    "SameHand",
    "TooLarge",
    "WrongState",
    "answer_again",
    "answer_next",
    "confirm",
    "decide_next",
    "end",
    "end_place",
    "find",
    "propose",
    "read",
    "receive",
    "register",
    "replace_credential",
    "replace_secret",
    "statement",
]
