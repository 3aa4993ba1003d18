"""Charts of single cases, of reasons, and of what a feature's value does."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext as _

from audits.charts.base import Chart, axis, distinct, sheet

MOST_FEATURES = 4
MOST_REASONS = 12
_RAISED, _LOWERED = "#cf6320", "#3e98a5"
_CASES = {
    "highest": gettext_noop("The highest score: what made it"),
    "lowest": gettext_noop("The lowest score: what made it"),
    "closest": gettext_noop("The closest call: what made it"),
}


def of_cases(summary: Mapping[str, Any]) -> list[Chart | None]:
    """All charts of single cases, the strongest features and the reasons."""
    shapes = summary.get("dependence") or ()
    return [
        *(dependence(one, place) for place, one in enumerate(shapes[:MOST_FEATURES])),
        *(waterfall(case) for case in summary.get("cases") or ()),
        main_reasons(summary),
    ]


def waterfall(case: Mapping[str, Any]) -> Chart | None:
    """From the base value to one row's output, one step for each feature."""
    steps = _steps(case)
    if not steps:
        return None
    names = distinct(step["name"] for step in steps)
    values = [{**step, "name": names[step["name"]]} for step in steps]
    title = gettext(_CASES.get(str(case.get("case")), "")) or _("A single case")
    return Chart(
        key=f"waterfall-{case.get('case')}",
        title=title,
        alt=_("From %(base)s to %(output)s: ")
        % {"base": f"{case['base']:.3f}", "output": f"{case['output']:.3f}"}
        + "; ".join(f"{step['name']} {step['shap']:+.3f}" for step in steps),
        spec=sheet(
            {
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "x": axis("from", _("Output of the model"), zero=False),
                    "x2": {"field": "to"},
                    "y": {
                        "field": "name",
                        "type": "nominal",
                        "sort": None,
                        "title": None,
                    },
                    "color": {
                        "field": "raised",
                        "type": "nominal",
                        "legend": None,
                        "scale": {
                            "domain": [True, False],
                            "range": [_RAISED, _LOWERED],
                        },
                    },
                },
            },
            values=values,
            height={"step": 18},
        ),
        head=(_("Feature"), _("Value"), _("SHAP value"), _("Output after it")),
        rows=tuple((s["feature"], s["value"], s["shap"], s["to"]) for s in steps),
    )


def _steps(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each contribution with the output before and after it."""
    found, level = [], float(case.get("base", 0.0))
    parts: list[Mapping[str, Any]] = list(case.get("contributions") or ())
    if case.get("others"):
        parts.append(
            {"feature": _("All others"), "value": None, "shap": case["others"]}
        )
    for part in parts:
        feature, shap = str(part["feature"]), float(part["shap"])
        told = feature if part["value"] is None else f"{feature} = {part['value']}"
        found.append(
            {
                "feature": feature,
                "value": part["value"],
                "name": told,
                "shap": shap,
                "from": level,
                "to": level + shap,
                "raised": shap >= 0,
            }
        )
        level += shap
    return found


def dependence(shape: Mapping[str, Any], place: int) -> Chart | None:
    """What each value of one feature does to the output."""
    points = shape.get("points") or ()
    if not points:
        return None
    feature = str(shape["feature"])
    text = shape.get("kind") == "text"
    title = _("What the value of %(feature)s does") % {"feature": feature}
    spec = _words(points) if text else _numbers(points)
    return Chart(
        key=f"dependence-{place}",
        title=title,
        alt=title + ". " + _along(points, text=text),
        spec=spec,
        head=(feature, _("SHAP value")),
        rows=tuple((point["value"], point["shap"]) for point in points),
    )


def _along(points: Sequence[Mapping[str, Any]], *, text: bool) -> str:
    if text:
        return "; ".join(f"{point['value']} {point['shap']:+.3f}" for point in points)
    low = min(points, key=lambda point: point["value"])
    high = max(points, key=lambda point: point["value"])
    return _("%(shap)s at the lowest value, %(other)s at the highest.") % {
        "shap": f"{low['shap']:+.3f}",
        "other": f"{high['shap']:+.3f}",
    }


def _numbers(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return sheet(
        {
            "mark": {"type": "point", "filled": True, "size": 12, "opacity": 0.7},
            "encoding": {
                "x": axis("value", _("Value of the feature"), zero=False),
                "y": axis("shap", _("SHAP value")),
            },
        },
        values=[dict(point) for point in points],
        height=160,
    )


def _words(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = distinct(str(point["value"]) for point in points)
    return sheet(
        {
            "mark": {"type": "bar", "height": {"band": 0.7}},
            "encoding": {
                "x": axis("shap", _("Mean SHAP value")),
                "y": {"field": "value", "type": "nominal", "sort": None, "title": None},
            },
        },
        values=[{"value": names[str(p["value"])], "shap": p["shap"]} for p in points],
        height={"step": 18},
    )


def main_reasons(summary: Mapping[str, Any]) -> Chart | None:
    """How often each factor is the principal reason of an adverse outcome."""
    reasons = summary.get("reasons") or {}
    found = (reasons.get("main") or ())[:MOST_REASONS]
    if not found:
        return None
    language = "de" if (get_language() or "").startswith("de") else "en"
    labels = [str(one.get(f"label_{language}") or one["feature"]) for one in found]
    names = distinct(labels)
    values = [
        {"reason": names[label], "share": one["share"]}
        for label, one in zip(labels, found, strict=True)
    ]
    return Chart(
        key="main-reasons",
        title=_("Principal reasons of adverse outcomes"),
        alt=_("Share of adverse outcomes by principal reason: ")
        + "; ".join(f"{value['reason']} {value['share']:.0%}" for value in values),
        spec=sheet(
            {
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "x": axis("share", _("Share of adverse outcomes")),
                    "y": {
                        "field": "reason",
                        "type": "nominal",
                        "sort": None,
                        "title": None,
                    },
                },
            },
            values=values,
            height={"step": 18},
        ),
        head=(_("Reason"), _("Rows"), _("Share of adverse outcomes")),
        rows=tuple(
            (label, one["count"], one["share"])
            for label, one in zip(labels, found, strict=True)
        ),
    )
