"""The auditor's room: access for a time, questions and answers, random samples."""

from governance.auditing.accesses import CannotGive, end_access, give_access
from governance.auditing.drawing import CannotDraw, Wish, ask_sample, draw
from governance.auditing.files import file_of
from governance.auditing.requests import (
    CannotAsk,
    answer,
    ask,
    close,
    reopen,
    requests_for,
)

__all__ = [
    "CannotAsk",
    "CannotDraw",
    "CannotGive",
    "Wish",
    "answer",
    "ask",
    "ask_sample",
    "close",
    "draw",
    "end_access",
    "file_of",
    "give_access",
    "reopen",
    "requests_for",
]
