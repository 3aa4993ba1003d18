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
from uuid import UUID

from django.utils.translation import get_language

from audits import stillness
from governance.case import Case
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

Key = tuple[UUID, UUID, str | None]


@dataclass(frozen=True)
class Judged:
    """A case whose standing checks all passed, from its `at` until `until`."""

    case: Case
    checks: Sequence[Check]
    until: datetime
    moment: stillness.Moment


_kept: OrderedDict[Key, Judged] = OrderedDict()
_lock = Lock()


def judged(
    case: Case,
    judge: Callable[[Case], list[Check]],
    *,
    moment: stillness.Moment | None,
) -> tuple[Case, list[Check]]:
    """The case and its standing checks: remembered ones that still hold, or anew.

    `moment` was taken before anything of the case was read; without one nothing is
    remembered. A judgement holds for `WINDOW` because it was made for both ends of it.
    """
    key = (case.version.pk, case.environment.pk, get_language())
    found = _recall(key, case.at)
    if found is not None:
        return found.case, list(found.checks)
    case = case.as_granted()
    checks = judge(case)
    if moment is not None and not any(check.blocks for check in checks):
        until = case.at + WINDOW
        later = Case(case.version, case.environment, until).as_granted()
        if not any(check.blocks for check in judge(later)):
            _keep(key, Judged(case, tuple(checks), until, moment))
    return case, checks


def _recall(key: Key, at: datetime) -> Judged | None:
    with _lock:
        found = _kept.get(key)
    if found is None:
        return None
    moment = None
    if found.case.at <= at < found.until:
        moment = stillness.unchanged(found.moment, but_for=UNJUDGED)
    if moment is None:
        with _lock:
            _kept.pop(key, None)
        return None
    _keep(key, replace(found, moment=moment))
    return found


def _keep(key: Key, judgement: Judged) -> None:
    with _lock:
        _kept[key] = judgement
        _kept.move_to_end(key)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
