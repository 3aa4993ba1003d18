"""Charts for pages and papers: documents in, Vega-Lite specifications out."""

from collections.abc import Callable, Mapping
from typing import Any

from audits.charts.base import Chart, legible
from audits.charts.explainability import beeswarm, importance
from audits.charts.fairness import rates_by_group
from audits.charts.lineage import lineage
from audits.charts.performance import calibration, confusion, points_of, roc

__all__ = ["Chart", "legible", "lineage", "of_report"]

_DRAWN: dict[str, tuple[Callable[[Mapping[str, Any]], Chart | None], ...]] = {
    "performance": (roc, calibration, confusion, points_of),
    "explainability": (importance, beeswarm),
}


def of_report(kind: str, document: Mapping[str, Any]) -> tuple[Chart, ...]:
    """The charts of an evidence report, from the `summary` of its document.

    What the summary lacks is not drawn. Control characters become visible.
    """
    summary = legible(document.get("summary") or {})
    charts = [draw(summary) for draw in _DRAWN.get(kind, ())]
    if kind == "fairness":
        charts += [rates_by_group(table) for table in summary.get("features", ())]
    return tuple(chart for chart in charts if chart is not None)
