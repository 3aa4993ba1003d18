"""What a pack's rule may ask of each type of evidence, as JSON Schemas."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from governance.declarable import KINDS

_DAYS = {"type": "integer", "minimum": 1, "maximum": 20_000}
_PER_TIER = {
    "oneOf": [
        _DAYS,
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^T[1-4]$"},
            "additionalProperties": _DAYS,
        },
    ]
}
_NAMES = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$"},
}
_YES = {"const": True}
_LIST = {"type": "array", "minItems": 1}
_WHERE = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            {"type": ["boolean", "string", "number"]},
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {
                    "at_least": {"type": "number"},
                    "at_most": {"type": "number"},
                    "one_of": _LIST,
                    "includes": _LIST,
                },
            },
        ]
    },
}
_OUTCOME = {"enum": ["passed", "warned"]}
_PLAN = {
    "type": "object",
    "required": ["plan", "times"],
    "additionalProperties": False,
    "properties": {
        "plan": {"enum": ["monitoring_plan", "pmm_plan"]},
        "times": {"type": "number", "minimum": 1, "maximum": 5},
    },
}
DOCUMENT: dict[str, Any] = {
    "required_fields": _NAMES,
    "required_sections": _NAMES,
    "where": _WHERE,
    "signed_by": _NAMES,
    "max_age_days": _PER_TIER,
    "max_age_years": {"type": "integer", "minimum": 1, "maximum": 50},
    "max_age_of_plan": _PLAN,
    "once_in_use": _YES,
    "outcome": {"oneOf": [_OUTCOME, {"type": "array", "items": _OUTCOME}]},
    "min_count": {"type": "integer", "minimum": 1, "maximum": 100},
}
_MEASURED: dict[str, Any] = {
    "measurement": {"type": "string", "minLength": 1},
    "at_least": {"type": "number"},
    "at_most": {"type": "number"},
    "max_age_days": _PER_TIER,
    "per_group_metrics": _YES,
}
_SEVERITIES = {
    "type": "array",
    "uniqueItems": True,
    "items": {"enum": ["critical", "high", "medium", "low"]},
}
_KINDS_OF_TESTS = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"enum": ["held_out", "out_of_sample", "out_of_time"]},
}
# Types with options of their own; all others that people declare have DOCUMENT.
OWN: dict[str, dict[str, Any]] = {
    "inventory_record": {"required_fields": _NAMES},
    "risk_assessment": {"required_fields": _NAMES},
    "performance_report": _MEASURED,
    "robustness_report": _MEASURED,
    "explainability_report": _MEASURED,
    "drift_report": _MEASURED,
    "data_quality_report": _MEASURED,
    "fairness_report": {
        **_MEASURED,
        "impact_ratio_at_least": {"type": "number", "minimum": 0, "maximum": 1},
        "significant_below": {"type": "number", "minimum": 0, "maximum": 1},
        "or_reviewed": _YES,
    },
    "test_report": {
        "kinds": _KINDS_OF_TESTS,
        "after": {"const": "test_plan"},
        "signed": _YES,
        "max_age_days": _PER_TIER,
    },
    "bias_audit": {
        **DOCUMENT,
        "tables": {
            "type": "array",
            "minItems": 1,
            "items": {"enum": ["sex", "race_ethnicity", "intersectional"]},
        },
        "states": {
            "type": "array",
            "minItems": 1,
            "items": {
                "enum": [
                    "sample_median",
                    "unknown_count",
                    "exclusions",
                    "data_source",
                ]
            },
        },
    },
    "publication": {
        **DOCUMENT,
        "kept_months_after_last_use": {"type": "integer", "minimum": 1, "maximum": 60},
    },
    "notice": {**DOCUMENT, "lead_business_days": _DAYS},
    "csv_package": {**DOCUMENT, "current_software": _YES},
    "oversight_plan": {
        **DOCUMENT,
        "verifying_persons": {
            "type": "object",
            "required": ["annex_iii_point", "at_least"],
            "additionalProperties": False,
            "properties": {
                "annex_iii_point": {"type": "string", "pattern": "^[1-8][a-h]?$"},
                "at_least": {"type": "integer", "minimum": 1, "maximum": 100},
            },
        },
    },
    "datasheet": {**DOCUMENT, "per": {"const": "dataset"}},
    "training_record": {**DOCUMENT, "per": {"const": "signer"}},
    "identity_proofing": {**DOCUMENT, "per": {"const": "signer"}},
    "accountability_statement": {**DOCUMENT, "per": {"const": "signer"}},
    "dataset_independence": {**DOCUMENT, "hash_overlap": {"const": 0}},
    "finding_list": {"none_open": _SEVERITIES, "with_plan": _SEVERITIES},
    "challenge_record": {
        "min_count": {"type": "integer", "minimum": 1, "maximum": 100}
    },
    "waiver": {
        "kind": {"const": "pre-validation-use"},
        "max_days": _DAYS,
        "all_within_limits": _YES,
    },
    "artifact_digest": {"equals": {"enum": ["approval", "bias_audit"]}},
    "lineage_record": {"min_edges": {"type": "integer", "minimum": 1, "maximum": 100}},
    "incident_list": {"critical_closed": _YES},
    "periodic_review": {"max_age_days": _PER_TIER, "once_in_use": _YES},
    "audit_trail_verification": {"max_age_days": _DAYS},
    "workflow_conformance": {"violations": {"const": 0}},
    "approval": {
        "max_days": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^T[1-4]$"},
            "additionalProperties": _DAYS,
        }
    },
}
_REQUIRED = {
    "inventory_record": ["required_fields"],
    "finding_list": ["none_open"],
    "waiver": [],
    "artifact_digest": ["equals"],
    "approval": ["max_days"],
    "lineage_record": ["min_edges"],
}


def errors_of(item: Mapping[str, Any], key: str = "") -> tuple[str, ...]:
    """What cannot be evaluated in a rule's piece of evidence; empty when all can.

    `key` is its canonical text, where the caller has it already (`Rule.key`).

    `signature_event` has a form of its own, which `governance.seats` and
    `requirements.signed` check. An unknown type is an error.
    """
    try:
        text = key or json.dumps(item, sort_keys=True)
    except TypeError:
        return (_("This is no plain data."),)
    return () if _is_sound(text) else _errors(text)


@lru_cache(maxsize=4096)
def _is_sound(text: str) -> bool:
    return not _errors(text)


def _errors(text: str) -> tuple[str, ...]:
    """What is wrong, in the language of the reader: never kept for the next one."""
    item = json.loads(text)
    kind = item.get("type")
    if kind == "signature_event":
        return ()
    found = _validator(kind) if isinstance(kind, str) else None
    if found is None:
        return (_("evidence of the type %(type)s is not known.") % {"type": kind},)
    wrong = [f"{e.json_path}: {e.message}" for e in found.iter_errors(item)]
    return tuple(wrong or _unknown_names(item))


@lru_cache(maxsize=128)
def _validator(kind: str) -> Draft202012Validator | None:
    properties = OWN.get(kind, DOCUMENT if kind in KINDS else None)
    if properties is None:
        return None
    return Draft202012Validator(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["type", *_REQUIRED.get(kind, [])],
            "properties": {"type": {"const": kind}, **properties},
        }
    )


def _unknown_names(item: Mapping[str, Any]) -> Iterator[str]:
    """Fields that a declaration of this kind does not have."""
    kind = KINDS.get(item["type"])
    if kind is None:
        return
    names = [*item.get("required_fields", ()), *item.get("required_sections", ())]
    for name in [*names, *item.get("where", {})]:
        if kind.field(name) is None:
            yield _("%(kind)s has no field “%(name)s”.") % {
                "kind": kind.name,
                "name": name,
            }
