"""The gate: may this version run here? It denies unless everything says yes."""

from governance.gate.asking import AmbiguousQuestion, Question, check_question
from governance.gate.checking import log_check
from governance.gate.deciding import checks_of, decide, examine
from governance.gate.migrated import NotMigrated, require_migrated

__all__ = [
    "AmbiguousQuestion",
    "NotMigrated",
    "Question",
    "check_question",
    "checks_of",
    "decide",
    "examine",
    "log_check",
    "require_migrated",
]
