"""Charts of a fairness report."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import SCHEMA, Chart, axis, distinct, short
from audits.labels import measurement_label

MOST_GROUPS = 24
_GROUP_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


def rates_by_group(table: Mapping[str, Any]) -> Chart | None:
    """Rates by group with their intervals, one column of the chart for each rate."""
    feature, groups = str(table["feature"]), table["groups"]
    flat = [
        (str(group["group"]), name, group["rates"][name])
        for group in groups
        for name in _GROUP_RATES
        if name in group["rates"]
    ]
    shown = distinct(str(group["group"]) for group in groups[:MOST_GROUPS])
    values = [
        {
            "group": shown[group],
            "rate": measurement_label(name),
            "value": rate["value"],
            "lower": rate["lower"],
            "upper": rate["upper"],
        }
        for group, name, rate in flat
        if rate["value"] is not None and group in shown
    ]
    if not values:
        return None
    across = {"field": "group", "type": "nominal", "title": None, "sort": None}
    inner = {
        "width": 135,
        "height": {"step": 22},
        "layer": [
            {
                "mark": {"type": "rule", "style": "interval"},
                "encoding": {
                    "x": axis("lower", None, domain=[0, 1]),
                    "x2": {"field": "upper"},
                    "y": across,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                "encoding": {"x": axis("value", None, domain=[0, 1]), "y": across},
            },
        ],
    }
    spec = {
        "$schema": SCHEMA,
        "data": {"values": values},
        "facet": {
            "column": {
                "field": "rate",
                "type": "nominal",
                "title": None,
                "sort": [measurement_label(name) for name in _GROUP_RATES],
            }
        },
        "spec": inner,
    }
    return Chart(
        key=f"groups-{feature}",
        title=_title(short(feature), len(shown), len(groups)),
        alt=_("Rates by group with their intervals: ")
        + "; ".join(
            f"{v['rate']}, {v['group']}: {v['value']:.3f}" for v in values[:24]
        ),
        spec=spec,
        head=(_("Group"), _("Rate"), _("Value"), _("Lower"), _("Upper"), _("n")),
        rows=tuple(
            (group, measurement_label(name), r["value"], r["lower"], r["upper"], r["n"])
            for group, name, r in flat
        ),
    )


def _title(feature: str, shown: int, known: int) -> str:
    if shown == known:
        return _("Rates by %(feature)s") % {"feature": feature}
    return _("Rates by %(feature)s, the first %(shown)s of %(known)s groups") % {
        "feature": feature,
        "shown": shown,
        "known": known,
    }
