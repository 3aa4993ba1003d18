"""The rules of a pack applied to a case: each answer is a check with its reasons."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Applying, Bound, Check, Rule
from governance.requirements import law
from governance.requirements.providers import PROVIDERS
from governance.waived import ends_at

SUBMIT = ("register", "submit")
APPROVE = (*SUBMIT, "validate", "approve")
# What holds for use holds at every question of the gate.
DEPLOY = (*APPROVE, "sign", "deploy", "continuous")


def evaluate(case: Case, gates: tuple[str, ...]) -> list[Check]:
    """Apply what no policy can waive, then every rule that binds at these gates.

    All packs that apply are asked; for equal evidence the strictest severity wins. A
    rule that cannot be evaluated fails, also when nothing knows its type of evidence.
    Raises `policy.NoPolicy`.
    """
    asked = [found for found in case.rules if found.rule.gate in gates]
    strictest = _strictest(asked)
    return [
        *law.checks(case),
        *(_undecided(item) for item in case.packs if item.unknown),
        *(
            _judged(found, item, case, strictest[_key(item)])
            for found in asked
            for item in found.rule.evidence
        ),
    ]


def _strictest(asked: Sequence[Bound]) -> dict[str, str]:
    """The severity of each piece of evidence (decisions.md 3.2, rule 4)."""
    found: dict[str, str] = {}
    for rule in asked:
        for item in rule.rule.evidence:
            key = _key(item)
            if found.get(key) != "block":
                found[key] = rule.severity
    return found


def _key(item: Mapping[str, Any]) -> str:
    """Equal for equal evidence: type and everything that is asked of it."""
    return json.dumps(item, sort_keys=True)


def _judged(found: Bound, item: Mapping[str, Any], case: Case, severity: str) -> Check:
    """One piece of evidence of one rule, with what makes it stricter or waives it."""
    rule = found.rule
    if found.unknown:
        check = _unevaluable(found)
    else:
        provider = PROVIDERS.get(item["type"], _unknown)
        check = provider(rule, item, case)
    check = replace(check, severity=severity, pack=found.pack.name)
    waiver = case.waivers.get(rule.id) if rule.waivable else None
    if check.passed or waiver is None:
        return check
    return replace(
        check,
        passed=True,
        observed=_("waived until %(until)s: %(observed)s")
        % {
            "until": ends_at(waiver, case.at).strftime("%Y-%m-%d %H:%M UTC"),
            "observed": check.observed,
        },
        because=_("Waiver asked for by %(name)s: %(reason)s")
        % {"name": waiver.requested_by.printed_name, "reason": waiver.reason},
        next_step="",
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


def _unknown(rule: Rule, item: Mapping[str, Any], _case: Case) -> Check:
    return Check(
        rule.id,
        rule.title,
        passed=False,
        observed=_("cannot be evaluated"),
        because=_("Freigabe does not know evidence of the type %(type)s.")
        % {"type": item["type"]},
        next_step=_("The policy author corrects the pack."),
    )
