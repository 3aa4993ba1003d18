"""Charts as vector graphics for paper."""

from typing import Any

import vl_convert

from governance.charts import Chart

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
# Invisible characters that turn lines around or that XML forbids (Trojan Source,
# CVE-2021-42574): on paper nobody could see that they are there.
_UNSEEN = dict.fromkeys(
    [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F]
    + [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFFFE, 0xFFFF],
    "\ufffd",
)
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


def legible(text: str) -> str:
    """The text with a visible sign for each invisible control character."""
    return text.translate(_UNSEEN)


def svg_of(chart: Chart, *, language: str) -> str:
    """The chart as SVG, with the numbers of the language. Loads nothing."""
    locale = _LOCALES.get(language)
    return legible(
        vl_convert.vegalite_to_svg(
            chart.spec,
            vl_version=VERSION,
            config=CONFIG,
            allowed_base_urls=[],
            format_locale=locale,
            show_warnings=False,
        )
    )
