"""The variables that conditions of packs may read; docs/policy.md explains each."""

import re

from governance.evidence_types import EVIDENCE_TYPES

VARIABLES: dict[str, str] = {
    "jurisdictions": "list of codes such as 'US', 'US-NYC', 'EU', 'DE'",
    "inventory.is_model": "true or false: the scoping decision",
    "inventory.generative": "true or false: generative AI",
    "inventory.vendor": "the vendor's name, null where none is recorded",
    "inventory.affects_people": "true or false",
    "inventory.personal_data": "true or false",
    "inventory.third_party_components": "true or false",
    "inventory.tier": "1 to 4, as it binds now",
    "inherent.score": "the score of the risk assessment before controls",
    "residual.score": "the score after controls, else the one before",
    "ai_act.risk_class": "'minimal', 'transparency', 'high_annex_i', "
    "'high_annex_iii' or 'prohibited'; unknown while it is not assessed",
    "ai_act.class_pending": "true while the class is not assessed",
    "ai_act.role": "'provider' or 'deployer'",
    "ai_act.art6_3_claimed": "true or false",
    "ai_act.fria_required": "true or false",
    "ai_act.art50_applicable": "true or false",
    "use_case.gxp": "true or false",
    "use_case.aedt": "true or false",
    "use_case.credit": "true or false",
    "fairness.special_categories_used": "true or false",
    "privacy.dpia_required": "true or false",
    "aedt.output": "'selection' or 'score'",
}
EVIDENCE_PROPERTIES: dict[str, str] = {
    "present": "true when there is one",
    "accepted": "true when there is one that counts: unexpired and not withdrawn",
    "age_days": "whole days since the newest one",
}
_EVIDENCE = re.compile(r"evidence\.([a-z0-9_]+)\.([a-z0-9_]+)")


def is_known(name: str) -> bool:
    """Whether a condition may read the variable."""
    found = _EVIDENCE.fullmatch(name)
    if found is None:
        return name in VARIABLES
    return found[1] in EVIDENCE_TYPES and found[2] in EVIDENCE_PROPERTIES
