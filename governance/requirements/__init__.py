"""The rules of a pack applied to a case: each answer is a check with its reasons."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Bound, Check, Rule
from governance.requirements import law
from governance.requirements.judging import Waived, judge
from governance.requirements.providers import PROVIDERS
from governance.waived import end_in_tier

SUBMIT = ("register", "submit")
APPROVE = (*SUBMIT, "validate", "approve")
# What holds for use holds at every question of the gate.
DEPLOY = (*APPROVE, "sign", "deploy", "continuous")


def denials(case: Case, gates: tuple[str, ...]) -> list[Check]:
    """The checks of `evaluate` that deny; what only warns is not looked at.

    Raises `policy.NoPolicy`.
    """
    return [check for check in _checks(case, gates, denying=True) if check.blocks]


def evaluate(case: Case, gates: tuple[str, ...]) -> list[Check]:
    """Apply what no policy can waive, then every rule that binds at these gates.

    All packs that apply are asked; for equal evidence the strictest severity wins. A
    rule that cannot be evaluated fails, also when nothing knows its type of evidence.
    Raises `policy.NoPolicy`.
    """
    return _checks(case, gates, denying=False)


def _checks(case: Case, gates: tuple[str, ...], *, denying: bool) -> list[Check]:
    rules = asked_at(case, gates)
    return [
        *law.checks(case),
        *judge(
            case.packs,
            rules,
            answer=lambda found, item: answered(found, item, case),
            waived=waived_in(case),
            denying=denying,
        ),
    ]


def asked_at(case: Case, gates: tuple[str, ...]) -> list[Bound]:
    """The rules that bind at these gates. Raises `policy.NoPolicy`."""
    return [found for found in case.rules if found.rule.gate in gates]


def answered(found: Bound, item: Mapping[str, Any], case: Case) -> Check:
    """What the provider of this type says of one piece of evidence."""
    return PROVIDERS.get(item["type"], _unknown)(found.rule, item, case)


def waived_in(case: Case) -> dict[str, Waived]:
    """The waivers in force, by the id of the rule."""
    return {
        rule: Waived(
            id=str(row.pk),
            until=end_in_tier(row, case.tier).strftime("%Y-%m-%d %H:%M UTC"),
            by=row.requested_by.printed_name,
            reason=row.reason,
        )
        for rule, row in case.waivers.items()
    }


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
