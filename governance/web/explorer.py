"""The threshold explorer: what a report's people would get at another threshold."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.models import EvidenceReport
from governance import roles
from governance.web.evidence import find_run, limits_for
from governance.web.exploring import Explored, explored
from governance.web.frame import PersonRequest, may, page, show
from governance.web.limits import Limit
from governance.web.looks import Look
from governance.web.numbers import NumberField


class ThresholdForm(forms.Form):
    """Which threshold, and whose groups."""

    threshold = NumberField(label=gettext_lazy("Threshold"), min_value=0, max_value=1)
    feature = forms.ChoiceField(label=gettext_lazy("Groups by"), required=False)

    def __init__(self, kept: Explored, data: Mapping[str, Any] | None) -> None:
        """Offer the features of a report; start at the threshold in force."""
        super().__init__(data or None, initial={"threshold": kept.in_force})
        names = [one.name for one in kept.features]
        if len(names) > 1:
            offered = cast("forms.ChoiceField", self.fields["feature"])
            offered.choices = [(name, name) for name in names]
        else:
            del self.fields["feature"]
        self.fields["threshold"].widget.attrs["data-slider"] = _(
            "Threshold, as a slider"
        )


@page
def threshold_page(request: PersonRequest, run_id: UUID) -> HttpResponse:
    """Try a threshold on stored counts; nothing is measured and nothing changes."""
    run = find_run(run_id)
    roles.require(request.user, "read", model=run.version.model)
    if run.kind not in ("fairness", "performance"):
        raise Http404(_("Only performance and fairness move with a threshold."))
    report = get_object_or_404(
        EvidenceReport.objects.select_related("run__version__model"),
        run=run.answered_by_id or run.pk,
    )
    kept = explored(report.document)
    context: dict[str, Any] = {"run": run, "version": run.version, "kept": kept}
    context["may_measure"] = may(request, "request evidence")
    if kept is not None:
        context |= _looked_at(request, kept, limits_for(report))
    if request.headers.get("HX-Request"):
        return render(request, "evidence/explored.html", context)
    return show(request, "evidence/threshold.html", context, section="models")


def _looked_at(
    request: PersonRequest, kept: Explored, limits: Mapping[str, Limit]
) -> dict[str, Any]:
    form = ThresholdForm(kept, request.GET if "threshold" in request.GET else None)
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    place = kept.place(asked.get("threshold", kept.in_force))
    look = Look(kept, limits, place, kept.feature(asked.get("feature", "")))
    return {
        "form": form,
        "look": look,
        "moved": asked.get("threshold", kept.in_force) != look.threshold,
    }
