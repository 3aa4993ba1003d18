"""The evidence of a dossier: reports with their measurements, engines and figures."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits import charts
from audits.labels import measurement_label
from audits.models import EvidenceReport, EvidenceRun
from governance.dossier import content
from governance.dossier.facts import pairs
from governance.dossier.impact import tables_of


class UnreadableReport(Exception):
    """A stored evidence report is not the JSON document that it should be."""


def attachment_name(kind: str) -> str:
    """The name of a report's document inside the PDF."""
    return f"evidence-{kind}.json"


def evidence_of(
    reports: Mapping[str, EvidenceReport],
) -> tuple[content.Evidence, ...]:
    """The reports in the order of their kinds. Raises `UnreadableReport`."""
    return tuple(
        _evidence(kind, reports[kind])
        for kind in EvidenceRun.Kind.values
        if kind in reports
    )


def document_of(report: EvidenceReport) -> dict[str, Any]:
    """The parsed document of a report. Raises `UnreadableReport`."""
    try:
        document = json.loads(report.document)
    except json.JSONDecodeError as error:
        raise UnreadableReport(
            _("The evidence report %(id)s is not JSON: %(error)s")
            % {"id": report.pk, "error": error}
        ) from error
    if not isinstance(document, dict):
        raise UnreadableReport(
            _("The evidence report %(id)s is not a JSON object.") % {"id": report.pk}
        )
    return document


def _evidence(kind: str, report: EvidenceReport) -> content.Evidence:
    document, run = document_of(report), report.run
    measured = tuple(
        content.Measured(
            name=row.name,
            label=measurement_label(row.name),
            group=row.group,
            value=row.value,
            lower=row.lower,
            upper=row.upper,
            n=row.n,
            unit=row.unit,
            method=row.method,
            because=row.because,
        )
        for row in sorted(
            report.measurements.all(), key=lambda m: (m.group != "", m.name, m.group)
        )
    )
    return content.Evidence(
        kind=kind,
        label=str(EvidenceRun.Kind(kind).label),
        run_id=str(run.pk),
        report_id=str(report.pk),
        sha256=report.sha256,
        dataset=str(run.dataset_version),
        dataset_sha256=run.dataset_version.sha256,
        requested_by=run.requested_by.printed_name,
        requested_at=run.requested_at,
        reported_at=report.reported_at,
        sandbox=report.sandbox,
        config=pairs(document.get("config", run.config)),
        engines=pairs(document.get("engines", {})),
        warnings=tuple(str(text) for text in document.get("warnings", ())),
        limits=tuple(str(text) for text in document.get("limits", ())),
        measurements=measured,
        figures=charts.of_report(kind, document),
        attachment=attachment_name(kind),
        impact=tables_of(document),
    )
