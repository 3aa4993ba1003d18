"""Single sign-on of people: who came in, and who was asked again before signing."""

from governance.single_sign_on.acts import answer, enter, fail
from governance.single_sign_on.claims import Claims, NotProven, read
from governance.single_sign_on.provider import Trip, begin, key_for, redeem

__all__ = [
    "Claims",
    "NotProven",
    "Trip",
    "answer",
    "begin",
    "enter",
    "fail",
    "key_for",
    "read",
    "redeem",
]
