"""The rules of a pack applied to a case: each answer is a check with its reasons."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Check, Rule
from governance.requirements import inventory, law, quorum, reports

SUBMIT = ("register", "submit")
APPROVE = (*SUBMIT, "validate", "approve")
DEPLOY = (*APPROVE, "sign", "deploy")

Provider = Callable[[Rule, Mapping[str, Any], Case], Check]
PROVIDERS: dict[str, Provider] = {
    "inventory_record": inventory.record,
    "risk_assessment": inventory.assessment,
    "performance_report": reports.report,
    "fairness_report": reports.report,
    "explainability_report": reports.report,
    "robustness_report": reports.report,
    "drift_report": reports.report,
    "data_quality_report": reports.report,
    "signature_event": quorum.signatures,
    "approval": quorum.authorisation,
}


def evaluate(case: Case, gates: tuple[str, ...]) -> list[Check]:
    """Apply what no policy can waive, then every rule of the tier at these gates.

    A rule whose evidence is of an unknown type fails: unknown means deny.
    """
    return [
        *law.checks(case),
        *(
            replace(_apply(rule, item, case), severity=rule.severity)
            for rule in case.pack.for_tier(case.tier)
            if rule.gate in gates
            for item in rule.evidence
        ),
    ]


def _apply(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    provider = PROVIDERS.get(item["type"], _unknown)
    return provider(rule, item, case)


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
