"""Charts of a performance report."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import Chart, axis, layer, sheet, thinned
from audits.labels import measurement_label


def roc(summary: Mapping[str, Any]) -> Chart | None:
    """True against false positive rate at every threshold."""
    points = summary.get("roc_curve")
    if not points:
        return None
    false, true = "false_positive_rate", "true_positive_rate"
    head = (measurement_label(false), measurement_label(true))
    spec = sheet(
        layer(
            {
                "data": {"values": [{false: 0, true: 0}, {false: 1, true: 1}]},
                "mark": {"type": "line", "strokeDash": [4, 3], "style": "reference"},
            },
            {"data": {"values": points}, "mark": {"type": "line", "order": False}},
            encoding={
                "x": axis(false, head[0], domain=[0, 1]),
                "y": axis(true, head[1], domain=[0, 1]),
            },
        ),
        height=260,
        width=260,
    )
    # Sorted by the curve itself: a line sorted by x would lose its vertical parts.
    spec["encoding"]["order"] = {"field": true, "type": "quantitative"}
    return Chart(
        key="roc",
        title=_("ROC curve"),
        alt=_(
            "ROC curve: true positive rate against false positive rate at every "
            "threshold; the dashed diagonal is guessing."
        ),
        spec=spec,
        head=head,
        rows=tuple((p[false], p[true]) for p in thinned(points, 11)),
    )


def calibration(summary: Mapping[str, Any]) -> Chart | None:
    """Share of positives against mean score, bin by bin."""
    bins = [b for b in summary.get("calibration") or () if b.get("rows")]
    if not bins:
        return None
    diagonal = [{"mean_score": 0, "share_positive": 0}]
    diagonal.append({"mean_score": 1, "share_positive": 1})
    return Chart(
        key="calibration",
        title=_("Calibration"),
        alt=_(
            "Share of positives against mean score in bins of equal width; on the "
            "dashed diagonal scores are probabilities."
        ),
        spec=sheet(
            layer(
                {
                    "data": {"values": diagonal},
                    "mark": {
                        "type": "line",
                        "strokeDash": [4, 3],
                        "style": "reference",
                    },
                },
                {
                    "data": {"values": bins},
                    "mark": {"type": "line", "point": True},
                },
                encoding={
                    "x": axis("mean_score", _("Mean score"), domain=[0, 1]),
                    "y": axis("share_positive", _("Share of positives"), domain=[0, 1]),
                },
            ),
            height=260,
            width=260,
        ),
        head=(_("Scores"), _("Rows"), _("Mean score"), _("Share of positives")),
        rows=tuple(
            (
                f"{b['from']:.1f} – {b['to']:.1f}",
                b["rows"],
                b["mean_score"],
                b["share_positive"],
            )
            for b in bins
        ),
    )


def confusion(summary: Mapping[str, Any]) -> Chart | None:
    """Rows by actual and predicted class."""
    cells = summary.get("confusion")
    if not cells:
        return None
    words = {
        "true_positive": (_("positive"), _("positive")),
        "false_negative": (_("positive"), _("negative")),
        "false_positive": (_("negative"), _("positive")),
        "true_negative": (_("negative"), _("negative")),
    }
    values: list[dict[str, Any]] = [
        {"actual": words[name][0], "predicted": words[name][1], "rows": int(count)}
        for name, count in cells.items()
        if name in words
    ]
    order = [_("positive"), _("negative")]
    place = {
        "x": {
            "field": "predicted",
            "type": "nominal",
            "title": _("Predicted"),
            "sort": order,
            "axis": {"labelAngle": 0, "orient": "top"},
        },
        "y": {
            "field": "actual",
            "type": "nominal",
            "title": _("Actual"),
            "sort": order,
        },
    }
    amount = {"field": "rows", "type": "quantitative"}
    return Chart(
        key="confusion",
        title=_("Confusion matrix at the threshold %(value)s")
        % {"value": summary.get("threshold", "")},
        alt=_("Rows by actual and predicted class: ")
        + "; ".join(f"{v['actual']}/{v['predicted']} {v['rows']}" for v in values),
        spec=sheet(
            layer(
                {
                    "mark": {"type": "rect", "style": "cell-fill", "opacity": 0.25},
                    "encoding": {
                        "opacity": {
                            **amount,
                            "legend": None,
                            "scale": {"range": [0.08, 0.45]},
                        }
                    },
                },
                {
                    "mark": {"type": "text", "fontSize": 14, "fontWeight": 600},
                    "encoding": {"text": {**amount, "format": ",d"}},
                },
                encoding=place,
            ),
            values=values,
            height=110,
            width=220,
        ),
        head=(_("Actual"), _("Predicted"), _("Rows")),
        rows=tuple((v["actual"], v["predicted"], v["rows"]) for v in values),
    )


def points_of(summary: Mapping[str, Any]) -> Chart | None:
    """Predicted against actual values of a regression."""
    points = summary.get("points")
    if not points:
        return None
    return Chart(
        key="predicted",
        title=_("Predicted against actual values"),
        alt=_("Scatter of predicted against actual values of the target."),
        spec=sheet(
            {
                "mark": {"type": "point", "opacity": 0.6},
                "encoding": {
                    "x": axis("target", _("Actual"), zero=False),
                    "y": axis("predicted", _("Predicted"), zero=False),
                },
            },
            values=points,
            height=260,
            width=260,
        ),
        head=(_("Actual"), _("Predicted")),
        rows=tuple((p["target"], p["predicted"]) for p in thinned(points, 11)),
    )
