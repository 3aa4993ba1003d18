"""What was judged a moment ago counts again while nothing changed and no time ran out.

Judging a version reads some hundred rows. Between two questions of a pipeline nothing
of it changes, and the log says so (`audits.stillness`). Remembered is only what passed,
in this process, for `WINDOW` at most; it is asked of the log at each use. The checks of
the question, the clock, the log and the key are never remembered.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from django.utils.translation import get_language

from audits import stillness
from governance.case import Case
from governance.gate.asking import Question, bare
from governance.policy import Check

WINDOW = timedelta(seconds=60)
MOST = 512
# Who asked, the answers, and what is told about them: nothing that it judges by.
UNJUDGED = (
    "public.governance_forgeattempt",
    "public.governance_forgerequest",
    "public.governance_gatedecision",
    "public.governance_deploymentsource",
    "public.governance_sourcerun",
    "public.governance_sighting",
    "public.governance_sightingend",
    "public.governance_rollback",
    "public.governance_idempotentreply",
    "public.governance_notification",
    "public.governance_signatureattempt",
    "public.governance_pipelinetoken",
    "public.governance_tokenuse",
)

# All that decides which version is meant, and the language of the answer.
Key = tuple[str, str, str, str, str | None]


@dataclass(frozen=True)
class Judged:
    """A case whose standing checks all passed, from its `at` until `until`."""

    case: Case
    checks: Sequence[Check]
    until: datetime
    moment: stillness.Moment


_kept: OrderedDict[Key, Judged] = OrderedDict()
_lock = Lock()


def recall(question: Question, at: datetime) -> Judged | None:
    """What was judged for this question, for `at`, too; it counts once `confirm`ed."""
    with _lock:
        found = _kept.get(_key(question))
    return found if found and found.case.at <= at < found.until else None


def confirm(
    question: Question, found: Judged | None, moment: stillness.Moment | None
) -> Judged | None:
    """The same, when nothing has changed by this moment; else it is forgotten.

    `moment` is None when something changed, or nobody can tell. While nothing changed,
    the question also means the same version and environment.
    """
    key = _key(question)
    if found is not None and moment is not None:
        _keep(key, replace(found, moment=moment))
        return found
    with _lock:
        _kept.pop(key, None)
    return None


def judged(
    question: Question,
    case: Case,
    judge: Callable[[Case], list[Check]],
    *,
    moment: stillness.Moment | None,
) -> tuple[Case, list[Check]]:
    """The case and its standing checks, judged now and remembered if they pass.

    `moment` was taken before anything of the case was read; without one nothing is
    remembered. A judgement holds for `WINDOW` because it was made for both ends of it.
    """
    case = case.as_granted()
    checks = judge(case)
    if moment is not None and not any(check.blocks for check in checks):
        until = case.at + WINDOW
        later = Case(case.version, case.environment, until).as_granted()
        if not any(check.blocks for check in judge(later)):
            _keep(_key(question), Judged(case, tuple(checks), until, moment))
    return case, checks


def _key(question: Question) -> Key:
    named = bool(question.model and question.version)
    return (
        question.environment,
        question.model,
        question.version,
        # Where both are named, it does not choose the version, see `asking.find`.
        "" if named else bare(question.digest),
        get_language(),
    )


def _keep(key: Key, judgement: Judged) -> None:
    with _lock:
        _kept[key] = judgement
        _kept.move_to_end(key)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
