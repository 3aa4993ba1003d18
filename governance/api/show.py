"""How things look in JSON: one function for each."""

import json
from typing import Any

from audits.evidence import report_of
from audits.models import EvidenceReport, EvidenceRun
from governance.lifecycle import status_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Dossier,
    GateDecision,
    RecordSignature,
    RiskAssessment,
    Signature,
)
from governance.registration import INVENTORY_FIELDS
from registry.models import (
    Artifact,
    Dataset,
    DatasetVersion,
    Deployment,
    Environment,
    ModelVersion,
    RegisteredModel,
    User,
)

Json = dict[str, Any]


def user(value: User | None) -> str | None:
    """People are named by their user name."""
    return value.username if value else None


def model(row: RegisteredModel) -> Json:
    """A registered model, with its latest risk."""
    record: Json = {name: getattr(row, name) for name in INVENTORY_FIELDS}
    for name in ("owner", "developer", "validator"):
        record[name] = user(record[name])
    latest = max(row.risk_assessments.all(), key=lambda a: a.sequence, default=None)
    return {
        "slug": row.slug,
        **record,
        "registered_at": row.registered_at,
        "registered_by": user(row.registered_by),
        "risk": assessment(latest) if latest else None,
        "versions": [v.version for v in row.versions.all()],
    }


def artifact(row: Artifact) -> Json:
    """A stored file."""
    return {
        "sha256": row.sha256,
        "size": row.size,
        "format": row.format,
        "media_type": row.media_type,
        "file_name": row.file_name,
        "uploaded_at": row.uploaded_at,
        "uploaded_by": user(row.uploaded_by),
    }


def version(row: ModelVersion) -> Json:
    """A model version with its parts."""
    return {
        "model": row.model.slug,
        "version": row.version,
        "sha256": row.sha256,
        "method": row.method,
        "notes": row.notes,
        "status": status_of(row),
        "developer": user(row.developer),
        "operating": {
            "positive": row.positive_class,
            "favourable": row.favourable,
            "threshold": row.threshold,
        },
        "artifacts": [
            {**artifact(part.artifact), "role": part.role}
            for part in row.version_artifacts.select_related("artifact__uploaded_by")
        ],
        "datasets": [
            {
                "dataset": link.dataset_version.dataset.slug,
                "version": link.dataset_version.version,
                "sha256": link.dataset_version.sha256,
                "use": link.use,
            }
            for link in row.version_datasets.select_related("dataset_version__dataset")
        ],
        "run": None
        if row.run is None
        else {
            "name": row.run.name,
            "code_repository": row.run.code_repository,
            "code_commit": row.run.code_commit,
            "parameters": row.run.parameters,
            "metrics": row.run.metrics,
            "environment_sha256": row.run.environment_sha256,
        },
        "registered_at": row.registered_at,
        "registered_by": user(row.registered_by),
    }


def dataset(row: Dataset) -> Json:
    """A data set and the numbers of its versions."""
    return {
        "slug": row.slug,
        "name": row.name,
        "description": row.description,
        "source": row.source,
        "versions": [v.version for v in row.versions.all()],
    }


def dataset_version(row: DatasetVersion) -> Json:
    """One version of a data set."""
    return {
        "dataset": row.dataset.slug,
        "version": row.version,
        "sha256": row.sha256,
        "uri": row.uri,
        "row_count": row.row_count,
        "columns": row.columns,
        "registered_at": row.registered_at,
        "registered_by": user(row.registered_by),
    }


def environment(row: Environment) -> Json:
    """A place where versions run."""
    return {
        "slug": row.slug,
        "name": row.name,
        "emergency_allowed": row.emergency_allowed,
    }


def run(row: EvidenceRun, *, numbers: bool = True) -> Json:
    """An evidence run and, when finished, its report, with or without its numbers."""
    report = report_of(row)
    return {
        "id": row.id,
        "url": f"/api/v1/evidence-runs/{row.id}",
        "model": row.version.model.slug,
        "version": row.version.version,
        "kind": row.kind,
        "dataset": row.dataset_version.dataset.slug,
        "dataset_version": row.dataset_version.version,
        "config": row.config,
        "priority": EvidenceRun.Priority(row.priority).name.lower(),
        "state": row.state,
        "answered_by": row.answered_by_id,
        "progress": row.progress,
        "step": row.step,
        "failure": row.failure,
        "requested_at": row.requested_at,
        "requested_by": user(row.requested_by),
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "report": _report(report, numbers=numbers) if report else None,
    }


def _report(row: EvidenceReport, *, numbers: bool) -> Json:
    names = ("name", "group", "value", "lower", "upper", "n", "unit", "method")
    found = row.measurements.values(*names, "because") if numbers else ()
    return {
        "sha256": row.sha256,
        "url": f"/api/v1/evidence-runs/{row.run_id}/report",
        "sandbox": row.sandbox,
        "cost": row.cost,
        "reported_at": row.reported_at,
        **({"measurements": list(found)} if numbers else {}),
    }


