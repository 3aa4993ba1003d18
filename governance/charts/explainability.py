"""Charts of an explainability report."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.charts.base import Chart, axis, sheet, short

MOST_FEATURES = 20


def importance(summary: Mapping[str, Any]) -> Chart | None:
    """Mean absolute SHAP value of each feature, the strongest first."""
    found = summary.get("importance")
    if not found:
        return None
    ranked = sorted(found, key=lambda item: -float(item["mean_absolute"]))
    values = [
        {"feature": short(str(item["feature"])), "value": float(item["mean_absolute"])}
        for item in ranked[:MOST_FEATURES]
    ]
    return Chart(
        key="importance",
        title=_("What the predictions rest on"),
        alt=_("Mean absolute SHAP value by feature: ")
        + "; ".join(f"{v['feature']} {v['value']:.3f}" for v in values),
        spec=sheet(
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "x": axis("value", _("Mean absolute SHAP value")),
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
        head=(_("Feature"), _("Mean absolute SHAP value")),
        rows=tuple((str(i["feature"]), float(i["mean_absolute"])) for i in ranked),
    )
