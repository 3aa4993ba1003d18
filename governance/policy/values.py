"""What the variables of conditions stand for; absent is unknown, and fails the rule."""

from collections.abc import Mapping
from typing import Any

from registry.models import RegisteredModel

_PENDING = RegisteredModel.AIActClass.NOT_ASSESSED
# Facts that stand in the inventory under another name; None and empty are unknown.
_FACTS = {
    "inventory.is_model": "is_model",
    "inventory.generative": "generative",
    "inventory.affects_people": "affects_people",
    "inventory.personal_data": "personal_data",
    "inventory.third_party_components": "third_party_components",
    "ai_act.role": "ai_act_role",
    "ai_act.art6_3_claimed": "art6_3_claimed",
    "ai_act.fria_required": "fria_required",
    "ai_act.art50_applicable": "art50_applicable",
    "use_case.gxp": "gxp",
    "use_case.aedt": "aedt",
    "use_case.credit": "credit",
    "fairness.special_categories_used": "special_categories_used",
    "privacy.dpia_required": "dpia_required",
    "aedt.output": "aedt_output",
}


def _places(codes: list[str]) -> list[str]:
    """The codes and, for a region such as DE-BY, also its country: what is law in the
    whole is law in the part."""
    return list(dict.fromkeys(p for code in codes for p in (code, code.split("-")[0])))


def of_model(model: RegisteredModel, *, tier: int) -> Mapping[str, Any]:
    """The variables that the inventory answers, plain data by their dotted names."""
    pending = model.ai_act_class == _PENDING
    values: dict[str, Any] = {
        "jurisdictions": _places(model.jurisdictions),
        "inventory.vendor": model.vendor or None,
        "inventory.tier": tier,
        "ai_act.class_pending": pending,
    }
    if not pending:
        values["ai_act.risk_class"] = model.ai_act_class.replace("-", "_")
    for name, field in _FACTS.items():
        value = getattr(model, field)
        if value is not None and value != "":
            values[name] = value
    return values
