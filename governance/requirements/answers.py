"""How a provider answers: one check from what was observed and what is wrong."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeGuard

from django.utils.translation import gettext as _

from governance.evidence_options import errors_of
from governance.policy import Check, Rule


def answer(
    rule: Rule, *, observed: str, problems: Sequence[str] = (), next_step: str = ""
) -> Check:
    """Passed when nothing is wrong; else the problems stand in what was observed."""
    return Check(
        rule.id,
        rule.title,
        passed=not problems,
        observed=" ".join([observed, *problems]) if observed else " ".join(problems),
        because=rule.text,
        next_step=next_step if problems else "",
    )


def unusable(rule: Rule, item: Mapping[str, Any]) -> Check | None:
    """A failed check when the pack asks something that nothing here evaluates."""
    wrong = errors_of(item, rule.key(item))
    if not wrong:
        return None
    return answer(
        rule,
        observed=_("cannot be evaluated:"),
        problems=wrong,
        next_step=_("The policy author corrects the pack."),
    )


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether something was measured: NaN and infinities are as unknown as None.

    No comparison holds for NaN, so that of several values it is never the worst.
    """
    return value is not None and math.isfinite(value)


def most_days(item: Mapping[str, Any], tier: int) -> int | None:
    """The greatest age in days that a rule allows in a tier; None when it sets none.

    A rule that sets one for other tiers only allows none here: 0.
    """
    limit = item.get("max_age_days")
    if isinstance(limit, Mapping):
        limit = limit.get(f"T{tier}", 0)
    if limit is None:
        return None
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else 0


def a_year_after(day: date, years: int = 1) -> date:
    """The same day of a later year; 28 February for 29 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
