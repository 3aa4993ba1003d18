"""Charts of a drift report."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audits.charts.base import Chart, axis, distinct, layer, sheet

MOST_FEATURES = 20
WIDEST = 2.0  # an index beyond is drawn at the edge; the table has its value
BANDS = {
    "stable": gettext_noop("stable"),
    "moderate": gettext_noop("moderate"),
    "large": gettext_noop("large"),
    "unknown": gettext_noop("not estimable"),
}


def moved_features(summary: Mapping[str, Any]) -> Chart | None:
    """The population stability index of each feature, the most moved first."""
    found = summary.get("drift")
    if not found:
        return None
    names = distinct(str(row["feature"]) for row in found)
    values = [
        {"feature": names[str(row["feature"])], "psi": min(row["psi"], WIDEST)}
        for row in found[:MOST_FEATURES]
        if row["psi"] is not None
    ]
    if not values:
        return None
    title = _("Population stability index")
    return Chart(
        key="drift",
        title=_("What moved since the reference"),
        alt=_("Population stability index by feature: ")
        + "; ".join(f"{v['feature']} {v['psi']:.3f}" for v in values),
        spec=sheet(
            layer(
                {
                    "data": {"values": values},
                    "mark": {"type": "bar", "height": {"band": 0.7}},
                    "encoding": {
                        "x": axis("psi", title),
                        "y": {
                            "field": "feature",
                            "type": "nominal",
                            "sort": None,
                            "title": None,
                        },
                    },
                },
                {
                    "data": {"values": [{"band": 0.1}, {"band": 0.25}]},
                    "mark": {
                        "type": "rule",
                        "strokeDash": [4, 3],
                        "style": "reference",
                    },
                    "encoding": {"x": axis("band", title)},
                },
                encoding={},
            ),
            height={"step": 18},
        ),
        head=(
            _("Feature"),
            title,
            _("Exceeded by chance in 5 %"),
            _("Rule of thumb"),
            _("p value, adjusted"),
        ),
        rows=tuple(
            (
                str(row["feature"]),
                row["psi"],
                row["psi_critical"],
                _(BANDS.get(row["band"], "not estimable")),
                row["p_adjusted"],
            )
            for row in found
        ),
    )
