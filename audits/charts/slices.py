"""Charts of a performance report's slices: segments, periods, costs, many classes."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import Chart, axis, distinct, layer, sheet, thinned
from audits.labels import measurement_label

MOST_CLASSES = 12


def segments(summary: Mapping[str, Any]) -> Chart | None:
    """How much larger the loss of the weakest segments is than that of other rows."""
    found = [row for row in summary.get("segments") or () if "difference" in row]
    if not found:
        return None
    names = distinct(str(row["segment"]) for row in found)
    values = [
        {
            "segment": names[str(row["segment"])],
            "difference": row["difference"],
            "lower": row["lower"],
            "upper": row["upper"],
        }
        for row in found
    ]
    place = {"field": "segment", "type": "nominal", "sort": None, "title": None}
    title = _("Larger loss than other rows")
    return Chart(
        key="segments",
        title=_("Where the model is weakest"),
        alt=_("Mean loss of each segment minus that of the other rows: ")
        + "; ".join(f"{v['segment']} {v['difference']:.3f}" for v in values),
        spec=sheet(
            layer(
                {
                    "mark": {"type": "rule", "style": "interval"},
                    "encoding": {"x": axis("lower", title), "x2": {"field": "upper"}},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                    "encoding": {"x": axis("difference", title)},
                },
                encoding={"y": place},
            ),
            values=values,
            height={"step": 22},
        ),
        head=(
            _("Segment"),
            _("Rows"),
            _("Mean loss"),
            _("Other rows"),
            _("p value, adjusted"),
        ),
        rows=tuple(
            (
                str(row["segment"]),
                row["rows"],
                row["mean_loss"],
                row["others"],
                row["p_adjusted"],
            )
            for row in found
        ),
    )


def periods(summary: Mapping[str, Any]) -> Chart | None:
    """Performance of each period, with its interval."""
    found = summary.get("periods")
    if not found:
        return None
    name = "roc_auc" if any("roc_auc" in row for row in found) else "loss"
    rows = [(str(row["period"]), row["rows"], row.get(name) or {}) for row in found]
    values = [
        {"period": period, **{k: one[k] for k in ("value", "lower", "upper")}}
        for period, _rows, one in rows
        if one.get("value") is not None
    ]
    if not values:
        return None
    label = measurement_label(f"{name}_by_period")
    across = {"field": "period", "type": "ordinal", "sort": None, "title": None}
    return Chart(
        key="periods",
        title=_("Performance over time"),
        alt=label + ": " + "; ".join(f"{v['period']} {v['value']:.3f}" for v in values),
        spec=sheet(
            layer(
                {
                    "mark": {"type": "rule", "style": "interval"},
                    "encoding": {
                        "y": axis("lower", label, zero=False),
                        "y2": {"field": "upper"},
                    },
                },
                {
                    "mark": {"type": "line", "point": True},
                    "encoding": {"y": axis("value", label, zero=False)},
                },
                encoding={"x": across},
            ),
            values=values,
        ),
        head=(_("Period"), _("Rows"), label, _("Lower"), _("Upper")),
        rows=tuple(
            (period, count, one.get("value"), one.get("lower"), one.get("upper"))
            for period, count, one in rows
        ),
    )


def cost_curve(summary: Mapping[str, Any]) -> Chart | None:
    """The cost of a row at every threshold, and the threshold in force."""
    points = summary.get("cost_curve")
    if not points:
        return None
    here = [{"threshold": summary.get("threshold", 0.5)}]
    cheapest = summary.get("cheapest_threshold")
    head = (_("Threshold"), _("Cost per row"))
    return Chart(
        key="costs",
        title=_("What errors cost at each threshold"),
        alt=_(
            "Cost per row against the threshold; the dashed line is the threshold in "
            "force, the cheapest on these rows is %(value)s."
        )
        % {"value": cheapest},
        spec=sheet(
            {
                "layer": [
                    {
                        "data": {"values": points},
                        "mark": {"type": "line"},
                        "encoding": {"y": axis("cost", head[1])},
                    },
                    {
                        "data": {"values": here},
                        "mark": {
                            "type": "rule",
                            "strokeDash": [4, 3],
                            "style": "reference",
                        },
                    },
                ],
                "encoding": {"x": axis("threshold", head[0], domain=[0, 1])},
            }
        ),
        head=head,
        rows=tuple((p["threshold"], p["cost"]) for p in thinned(points, 11)),
    )


def confusion_matrix(summary: Mapping[str, Any]) -> Chart | None:
    """Rows by actual and predicted class, of several classes."""
    matrix, classes = summary.get("confusion_matrix"), summary.get("classes")
    if not matrix or not classes:
        return None
    names = distinct(str(one) for one in classes)
    shown = [names[str(one)] for one in classes[:MOST_CLASSES]]
    cells = [
        (actual, predicted, int(matrix[i][j]))
        for i, actual in enumerate(shown)
        for j, predicted in enumerate(shown)
    ]
    keys = ("actual", "predicted", "rows")
    values = [dict(zip(keys, cell, strict=True)) for cell in cells]
    amount = {"field": "rows", "type": "quantitative"}
    top = {"labelAngle": 0, "orient": "top"}
    place = {
        "x": {
            "field": "predicted",
            "type": "nominal",
            "title": _("Predicted"),
            "sort": shown,
            "axis": top,
        },
        "y": {
            "field": "actual",
            "type": "nominal",
            "title": _("Actual"),
            "sort": shown,
        },
    }
    fill = {**amount, "legend": None, "scale": {"range": [0.04, 0.5]}}
    return Chart(
        key="confusion-matrix",
        title=_("Rows by actual and predicted class"),
        alt=_("Rows by actual and predicted class: ")
        + "; ".join(f"{a}/{p} {n}" for a, p, n in cells[:36]),
        spec=sheet(
            layer(
                {
                    "mark": {"type": "rect", "style": "cell-fill"},
                    "encoding": {"opacity": fill},
                },
                {
                    "mark": {"type": "text", "fontSize": 11},
                    "encoding": {"text": {**amount, "format": ",d"}},
                },
                encoding=place,
            ),
            values=values,
            width=360,
            height={"step": 28},
        ),
        head=(_("Actual"), _("Predicted"), _("Rows")),
        rows=tuple(cells),
    )
