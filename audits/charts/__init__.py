"""Charts for pages and papers: documents in, Vega-Lite specifications out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from audits.charts.base import Chart, legible
from audits.charts.data_quality import missing_values, representation
from audits.charts.drift import moved_features
from audits.charts.explainability import beeswarm, importance
from audits.charts.explained_cases import of_cases
from audits.charts.fairness import of_fairness
from audits.charts.lineage import lineage
from audits.charts.performance import calibration, confusion, points_of, roc
from audits.charts.robustness import along, responses
from audits.charts.slices import confusion_matrix, cost_curve, periods, segments

__all__ = ["Chart", "legible", "lineage", "of_report"]

_DRAWN: dict[str, tuple[Callable[[Mapping[str, Any]], Chart | None], ...]] = {
    "performance": (
        roc,
        calibration,
        confusion,
        confusion_matrix,
        points_of,
        segments,
        periods,
        cost_curve,
    ),
    "robustness": (responses,),
    "drift": (moved_features,),
    "data_quality": (missing_values,),
    "explainability": (importance, beeswarm),
}


def of_report(
    kind: str, document: Mapping[str, Any], limits: Mapping[str, float] | None = None
) -> tuple[Chart, ...]:
    """The charts of an evidence report, from the `summary` of its document.

    What the summary lacks is not drawn. Control characters become visible. `limits`
    are the largest differences that a policy allows, by measurement.
    """
    summary = legible(document.get("summary") or {})
    charts = [draw(summary) for draw in _DRAWN.get(kind, ())]
    if kind == "fairness":
        charts += of_fairness(summary, limits or {})
    if kind == "explainability":
        charts += of_cases(summary)
    charts += [representation(one) for one in summary.get("representativeness", ())]
    charts += [along(one, place) for place, one in enumerate(_curves(summary))]
    return tuple(chart for chart in charts if chart is not None)


def _curves(summary: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    curves: Sequence[Mapping[str, Any]] = summary.get("curves", ())
    return curves
