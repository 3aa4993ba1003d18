"""Topics of an audit file: the declarations that speak about each, and what none does.

The topics are sections 2, 7, 11, 12, 15, 16, 19 and 20 of design/dossier.md, 4.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance.dossier.verdicts import Declared

_TOPICS = {
    gettext_noop("Scope and classification"): (
        "prohibited_practice_screening",
        "ai_act_classification",
        "scoping_decision",
        "aedt_scoping",
        "transparency_check",
    ),
    gettext_noop("Tests"): (
        "test_plan",
        "test_report",
        "accuracy_declaration",
        "security_test_report",
        "bias_audit",
        "auditor_declaration",
    ),
    gettext_noop("Validation"): ("validation_report", "dataset_independence"),
    gettext_noop("Human oversight"): (
        "oversight_plan",
        "oversight_assignment",
        "training_record",
        "override_and_stop_test",
        "kill_switch_test",
        "override_report",
    ),
    gettext_noop("Monitoring and outcomes"): (
        "monitoring_plan",
        "monitoring_report",
        "outcomes_report",
        "pmm_plan",
        "incident_process",
    ),
    gettext_noop("Privacy and fundamental rights"): (
        "privacy_note",
        "dpia",
        "fria",
        "data_notice",
        "retention_policy",
    ),
    gettext_noop("Third parties"): (
        "vendor_assessment",
        "supplier_agreement",
        "contingency_plan",
    ),
}


@dataclass(frozen=True)
class Topic:
    """A topic with the declarations about it, or none."""

    title: str
    declarations: tuple[Declared, ...]


def topics_of(declarations: Sequence[Declared]) -> tuple[Topic, ...]:
    """Every topic in the order of an audit file; what fits none stands at the end."""
    placed = {kind for kinds in _TOPICS.values() for kind in kinds}
    rest = tuple(row for row in declarations if row.kind not in placed)
    found = [
        Topic(_(title), tuple(row for row in declarations if row.kind in kinds))
        for title, kinds in _TOPICS.items()
    ]
    return (*found, *([Topic(_("Further declarations"), rest)] if rest else []))


def missing_topics() -> tuple[str, ...]:
    """Topics of an audit file that Freigabe itself does not record."""
    return (
        _("software bill of materials, unless it is attached"),
        _("measurements in production, other than declared or reported"),
    )
