"""Which function judges which type of evidence: all that packs may name."""

from collections.abc import Callable, Mapping
from typing import Any

from governance.case import Case
from governance.declarable import KINDS
from governance.policy import Check, Rule
from governance.requirements import (
    documents,
    facts,
    hiring,
    inventory,
    people,
    quorum,
    reports,
    signed,
    software,
    testing,
)

Provider = Callable[[Rule, Mapping[str, Any], Case], Check]
PROVIDERS: dict[str, Provider] = {
    **dict.fromkeys(KINDS, documents.document),
    "inventory_record": inventory.record,
    "risk_assessment": inventory.assessment,
    "performance_report": reports.report,
    "fairness_report": reports.report,
    "explainability_report": reports.report,
    "robustness_report": reports.report,
    "drift_report": reports.report,
    "data_quality_report": reports.report,
    "test_report": testing.test_report,
    "signature_event": signed.signature_event,
    "approval": quorum.authorisation,
    "training_record": people.record,
    "identity_proofing": people.record,
    "accountability_statement": people.record,
    "bias_audit": hiring.bias_audit,
    "publication": hiring.publication,
    "notice": hiring.notice,
    "csv_package": software.validated,
    "dataset_independence": software.independent_data,
    "finding_list": facts.finding_list,
    "challenge_record": facts.challenges,
    "waiver": facts.waiver,
    "artifact_digest": facts.artifact_digest,
    "lineage_record": facts.lineage,
    "incident_list": facts.incidents,
    "periodic_review": facts.periodic_review,
    "audit_trail_verification": facts.log_verified,
    "workflow_conformance": facts.conformance,
}
