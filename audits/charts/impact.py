"""Charts and tables of impact ratios, as Local Law 144 and the four-fifths rule ask."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import Chart, axis, distinct, layer, sheet, short

MOST_CATEGORIES = 24
FOUR_FIFTHS = 0.8


def of_impact(summary: Mapping[str, Any]) -> list[Chart | None]:
    """Each feature alone, and the first two together."""
    tables = (summary.get("local_law_144") or {}).get("selection", ())
    alone = [table for table in tables if len(table["features"]) == 1]
    pairs = [table for table in tables if len(table["features"]) == 2]
    return [impact_ratios(table) for table in (*alone, *pairs[:1])]


def impact_ratios(table: Mapping[str, Any]) -> Chart | None:
    """The selection rate of each category by the highest one; a line at four fifths."""
    feature, rows = ", ".join(map(str, table["features"])), table["categories"]
    shown = distinct(str(row["category"]) for row in rows[:MOST_CATEGORIES])
    values = [
        {
            "category": shown[str(row["category"])],
            "ratio": row["impact_ratio"],
            "lower": row["impact_ratio_lower"],
            "upper": row["impact_ratio_upper"],
        }
        for row in rows[:MOST_CATEGORIES]
        if row["impact_ratio"] is not None
    ]
    if not values:
        return None
    return Chart(
        key=f"impact-{feature}",
        title=_("Impact ratios: %(feature)s") % {"feature": short(feature)},
        alt=_(
            "Selection rate of each category by the highest one, with intervals; the "
            "dashed line is four fifths."
        ),
        spec=_ratios(values),
        head=(
            _("Category"),
            _("Number of people"),
            _("Selected"),
            _("Selection rate"),
            _("Share of all"),
            _("Impact ratio"),
            _("Without categories below 2 %"),
        ),
        rows=(*(_row(row) for row in rows), _unknown(table)),
    )


def _ratios(values: list[dict[str, Any]]) -> dict[str, Any]:
    across = {"field": "category", "type": "nominal", "title": None, "sort": None}
    x = axis("ratio", _("Impact ratio"), domain=[0, 1])
    interval = {**axis("lower", _("Impact ratio"), domain=[0, 1])}
    layers = layer(
        {
            "data": {"values": [{"ratio": FOUR_FIFTHS}]},
            "mark": {"type": "rule", "strokeDash": [4, 3], "style": "reference"},
            "encoding": {"x": x},
        },
        {
            "transform": [{"filter": "datum.lower != null"}],
            "mark": {"type": "rule", "style": "interval", "clip": True},
            "encoding": {"x": interval, "x2": {"field": "upper"}, "y": across},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
            "encoding": {"x": x, "y": across},
        },
        encoding={},
    )
    return sheet(layers, values=values, height={"step": 22})


def _row(row: Mapping[str, Any]) -> tuple[str | float | int | None, ...]:
    return (
        str(row["category"]),
        row["n"],
        row["selected"],
        row["rate"],
        row["share_of_sample"],
        row["impact_ratio"],
        row["impact_ratio_without_small"],
    )


def _unknown(table: Mapping[str, Any]) -> tuple[str | float | int | None, ...]:
    return (_("unknown"), table["unknown"], None, None, None, None, None)
