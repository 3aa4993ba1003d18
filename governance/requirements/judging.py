"""From answers about evidence to checks: packs together, the strictest, waivers.

Nothing here reads the database: the same inputs give the same checks, today and when
an evaluation record is run again (decisions.md 3.2, rule 5).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from governance.policy import Applying, Bound, Check

Answer = Callable[[Bound, Mapping[str, Any]], Check]


@dataclass(frozen=True)
class Waived:
    """A waiver in force: until when, who asked for it, why."""

    id: str
    until: str
    by: str
    reason: str


def judge(
    packs: Sequence[Applying],
    rules: Sequence[Bound],
    *,
    answer: Answer,
    waived: Mapping[str, Waived],
    denying: bool = False,
) -> list[Check]:
    """A check for each piece of evidence that the rules ask for.

    For equal evidence the strictest severity wins. What cannot be evaluated fails.
    With `denying` what passes, and evidence that no pack denies for, is left out.
    """
    return [
        *(_undecided(item) for item in packs if item.unknown),
        *_judged_all(rules, answer, waived, denying=denying),
    ]


def _judged_all(
    rules: Sequence[Bound],
    answer: Answer,
    waived: Mapping[str, Waived],
    *,
    denying: bool,
) -> Iterator[Check]:
    strictest = _strictest(rules)
    for found in rules:
        for item, key in zip(found.rule.evidence, found.rule.keys, strict=True):
            severity = strictest[key]
            if denying and severity == "warn":
                continue
            check = _unevaluable(found) if found.unknown else answer(found, item)
            if not (denying and check.passed):
                yield _judged(found, check, severity, waived)


def _strictest(rules: Sequence[Bound]) -> dict[str, str]:
    """The severity of each piece of evidence (decisions.md 3.2, rule 4)."""
    found: dict[str, str] = {}
    for rule in rules:
        for key in rule.rule.keys:
            if found.get(key) != "block":
                found[key] = rule.severity
    return found


def _judged(
    found: Bound, check: Check, severity: str, waived: Mapping[str, Waived]
) -> Check:
    """One piece of evidence of one rule, with what makes it stricter or waives it."""
    check = _placed(check, severity, found.pack.name)
    waiver = None if check.passed else waived.get(found.rule.id)
    if waiver is None or not found.rule.may_be_waived:
        return check
    return replace(
        check,
        passed=True,
        observed=_("waived until %(until)s: %(observed)s")
        % {"until": waiver.until, "observed": check.observed},
        because=_("Waiver asked for by %(name)s: %(reason)s")
        % {"name": waiver.by, "reason": waiver.reason},
        next_step="",
        waiver=waiver.id,
    )


def _placed(check: Check, severity: str, pack: str) -> Check:
    """`replace`, which takes three times as long, a hundred times for each version."""
    return Check(
        check.requirement,
        check.title,
        check.passed,
        check.observed,
        check.because,
        check.next_step,
        severity,
        pack,
        check.waiver,
    )


def _unevaluable(found: Bound) -> Check:
    return Check(
        found.rule.id,
        found.rule.title,
        passed=False,
        observed=_("cannot be evaluated"),
        because=found.unknown,
        next_step=_("The owner completes the record, or the author corrects the pack."),
    )


def _undecided(item: Applying) -> Check:
    """A pack of which nobody can say whether it applies: it does, and denies."""
    return Check(
        f"applies-{item.pack.slug}",
        _("Whether the pack %(name)s applies") % {"name": item.pack.title},
        passed=False,
        observed=_("cannot be evaluated"),
        because=item.unknown,
        next_step=_("The owner completes the inventory record."),
        pack=item.pack.name,
    )
