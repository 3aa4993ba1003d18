"""Charts say the same as the numbers, and load nothing."""

import json
from xml.etree import ElementTree

import pytest

from audits import charts
from governance.dossier.figures import svg_of
from registry.lineage import Edge, Graph, Node

RATE = {"value": 0.9, "lower": 0.8, "upper": 0.95, "n": 120, "because": ""}
SMALL = {"value": None, "lower": None, "upper": None, "n": 3, "because": "too few"}
EVIL = "</script><b>\"'\u202e\x01\x1b\x7f\ufffe"
DOCUMENTS = {
    "performance": {
        "threshold": 0.5,
        "confusion": {
            "true_positive": 1,
            "false_positive": 2,
            "false_negative": 3,
            "true_negative": 4,
        },
        "roc_curve": [
            {"false_positive_rate": x / 20, "true_positive_rate": min(1, x / 10)}
            for x in range(21)
        ],
        "calibration": [
            {
                "from": 0.0,
                "to": 0.1,
                "rows": 7,
                "mean_score": 0.05,
                "share_positive": 0.1,
            },
            {
                "from": 0.1,
                "to": 0.2,
                "rows": 0,
                "mean_score": None,
                "share_positive": None,
            },
        ],
    },
    "fairness": {
        "features": [
            {
                "feature": EVIL,
                "groups": [
                    {"group": EVIL, "rows": 120, "rates": {"selection_rate": RATE}},
                    {"group": "b", "rows": 3, "rates": {"selection_rate": SMALL}},
                ],
            }
        ]
    },
    "explainability": {
        "features": [
            {
                "feature": EVIL,
                "mean_abs_shap": 0.5,
                "mean_shap": -0.1,
                "mean_abs_shap_second_sample": 0.4,
            }
        ],
        "beeswarm": [
            {"feature": EVIL, "shap": 0.5, "level": 0.1, "value": "1"},
            {"feature": EVIL, "shap": -0.5, "level": None, "value": None},
        ],
    },
}


def drawn(kind: str) -> tuple[charts.Chart, ...]:
    return charts.of_report(kind, {"summary": DOCUMENTS[kind]})


@pytest.mark.parametrize("kind", list(DOCUMENTS))
@pytest.mark.parametrize("language", ["en", "de"])
def test_each_chart_becomes_well_formed_svg_with_words_and_data(kind, language):
    found = drawn(kind)
    assert found
    for chart in found:
        ElementTree.fromstring(svg_of(chart, language=language))  # noqa: S314
        assert chart.title
        assert chart.alt
        assert all(len(row) == len(chart.head) for row in chart.rows)
        json.dumps(chart.spec, allow_nan=False)


def test_group_chart_leaves_out_what_is_not_estimable_and_its_table_does_not():
    (chart,) = drawn("fairness")
    assert len(chart.spec["data"]["values"]) == 1
    assert [row[2] for row in chart.rows] == [0.9, None]


def test_long_names_that_begin_alike_stay_apart():
    groups = [
        {"group": "g" * 60 + str(i), "rows": 50, "rates": {"selection_rate": RATE}}
        for i in range(30)
    ]
    summary = {"features": [{"feature": "age", "groups": groups}]}
    (chart,) = charts.of_report("fairness", {"summary": summary})
    assert len({v["group"] for v in chart.spec["data"]["values"]}) == 24
    assert "24 of 30" in chart.title
    assert len(chart.rows) == 30


def test_confusion_table_has_the_counts_of_the_report():
    chart = next(c for c in drawn("performance") if c.key == "confusion")
    assert sorted(row[2] for row in chart.rows) == [1, 2, 3, 4]


def test_empty_bins_are_not_drawn():
    chart = next(c for c in drawn("performance") if c.key == "calibration")
    assert [row[1] for row in chart.rows] == [7]


def test_unknown_kind_and_empty_summary_draw_nothing():
    assert charts.of_report("unheard-of", {"summary": {}}) == ()
    assert charts.of_report("performance", {}) == ()


def test_lineage_names_every_edge():
    nodes = [
        Node("d", "dataset", EVIL, "ab" * 32),
        Node("v", "version", "Model 1", "cd" * 32),
        Node("p", "deployment", "Production", "2026-11-20T12:00:00+00:00"),
    ]
    edges = (Edge("d", "v", "training"), Edge("v", "p", "runs in"))
    chart = charts.lineage(Graph(tuple(nodes), edges))
    assert chart is not None
    assert [row[2] for row in chart.rows] == ["Model 1", "Production"]
    ElementTree.fromstring(svg_of(chart, language="en"))  # noqa: S314
    assert charts.lineage(Graph((), ())) is None


def test_drawing_loads_no_data_from_anywhere():
    chart = charts.Chart(
        "evil",
        "evil",
        "evil",
        {
            "data": {"url": "http://127.0.0.1:9/data.json"},
            "mark": "point",
            "encoding": {"x": {"field": "x", "type": "quantitative"}},
        },
    )
    with pytest.raises(ValueError, match="(?i)access|allowed|denied|external"):
        svg_of(chart, language="en")
