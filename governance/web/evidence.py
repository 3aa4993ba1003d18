"""Evidence: asking for a run, watching it, reading its report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audits.evidence import OPEN, AlreadyEnded
from audits.models import EvidenceReport, EvidenceRun, Measurement
from audits.questions import CannotMeasure
from governance import evidence, nudge, roles
from governance.case import Case
from governance.web import figures, method_words, telling
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.limits import Limit
from governance.web.readings import limits_of
from governance.web.versions import find_version
from registry.models import DatasetVersion, Environment

if TYPE_CHECKING:
    DatasetField = forms.ModelChoiceField[DatasetVersion]
else:
    DatasetField = forms.ModelChoiceField


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
        help_text=_(
            "Data that the model has not learned from, uploaded through the API: "
            "POST /api/v1/datasets/DATASET/versions."
        ),
    )
    again = forms.BooleanField(
        label=_("Measure again"),
        required=False,
        help_text=_(
            "What was measured before, on the same bytes with the same settings, is "
            "answered from the stored report. Tick this to compute it anew."
        ),
    )


@page
def measure(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Ask the evidence engine, and watch the run."""
    row = find_version(slug, version)
    roles.require(request.user, "request evidence", model=row.model)
    form = MeasureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = evidence.request_run(
                version=row,
                kind=form.cleaned_data["kind"],
                dataset_version=form.cleaned_data["dataset"],
                again=form.cleaned_data["again"],
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


def find_run(run_id: UUID) -> EvidenceRun:
    """A run with what its pages name; answers 404."""
    runs = EvidenceRun.objects.select_related(
        "version__model", "dataset_version__dataset", "requested_by"
    )
    return get_object_or_404(runs, pk=run_id)


@page
def run_page(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """How far a run is; once it is finished, its report."""
    run = find_run(run_id)
    report = (
        EvidenceReport.objects.filter(run=run.answered_by_id or run.pk)
        .select_related("run__version__model")
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
            "said": _said(run),
            "may_cancel": roles.may(
                request.user,
                evidence.right_to_cancel(run, request.user),
                model=run.version.model,
            ),
            "report": report,
            **(_report(report) if report else {}),
        },
        section="models",
    )


def _said(run: EvidenceRun) -> str:
    """How far a run is, for those who hear the page: in steps of ten percent."""
    tenths = int(run.progress * 10) * 10
    state = f"{run.get_state_display()}: {run.step}" if run.step else ""
    return f"{state or run.get_state_display()}, {tenths} %"


@page
def progress(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """The bar alone, once a second; the whole page when the run has ended.

    What a screen reader says is sent only when it differs from what it said last
    (`heard`): a sentence each second would talk over everything else.
    """
    run = find_run(run_id)
    said = _said(run)
    context = {"run": run, "said": said, "say": said != request.GET.get("heard")}
    response = render(request, "evidence/progress.html", context)
    if run.state not in OPEN:
        response.headers["HX-Refresh"] = "true"
    return response


@page
@require_POST
def cancel(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """Take a question back."""
    run = find_run(run_id)
    try:
        evidence.cancel_run(run=run, by=request.user, at=timezone.now())
    except AlreadyEnded as refusal:
        messages.warning(request, str(refusal))
    return redirect("web:evidence", run.pk)


@page
def document(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """The report's document as a file, in the very bytes that its digest covers."""
    run = find_run(run_id)
    roles.require(request.user, "read", model=run.version.model)
    report = get_object_or_404(EvidenceReport, run=run.answered_by_id or run.pk)
    name = f"{run.version.model.slug}-{run.version.version}-{run.kind}.json"
    return HttpResponse(
        report.document.encode(),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@dataclass(frozen=True)
class Word:
    """A measurement that speaks for the whole report, and the limit of the policy."""

    row: Measurement
    limit: str = ""
    passed: bool | None = None


def _says_all(row: Measurement) -> bool:
    """Whether a measurement is about everybody, or compares groups."""
    return not row.group or row.name.endswith(("_difference", "_ratio"))


def _word(row: Measurement, limits: Mapping[str, Limit]) -> Word:
    limit = limits.get(row.name)
    if limit is None:
        return Word(row)
    passed = row.value is not None and limit.holds(row.value)
    return Word(row, limit.text, passed)


def limits_for(report: EvidenceReport) -> Mapping[str, Limit]:
    """What the policy in force asks of this model's tier, by measurement."""
    # Limits are the same in every environment.
    return limits_of(Case(report.run.version, Environment(), timezone.now()))


def _told(
    report: EvidenceReport,
    summary: Mapping[str, Any],
    rows: Sequence[Measurement],
    limits: Mapping[str, Limit],
) -> list[tuple[figures.Drawn, list[str]]]:
    """The figures with their sentences."""
    most = {n: one.high for n, one in limits.items() if one.high is not None}
    return [
        (figure, telling.words(figure.key, summary, rows, limits))
        for figure in figures.all_of(report, most)
    ]


def _reasons(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The kept adverse cases with what their people would be told."""
    told = "text_de" if (get_language() or "").startswith("de") else "text_en"
    return [
        {**case, "reasons": [reason[told] for reason in case["reasons"]]}
        for case in (summary.get("reasons") or {}).get("cases", ())
    ]


def _report(report: EvidenceReport) -> dict[str, Any]:
    """What a report says: words first, then figures, then every number."""
    document = json.loads(report.document)
    rows = list(report.measurements.all())
    limits = limits_for(report)
    words = [_word(row, limits) for row in rows if _says_all(row)]
    return {
        "words": sorted(words, key=lambda word: not word.limit),
        "groups": [row for row in rows if not _says_all(row)],
        "figures": _told(report, document["summary"], rows, limits),
        "warnings": method_words.told(document.get("warnings", [])),
        "basis": method_words.told(filter(None, [document.get("basis")])),
        "method_limits": method_words.told(document.get("limits", [])),
        "inputs": document.get("inputs", {}),
        "engines": document.get("engines", {}),
        "config": document.get("config", {}),
        "reasons": _reasons(document["summary"]),
        "explorable": bool(document["summary"].get("threshold_counts")),
    }
