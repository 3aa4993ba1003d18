"""Charts of a report on data quality."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from audits.charts.base import Chart, axis, distinct, layer, sheet, short

MOST_COLUMNS = 20
MOST_GROUPS = 24


def missing_values(summary: Mapping[str, Any]) -> Chart | None:
    """The share of missing values of the columns that lack some."""
    found = summary.get("columns") or ()
    names = distinct(str(row["feature"]) for row in found)
    values = [
        {
            "feature": names[str(row["feature"])],
            "share": row["missing"] / row["rows"],
        }
        for row in found[:MOST_COLUMNS]
        if row["missing"] and row["rows"]
    ]
    if not values:
        return None
    title = _("Share of missing values")
    return Chart(
        key="missing",
        title=_("What is missing"),
        alt=_("Share of missing values by column: ")
        + "; ".join(f"{v['feature']} {v['share']:.3f}" for v in values),
        spec=sheet(
            {
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "x": axis("share", title, domain=[0, 1]),
                    "y": {
                        "field": "feature",
                        "type": "nominal",
                        "sort": None,
                        "title": None,
                    },
                },
            },
            values=values,
            height={"step": 18},
        ),
        head=(
            _("Column"),
            _("Missing"),
            _("Infinite"),
            _("Different values"),
            _("Outside the training range"),
        ),
        rows=tuple(
            (
                str(row["feature"]),
                row["missing"],
                row["infinite"],
                row["distinct"],
                row["outside"],
            )
            for row in found
        ),
    )


def representation(table: Mapping[str, Any]) -> Chart | None:
    """The share of each group beside the share that was to be expected."""
    groups = [row for row in table["groups"] if row["share"] is not None]
    if not groups:
        return None
    names = distinct(str(row["group"]) for row in groups[:MOST_GROUPS])
    values = [
        {**{key: row[key] for key in ("share", "lower", "upper")}, "group": name}
        for row, name in zip(groups, names.values(), strict=False)
    ]
    expected = [
        {"group": name, "expected": row["expected"]}
        for row, name in zip(groups, names.values(), strict=False)
        if row["expected"] is not None
    ]
    feature = str(table["feature"])
    place = {"field": "group", "type": "nominal", "sort": None, "title": None}
    title = _("Share of the rows")
    tick = {"type": "tick", "thickness": 2, "style": "reference"}
    return Chart(
        key=f"shares-{feature}",
        title=_("Groups of %(feature)s") % {"feature": short(feature)},
        alt=_("Share of each group; the tick is the expected share: ")
        + "; ".join(f"{v['group']} {v['share']:.3f}" for v in values),
        spec=sheet(
            layer(
                {
                    "data": {"values": values},
                    "mark": {"type": "rule", "style": "interval"},
                    "encoding": {"x": axis("lower", title), "x2": {"field": "upper"}},
                },
                {
                    "data": {"values": values},
                    "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                    "encoding": {"x": axis("share", title)},
                },
                {
                    "data": {"values": expected},
                    "mark": tick,
                    "encoding": {"x": axis("expected", title)},
                },
                encoding={"y": place},
            ),
            height={"step": 22},
        ),
        head=(
            _("Group"),
            _("Rows"),
            _("Share"),
            _("Lower"),
            _("Upper"),
            _("Expected"),
        ),
        rows=tuple(
            (
                str(row["group"]),
                row["rows"],
                row["share"],
                row["lower"],
                row["upper"],
                row["expected"],
            )
            for row in groups
        ),
    )