def assessment(row: RiskAssessment) -> Json:
    """A risk assessment: score, band, tier, matrix version."""
    return {
        "id": row.id,
        "likelihood": row.likelihood,
        "impact": row.impact,
        "score": row.score,
        "band": row.band,
        "tier": row.tier,
        "floor": row.floor,
        "residual_likelihood": row.residual_likelihood,
        "residual_impact": row.residual_impact,
        "residual_score": row.residual_score,
        "residual_band": row.residual_band or None,
        "matrix": {"slug": row.matrix.slug, "version": row.matrix.version},
        "exposure": row.exposure or None,
        "purpose_class": row.purpose_class or None,
        "complexity": row.complexity or None,
        "scenarios": [
            {
                "kind": s.kind,
                "title": s.title,
                "likelihood": s.likelihood,
                "impact": s.impact,
                "score": s.score,
                "band": s.band,
                "reason": s.reason,
            }
            for s in row.scenarios.all()
        ],
        "rationale": row.rationale,
        "mitigations": row.mitigations,
        "assessed_by": user(row.assessed_by),
        "assessed_at": row.assessed_at,
        "review_due_on": row.review_due_on,
    }


def approval_request(row: ApprovalRequest) -> Json:
    """An approval request with its signatures."""
    return {
        "id": row.id,
        "model": row.version.model.slug,
        "version": row.version.version,
        "environment": row.environment.slug,
        "subject_sha256": row.subject_sha256,
        "comment": row.comment,
        "valid_until": row.valid_until,
        "requested_by": user(row.requested_by),
        "requested_at": row.requested_at,
        "withdrawn": hasattr(row, "withdrawal"),
        "changes_requested": hasattr(row, "withdrawal") and row.withdrawal.returned,
        "authorised": hasattr(row, "authorisation"),
        "signatures": [signature(s) for s in row.signatures.all()],
    }


def signature(row: Signature | RecordSignature) -> Json:
    """A signature as it is printed (21 CFR 11.50)."""
    return {
        "id": row.id,
        "signed_by": user(row.signed_by),
        "printed_name": row.printed_name,
        "role": row.role,
        "meaning": row.meaning,
        "method": row.method,
        "statement": row.statement,
        "comment": row.comment,
        "record_sha256": row.record_sha256,
        "signed_at": row.signed_at,
    }


def authorisation(row: Authorisation, state: str) -> Json:
    """An authorisation and its state."""
    return {
        "id": row.id,
        "model": row.version.model.slug,
        "version": row.version.version,
        "environment": row.environment.slug,
        "artifact_sha256": row.artifact_sha256,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "state": state,
    }


def deployment(row: Deployment) -> Json:
    """A reported deployment."""
    return {
        "id": row.id,
        "model": row.version.model.slug,
        "version": row.version.version,
        "environment": row.environment.slug,
        "artifact_sha256": row.artifact_sha256,
        "authorised": row.authorised,
        "because": row.because,
        "decision_id": row.decision_id,
        "reported_from": row.source,
        "reported_by": user(row.reported_by),
        "reported_at": row.reported_at,
    }


def dossier(row: Dossier) -> Json:
    """A dossier and how far it is."""
    return {
        "id": row.id,
        "url": f"/api/v1/dossiers/{row.id}",
        "variant": row.variant,
        "model": row.version.model.slug if row.version else None,
        "version": row.version.version if row.version else None,
        "authorisation": row.authorisation_id,
        "scope": row.scope,
        "language": row.language,
        "paper": row.paper,
        "withhold": row.withheld,
        "as_of": row.as_of,
        "state": row.state,
        "progress": row.progress,
        "failure": row.failure,
        "part": row.part,
        "too_large": row.too_large,
        "pdf_sha256": row.pdf_sha256 or None,
        "bundle_sha256": row.bundle_sha256 or None,
        "content_sha256": row.document_sha256 or None,
        "seal": row.seal_level or None,
        "seal_note": row.seal_note,
        "requested_at": row.requested_at,
    }


def decision(row: GateDecision, permit: Any) -> Json:
    """A gate decision: verdict, checks, and the permit as a DSSE envelope.

    The summaries (VSA, SVR) are shown where the permit is.
    """
    return {
        "decision": "allow" if row.allowed else "deny",
        "decision_id": row.id,
        "model": row.asked_model or (row.version.model.slug if row.version else None),
        "version": row.asked_version or (row.version.version if row.version else None),
        "environment": row.asked_environment,
        "checks": row.checks,
        "permit": permit,
        "vsa": json.loads(row.vsa) if permit and row.vsa else None,
        "svr": json.loads(row.svr) if permit and row.svr else None,
        "renewal_of": row.renewal_of_id,
        "expires_at": row.expires_at,
        "pipeline": row.pipeline_token.claims if row.pipeline_token else None,
        "decided_at": row.decided_at,
    }
