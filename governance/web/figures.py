"""Figures in a page: drawn once per report, in the colours of the page."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

import vl_convert
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from audits import charts
from audits.charts.base import Row
from audits.models import EvidenceReport

# Stand-ins that Vega can parse; the drawing gets the tokens of app.css in their place.
INK, SOFT, LINE, BRAND, SEVERE = "#1c2024", "#5b646d", "#e2ded5", "#0d5560", "#a3182f"
_TOKENS = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    BRAND: "var(--brand)",
    SEVERE: "var(--severe)",
}
_GERMAN: Literal["de-DE"] = "de-DE"
# The drawing is one image with one description: no roles and labels inside.
_INNER = re.compile(r' (?:role|aria-[a-z]+|style)="[^"]*"')
_CONFIG: dict[str, Any] = {
    "font": "system-ui, DejaVu Sans, sans-serif",
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "labelLimit": 200,
        "domainColor": LINE,
        "tickColor": LINE,
        "gridColor": LINE,
    },
    "axisX": {"tickCount": 4, "labelFlush": False},
    "header": {"labelColor": INK, "labelFontSize": 11, "titleColor": SOFT},
    "legend": {"labelColor": SOFT, "titleColor": SOFT, "titleFontWeight": "normal"},
    "mark": {"color": BRAND},
    "rule": {"color": INK},
    "text": {"color": INK, "fontSize": 11},
    "style": {
        "reference": {"color": SOFT, "strokeWidth": 1},
        "limit": {"color": SEVERE, "strokeWidth": 1.25},
        "interval": {"color": INK, "strokeWidth": 1.5},
        "node": {"fill": None, "stroke": BRAND},
        "edge": {"stroke": SOFT},
        "quiet": {"fill": SOFT},
    },
}


@dataclass(frozen=True)
class Drawn:
    """A figure with its drawing and its data as a table, ready for a page."""

    title: str
    description: str
    svg: SafeString
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    key: str


def all_of(
    report: EvidenceReport, limits: Mapping[str, float] | None = None
) -> tuple[Drawn, ...]:
    """All figures of a report, the most telling first; some draw `limits` on the
    largest differences."""
    bounds = tuple(sorted((limits or {}).items()))
    return _drawn(report.run.kind, report.document, get_language() or "en", bounds)


@lru_cache(maxsize=128)
def _drawn(
    kind: str, document: str, language: str, limits: tuple[tuple[str, float], ...]
) -> tuple[Drawn, ...]:
    """Reports never change: the same text in the same language is drawn once."""
    return tuple(
        Drawn(
            key=chart.key,
            title=chart.title,
            description=chart.alt,
            svg=_in_page(chart, language),
            head=chart.head,
            rows=chart.rows,
        )
        for chart in charts.of_report(kind, json.loads(document), dict(limits))
    )


def _in_page(chart: charts.Chart, language: str) -> SafeString:
    """Draw, and give the drawing the page's colours and one description.

    vl-convert escapes all text of the report, so that its SVG is safe to embed.
    """
    locale = _GERMAN if language.startswith("de") else None
    text = vl_convert.vegalite_to_svg(
        {**chart.spec, "config": _CONFIG},
        format_locale=locale,
        # A chart never fetches anything.
        allowed_base_urls=[],
    )
    text = _INNER.sub("", text)
    for colour, token in _TOKENS.items():
        text = text.replace(f'"{colour}"', f'"{token}"')
    label = quoteattr(chart.alt)
    return mark_safe(  # noqa: S308
        text.replace("<svg ", f'<svg role="img" aria-label={label} ', 1)
    )
