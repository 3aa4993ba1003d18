"""The charts of a fairness report are drawn from what the evaluator says."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from audits import charts
from audits.labels import measurement_label
from governance.dossier.figures import svg_of
from tests.audits.fair import evaluate, words

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.random(400)
TARGET = (RANDOM.random(400) < SCORES).astype(int)
GROUPS = {
    "g": words(*["a", "b"] * 200),
    "h</script>": words(*["x", "ü", "ü", "y"] * 100),
}


def drawn(found):
    return charts.of_report("fairness", json.loads(json.dumps(found.as_json())))


@pytest.mark.parametrize(
    ("target", "scores", "more", "count"),
    [
        (TARGET, SCORES, {}, 12),
        (None, SCORES, {}, 6),
        (TARGET, SCORES, {"task": "regression"}, 3),
        (
            TARGET,
            np.stack([1 - SCORES, SCORES], axis=1),
            {"task": "multiclass", "classes": ("n", "y")},
            9,
        ),
    ],
)
def test_every_task_has_its_charts(target, scores, more, count):
    found = drawn(evaluate(target, scores, GROUPS, **more))
    assert len(found) == count
    assert len({chart.key for chart in found}) == count
    for chart in found:
        ElementTree.fromstring(svg_of(chart, language="en"))  # noqa: S314
        assert all(len(row) == len(chart.head) for row in chart.rows)


def test_the_sweep_marks_the_threshold_in_force():
    found = drawn(evaluate(TARGET, SCORES, GROUPS, threshold=0.3))
    chart = next(c for c in found if c.key == "sweep-g")
    rule = chart.spec["layer"][-1]
    assert rule["data"]["values"] == [{"threshold": 0.3}]
    assert [row[0] for row in chart.rows] == [x / 16 for x in range(17)]


def test_comparisons_to_overall_are_named():
    assert measurement_label("f1_ratio_to_overall") == "F1 ratio, to overall"


def test_impact_ratios_are_drawn_with_the_table_that_the_law_asks_for():
    known = [*["a", "b"] * 199, None, "tiny"]
    found = drawn(evaluate(None, SCORES, {"g": words(*known)}))
    chart = next(c for c in found if c.key == "impact-g")
    assert [row[0] for row in chart.rows] == ["a", "b", "tiny", "unknown"]
    assert [row[1] for row in chart.rows] == [199, 199, 1, 1]
    tiny = chart.rows[2]
    assert tiny[5] is not None
    assert tiny[6] is None
    assert chart.spec["layer"][0]["data"]["values"] == [{"ratio": 0.8}]
