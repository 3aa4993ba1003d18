"""Single cases, reasons and dependence are drawn from a report's document."""

import json
from xml.etree import ElementTree

import pytest
from django.utils import translation

from audits import charts
from governance.dossier.figures import svg_of

EVIL = '<b>&"\u202e\x00 ' + "x" * 5000
SUMMARY = {
    "features": [
        {
            "feature": EVIL,
            "mean_abs_shap": 0.5,
            "lower": 0.4,
            "upper": 0.6,
            "mean_shap": -0.1,
            "mean_abs_shap_second_sample": 0.4,
        }
    ],
    "cases": [
        {
            "case": "highest",
            "row": 3,
            "score": 0.9,
            "base": -1.0,
            "output": 2.0,
            "contributions": [
                {"feature": "debt", "value": "0.4", "shap": 2.5},
                {"feature": EVIL, "value": None, "shap": -0.5},
            ],
            "others": 1.0,
        }
    ],
    "dependence": [
        {
            "feature": "debt",
            "kind": "number",
            "points": [{"value": 0.1, "shap": -1.0}, {"value": 0.9, "shap": 1.0}],
        },
        {
            "feature": "town",
            "kind": "text",
            "points": [{"value": EVIL, "shap": 0.2, "rows": 4}],
        },
        {"feature": "empty", "kind": "number", "points": []},
    ],
    "reasons": {
        "main": [
            {
                "feature": "debt",
                "label_en": "Debt",
                "label_de": "Schulden",
                "count": 3,
                "share": 0.75,
            }
        ]
    },
}


def drawn():
    return {c.key: c for c in charts.of_report("explainability", {"summary": SUMMARY})}


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_chart_becomes_svg_with_words_and_data(language):
    with translation.override(language):
        found = drawn()
        for chart in found.values():
            ElementTree.fromstring(svg_of(chart, language=language))  # noqa: S314
            assert chart.title
            assert chart.alt
            assert all(len(row) == len(chart.head) for row in chart.rows)
            json.dumps(chart.spec, allow_nan=False)
    assert set(found) == {
        "importance",
        "waterfall-highest",
        "dependence-0",
        "dependence-1",
        "main-reasons",
    }
    reason = found["main-reasons"].rows[0][0]
    assert reason == {"en": "Debt", "de": "Schulden"}[language]


def test_a_waterfall_ends_at_the_output():
    rows = drawn()["waterfall-highest"].rows
    assert rows[-1][3] == pytest.approx(2.0)
    assert [row[2] for row in rows] == [2.5, -0.5, 1.0]
