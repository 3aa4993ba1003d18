"""What the inventory record and the risk assessment must say."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Check, Rule
from governance.requirements.answers import answer, unusable

_VIRTUAL = {
    "data": "version_datasets",
    "usage": "expected_use",
    "upstream_models": "components",
    "usage_restrictions": "restrictions",
    "developers": "developer",
    "validation_planned": "validation_planned_on",
}


def record(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`inventory_record`: the required fields are filled in. `No` is an answer.

    `data` are the data sets of the version; a few names of the drafts stand for the
    fields of today. A field that does not exist is missing.
    """
    if (wrong := unusable(rule, item)) is not None:
        return wrong
    missing = [name for name in item["required_fields"] if not _filled(name, case)]
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
        % {"owner": case.version.model.owner.printed_name}
        if missing
        else "",
    )


def _filled(name: str, case: Case) -> bool:
    field = _VIRTUAL.get(name, name)
    if field == "version_datasets":
        return bool(case.held.datasets)
    model, key = case.version.model, f"{field}_id"
    # Of a person it is enough that one is named.
    value = getattr(model, key if hasattr(model, key) else field, None)
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value != []


def assessment(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`risk_assessment`: there is one, complete, and its review is not overdue."""
    if (wrong := unusable(rule, item)) is not None:
        return wrong
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
    missing = [
        name.replace("_", " ")
        for name in item.get("required_fields", ())
        if not (getattr(found, name, None) or getattr(case.version.model, name, None))
    ]
    if missing:
        return answer(
            rule,
            observed=_("assessed;"),
            problems=[_("missing: %(names)s") % {"names": ", ".join(missing)}],
            next_step=_("A risk manager completes the assessment."),
        )
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
