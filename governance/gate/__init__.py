"""The gate: may this version run here? It denies unless everything says yes."""

from governance.gate.asking import AmbiguousQuestion, Question, check_question
from governance.gate.checking import log_check
from governance.gate.deciding import checks_of, decide, examine

__all__ = [
    "AmbiguousQuestion",
    "Question",
    "check_question",
    "checks_of",
    "decide",
    "examine",
    "log_check",
]
