"""The report of a run: one document in a fixed form, its digest, its numbers."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import override

from audits import charts, words
from audits.charts import legible
from audits.evaluators.base import UnusableEvidence
from audits.measuring import Measured
from audits.models import EvidenceReport, EvidenceRun, Measurement
from audits.questions import evaluators_sha256
from audits.report_format import REPORT_FORMAT
from registry.digests import NotCanonical, canonical_json, sha256_hex

LANGUAGES = ("en", "de")
_NAME, _GROUP, _METHOD, _UNIT = 100, 200, 200, 32


def create(*, run: EvidenceRun, measured: Measured, at: datetime) -> EvidenceReport:
    """Insert the report and its measurements; part of the caller's transaction.

    The document is canonical JSON (RFC 8785) without times, so that the same inputs
    give the same bytes; what it cost stands beside it. Raises UnusableEvidence when
    JSON cannot hold what was measured.
    """
    try:
        body = canonical_json(document(run, measured))
    except NotCanonical as error:
        raise UnusableEvidence(f"The report cannot be written: {error}") from error
    report = EvidenceReport.objects.create(
        run=run,
        document=body.decode(),
        sha256=sha256_hex(body),
        sandbox=measured.sandbox[:200],
        cost=_cost(run, measured, at),
        reported_at=at,
    )
    Measurement.objects.bulk_create(_rows(report, measured))
    return report


def document(run: EvidenceRun, measured: Measured) -> dict[str, Any]:
    """Answer the report's document; its form is `evidence-report-1.schema.json`.

    Control characters and surrogates of a stranger's texts become visible signs.
    """
    found = measured.evaluation
    whole: dict[str, Any] = {
        "format": REPORT_FORMAT,
        "kind": run.kind,
        "inputs": {
            "model": run.version.model.slug,
            "version": run.version.version,
            "version_sha256": run.version.sha256,
            "artifact_sha256": measured.artifact_sha256,
            "dataset": run.dataset_version.dataset.slug,
            "dataset_version": run.dataset_version.version,
            "dataset_sha256": run.dataset_version.sha256,
        },
        "question_sha256": run.question_sha256,
        "config": run.config,
        "basis": measured.basis,
        "engines": {**found.versions, "evaluators_sha256": evaluators_sha256()},
        "sandbox": measured.sandbox,
        "measurements": [asdict(one) for one in found.measurements],
        "summary": found.summary,
        "warnings": found.warnings,
        "limits": found.limits,
    }
    whole = legible(whole)
    return {
        **whole,
        "words": {language: _said(language, measured) for language in LANGUAGES},
        "charts": {language: _drawn(language, whole) for language in LANGUAGES},
    }


def _said(language: str, measured: Measured) -> list[str]:
    with override(language):
        return [legible(s) for s in words.sentences(measured.evaluation.measurements)]


def _drawn(language: str, whole: dict[str, Any]) -> list[dict[str, Any]]:
    with override(language):
        return [
            {"key": one.key, "title": one.title, "alt": one.alt, "spec": one.spec}
            for one in charts.of_report(whole["kind"], whole)
        ]


def _cost(run: EvidenceRun, measured: Measured, at: datetime) -> dict[str, Any]:
    began = run.started_at or at
    seconds = round(max(0.0, (at - began).total_seconds()), 3)
    rows = run.dataset_version.row_count or 0
    return {
        "seconds": seconds,
        "rows": rows,
        "rows_per_second": round(rows / seconds) if seconds else None,
        "cpu_seconds": round(measured.cpu_seconds, 3),
        "peak_memory_bytes": measured.peak_memory_bytes,
        "parts": run.parts.count() or 1,
    }


def _rows(report: EvidenceReport, measured: Measured) -> list[Measurement]:
    return [
        Measurement(
            report=report,
            name=one.name[:_NAME],
            group=legible(one.group)[:_GROUP],
            value=one.value,
            lower=one.lower,
            upper=one.upper,
            n=one.n,
            unit=one.unit[:_UNIT],
            method=legible(one.method)[:_METHOD],
            because=legible(one.because),
        )
        for one in measured.evaluation.measurements
    ]
