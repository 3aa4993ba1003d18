"""Evidence: asking for a run, watching it, reading its report."""

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audits.evidence import CannotMeasure
from audits.models import EvidenceReport, EvidenceRun
from governance import evidence, nudge
from governance.web import figures
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.versions import find_version
from registry.models import DatasetVersion

if TYPE_CHECKING:
    DatasetField = forms.ModelChoiceField[DatasetVersion]
else:
    DatasetField = forms.ModelChoiceField

OPEN = (EvidenceRun.State.PENDING, EvidenceRun.State.RUNNING)
FAIRNESS = EvidenceRun.Kind.FAIRNESS


class DataField(DatasetField):
    """Chooses among the data sets whose rows are stored here."""

    def label_from_instance(self, obj: DatasetVersion) -> str:
        """Name, version and size."""
        return f"{obj} ({obj.row_count or '?'})"


class MeasureForm(forms.Form):
    """What to measure, and on which data."""

    kind = forms.ChoiceField(label=_("Kind"), choices=EvidenceRun.Kind.choices)
    dataset = DataField(
        label=_("Data set"),
        queryset=DatasetVersion.objects.filter(artifact__isnull=False).select_related(
            "dataset"
        ),
        help_text=_("Data that the model has not learned from."),
    )
    threshold = forms.FloatField(
        label=_("Threshold"),
        initial=0.5,
        min_value=0,
        max_value=1,
        help_text=_("A score at or above it counts as positive."),
    )
    favourable = forms.TypedChoiceField(
        label=_("Favourable outcome for people"),
        coerce=int,
        choices=[(1, _("positive (1)")), (0, _("negative (0)"))],
        help_text=_("For a model that predicts refusal it is 0. For fairness only."),
    )

    def config(self) -> dict[str, Any]:
        """The settings that this kind reads."""
        data = self.cleaned_data
        settings = {"threshold": data["threshold"]}
        if data["kind"] == FAIRNESS:
            settings["favourable"] = data["favourable"]
        return settings


@page
def measure(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Ask the evidence engine, and watch the run."""
    row = find_version(slug, version)
    form = MeasureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = evidence.request_run(
                version=row,
                kind=form.cleaned_data["kind"],
                dataset_version=form.cleaned_data["dataset"],
                config=form.config(),
                by=request.user,
                at=timezone.now(),
            )
            nudge.nudge(nudge.EVIDENCE)
            return redirect("web:evidence", run.pk)
        except CannotMeasure as refusal:
            field = refusal.field.removeprefix("config/")
            put_errors(form, {field: [str(refusal)]})
    return show(
        request,
        "evidence/measure.html",
        {"form": form, "version": row, "model": row.model},
        section="models",
    )


def _find(run_id: UUID) -> EvidenceRun:
    runs = EvidenceRun.objects.select_related(
        "version__model", "dataset_version__dataset", "requested_by"
    )
    return get_object_or_404(runs, pk=run_id)


@page
def run_page(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """How far a run is; once it is finished, its report."""
    run = _find(run_id)
    report = (
        EvidenceReport.objects.filter(run=run)
        .select_related("run")
        .prefetch_related("measurements")
        .first()
    )
    return show(
        request,
        "evidence/run.html",
        {
            "run": run,
            "version": run.version,
            "open": run.state in OPEN,
            "report": report,
            **(_report(report) if report else {}),
        },
        section="models",
    )


@page
def progress(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """The bar alone, once a second; the whole page when the run has ended."""
    run = _find(run_id)
    response = render(request, "evidence/progress.html", {"run": run})
    if run.state not in OPEN:
        response.headers["HX-Refresh"] = "true"
    return response


def _report(report: EvidenceReport) -> dict[str, Any]:
    """What a report says: words first, then figures, then every number."""
    document = json.loads(report.document)
    rows = list(report.measurements.all())
    return {
        "whole": [row for row in rows if not row.group],
        "groups": [row for row in rows if row.group],
        "figures": figures.all_of(report),
        "warnings": document.get("warnings", []),
        "inputs": document.get("inputs", {}),
        "engines": document.get("engines", {}),
        "config": document.get("config", {}),
    }
