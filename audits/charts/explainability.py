"""Charts of an explainability report."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import SCHEMA, Chart, axis, distinct, layer, sheet

MOST_FEATURES = 20
_GOLDEN = 0.618033988749895
# Both are seen on paper and on a dark screen, also by people who confuse colours.
_LOW, _HIGH = "#3e98a5", "#cf6320"


def importance(summary: Mapping[str, Any]) -> Chart | None:
    """Mean absolute SHAP value of each feature, the strongest first."""
    found = summary.get("features")
    if not found:
        return None
    names = distinct(str(item["feature"]) for item in found)
    values = [
        {
            "feature": names[str(item["feature"])],
            "value": item["mean_abs_shap"],
            "lower": item.get("lower", item["mean_abs_shap"]),
            "upper": item.get("upper", item["mean_abs_shap"]),
        }
        for item in found[:MOST_FEATURES]
    ]
    return Chart(
        key="importance",
        title=_("What the predictions rest on"),
        alt=_("Mean absolute SHAP value by feature: ")
        + "; ".join(f"{v['feature']} {v['value']:.3f}" for v in values),
        spec=sheet(
            layer(
                {
                    "mark": {"type": "bar", "height": {"band": 0.7}},
                    "encoding": {"x": axis("value", _("Mean absolute SHAP value"))},
                },
                {
                    "mark": {"type": "rule", "style": "interval"},
                    "encoding": {
                        "x": {"field": "lower", "type": "quantitative"},
                        "x2": {"field": "upper"},
                    },
                },
                encoding={"y": _features()},
            ),
            values=values,
            height={"step": 18},
        ),
        head=(
            _("Feature"),
            _("Mean absolute SHAP value"),
            _("In a second sample"),
            _("Mean SHAP value"),
        ),
        rows=tuple(
            (
                str(item["feature"]),
                item["mean_abs_shap"],
                item["mean_abs_shap_second_sample"],
                item["mean_shap"],
            )
            for item in found
        ),
    )


def beeswarm(summary: Mapping[str, Any]) -> Chart | None:
    """One point for each row and feature: its SHAP value, from blue-green to orange."""
    points = summary.get("beeswarm")
    if not points:
        return None
    names = distinct(str(point["feature"]) for point in points)
    values = [
        {
            "feature": names[str(point["feature"])],
            "shap": point["shap"],
            "level": point["level"],
            # Spread evenly and the same every time, unlike a random jitter.
            "spread": index * _GOLDEN % 1,
        }
        for index, point in enumerate(points)
    ]
    colour = {
        "field": "level",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [_LOW, _HIGH]},
        "legend": {
            "title": _("Value of the feature"),
            "type": "symbol",
            "values": [0, 1],
            "labelExpr": f"datum.value < 0.5 ? {json.dumps(_('low'))} : "
            f"{json.dumps(_('high'))}",
            "titleFontSize": 9,
            "labelFontSize": 9,
        },
    }
    return Chart(
        key="beeswarm",
        title=_("Which way each feature pushes"),
        alt=_(
            "One point for each explained row and feature; to the right it raised the "
            "score, to the left it lowered it. Orange points are high feature values, "
            "blue-green points low ones."
        ),
        spec={
            "$schema": SCHEMA,
            "width": 420,
            "height": {"step": 24},
            "data": {"values": values},
            "mark": {"type": "point", "filled": True, "size": 9, "opacity": 0.75},
            "encoding": {
                "x": axis("shap", _("SHAP value")),
                "y": _features(),
                "yOffset": {
                    "field": "spread",
                    "type": "quantitative",
                    "scale": {"domain": [-0.4, 1.4]},
                },
                "color": colour,
            },
        },
    )


def _features() -> dict[str, Any]:
    return {"field": "feature", "type": "nominal", "sort": None, "title": None}
