"""What the inventory record and the risk assessment must say."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Check, Rule


def record(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`inventory_record`: the required fields are filled in."""
    model = case.version.model
    missing = [f for f in item["required_fields"] if not getattr(model, f, "")]
    names = ", ".join(name.replace("_", " ") for name in missing)
    return Check(
        rule.id,
        rule.title,
        passed=not missing,
        observed=_("missing: %(names)s") % {"names": names}
        if missing
        else _("complete"),
        because=rule.text,
        next_step=_("%(owner)s completes the inventory record.")
        % {"owner": model.owner.printed_name}
        if missing
        else "",
    )


def assessment(rule: Rule, _item: Mapping[str, Any], case: Case) -> Check:
    """`risk_assessment`: there is one, and its review is not overdue."""
    found = case.assessment
    if found is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("not assessed"),
            because=rule.text,
            next_step=_("A risk manager assesses the model."),
        )
    due = case.standing.due
    return Check(
        rule.id,
        rule.title,
        passed=not due,
        observed=_("%(band)s %(score)s, tier %(tier)s, review due on %(day)s")
        % {
            "band": found.get_band_display(),
            "score": found.score,
            "tier": case.tier,
            "day": found.review_due_on.isoformat(),
        },
        because=" ".join(due) or rule.text,
        next_step=_("A risk manager assesses the model anew.") if due else "",
    )
