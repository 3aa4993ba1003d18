"""Charts of an explainability report."""

import json
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import SCHEMA, Chart, Row, axis, distinct, layer, sheet

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
    # Not within the expression below: makemessages does not look into f-strings.
    low, high = json.dumps(_("low")), json.dumps(_("high"))
    colour = {
        "field": "level",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [_LOW, _HIGH]},
        "legend": {
            "title": _("Value of the feature"),
            "type": "symbol",
            "values": [0, 1],
            "labelExpr": f"datum.value < 0.5 ? {low} : {high}",
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
        head=(
            _("Feature"),
            _("Rows"),
            _("Lowest SHAP value"),
            _("Median"),
            _("Highest SHAP value"),
            _("Mean where the feature is low"),
            _("Mean where the feature is high"),
        ),
        rows=tuple(_spread(points)),
    )


def _spread(points: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """The points of each feature as one row; low and high are the outer thirds."""
    by_feature: dict[str, list[Mapping[str, Any]]] = {}
    for point in points:
        by_feature.setdefault(str(point["feature"]), []).append(point)
    for feature, found in by_feature.items():
        shap = [float(point["shap"]) for point in found]
        known = [p for p in found if p["level"] is not None]
        low = [float(p["shap"]) for p in known if p["level"] < 1 / 3]
        high = [float(p["shap"]) for p in known if p["level"] > 2 / 3]
        yield (
            feature,
            len(shap),
            min(shap),
            median(shap),
            max(shap),
            fmean(low) if low else None,
            fmean(high) if high else None,
        )


def _features() -> dict[str, Any]:
    return {"field": "feature", "type": "nominal", "sort": None, "title": None}
