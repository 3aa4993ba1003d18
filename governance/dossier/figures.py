"""Charts as vector graphics for paper."""

from typing import Any

import vl_convert

from audits.charts import Chart

VERSION = "6.4"
_INK, _SOFT, _LINE, _WASH = "#1c2024", "#5b646d", "#e2ded5", "#f3f0e9"
_BRAND = "#0d5560"
_QUIET_AXIS = {
    "labelColor": _SOFT,
    "titleColor": _SOFT,
    "labelFontSize": 9,
    "titleFontSize": 9,
    "titleFontWeight": 400,
    "labelLimit": 160,
    "gridColor": _LINE,
    "domainColor": _SOFT,
    "tickColor": _SOFT,
}
CONFIG: dict[str, Any] = {
    "background": None,
    "font": "Inter, DejaVu Sans",
    "axis": _QUIET_AXIS,
    "header": {"labelColor": _INK, "labelFontSize": 9, "labelFontWeight": 600},
    "legend": {"labelColor": _SOFT, "titleColor": _SOFT, "titleFontWeight": 400},
    "view": {"stroke": None},
    "mark": {"color": _BRAND},
    "text": {"color": _INK, "fontSize": 10},
    "style": {
        "reference": {"stroke": _SOFT, "strokeWidth": 1},
        "interval": {"stroke": _INK, "strokeWidth": 1.2},
        "node": {"color": _WASH, "fill": _WASH, "stroke": _LINE},
        "edge": {"stroke": _SOFT, "strokeWidth": 1},
        "quiet": {"color": _SOFT, "fill": _SOFT},
    },
}
_LOCALES: dict[str, Any] = {"de": "de-DE"}


def svg_of(chart: Chart, *, language: str) -> str:
    """The chart as SVG, with the numbers of the language. Loads nothing."""
    locale = _LOCALES.get(language)
    return vl_convert.vegalite_to_svg(
        chart.spec,
        vl_version=VERSION,
        config=CONFIG,
        allowed_base_urls=[],
        format_locale=locale,
        show_warnings=False,
    )
