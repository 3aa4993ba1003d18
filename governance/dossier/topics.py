"""What people may declare in each section of an audit file, and who may declare it.

The sections are those of design/dossier.md, 4.2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _

from governance.declarable import KINDS

Row = TypeVar("Row")
DECLARED: dict[str, tuple[str, ...]] = {
    "scope": (
        "scoping_decision",
        "prohibited_practice_screening",
        "ai_act_classification",
        "art6_3_assessment",
        "aedt_scoping",
        "transparency_check",
        "instructions_for_use",
    ),
    "risk": ("risk_management_file",),
    "data": ("datasheet", "dataset_independence", "art4a_record"),
    "development": ("development_document",),
    "performance": (
        "test_plan",
        "test_report",
        "accuracy_declaration",
        "confidence_threshold",
        "model_property",
    ),
    "fairness": ("bias_audit", "auditor_declaration", "publication", "notice"),
    "explainability": ("explanation_process", "notice_template", "request_log"),
    "robustness": ("security_test_report",),
    "validation": ("validation_report",),
    "oversight": (
        "oversight_plan",
        "oversight_assignment",
        "training_record",
        "override_and_stop_test",
        "kill_switch_test",
        "override_report",
        "user_acknowledgement",
    ),
    "monitoring": (
        "monitoring_plan",
        "monitoring_report",
        "outcomes_report",
        "pmm_plan",
        "incident_process",
        "logging_attestation",
    ),
    "changes": ("change_record", "rollback_plan"),
    "privacy": (
        "privacy_note",
        "dpia",
        "fria",
        "data_notice",
        "retention_policy",
    ),
    "third_parties": (
        "vendor_assessment",
        "supplier_agreement",
        "contingency_plan",
    ),
}
# Fields of the inventory record that a section tells instead of section 3.
TOLD: dict[str, tuple[str, ...]] = {
    "scope": (
        "purpose",
        "products",
        "expected_use",
        "actual_use",
        "restrictions",
        "limitations",
        "affected_people",
        "affects_people",
        "jurisdictions",
        "is_model",
        "generative",
        "ai_system",
        "ai_act_role",
        "ai_act_class",
        "annex_iii_point",
        "art6_3_claimed",
        "art50_applicable",
        "aedt",
        "aedt_output",
        "gxp",
        "credit",
    ),
    "privacy": (
        "personal_data",
        "profiling",
        "special_categories_used",
        "dpia_required",
        "fria_required",
    ),
    "third_parties": (
        "vendor",
        "foundation_model",
        "third_party_components",
        "components",
    ),
}


@dataclass(frozen=True)
class Undeclared:
    """A kind of declaration that nobody had made by then, and the roles that may."""

    title: str
    roles: tuple[str, ...]


def placed(section: str, rows: Sequence[Row]) -> tuple[Row, ...]:
    """The declarations, or documents of others, that belong to a section."""
    kinds = DECLARED.get(section, ())
    return tuple(row for row in rows if getattr(row, "kind", "") in kinds)


def unplaced(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Those that belong to none: they stand in the annexes."""
    known = {kind for kinds in DECLARED.values() for kind in kinds}
    return tuple(row for row in rows if getattr(row, "kind", "") not in known)


def undeclared(section: str, kinds: Iterable[str]) -> tuple[Undeclared, ...]:
    """What could stand in a section beside these kinds, and who can supply it."""
    there = set(kinds)
    return tuple(
        Undeclared(
            KINDS[kind].title, tuple(str(r.label) for r in KINDS[kind].signed_by)
        )
        for kind in DECLARED.get(section, ())
        if kind in KINDS and kind not in there
    )


def missing_topics() -> tuple[str, ...]:
    """Topics of an audit file that Freigabe itself does not record."""
    return (
        _("software bill of materials, unless it is attached"),
        _("measurements in production, other than declared or reported"),
    )
