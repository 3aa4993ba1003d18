"""Charts of performance, drift, data quality and robustness from real summaries."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from audits import charts
from audits.evaluators import (
    costs,
    data_quality,
    drift,
    monotonicity,
    performance,
    periods,
    representativeness,
    robustness,
    segments,
)
from audits.evaluators.base import Evaluation, together
from audits.evaluators.columns import Categories, Numbers
from audits.evaluators.profiles import CategoryProfile, profile
from audits.evaluators.robustness import Curve, Response, Responses
from audits.evaluators.row_hashes import row_hashes
from governance.dossier.figures import svg_of

EVIL = "</script><b>\"'\u202e\x01\x1b\x7f\ufffe" + "ü" * 5000
ROWS = 600
RANDOM = np.random.default_rng(0)
SCORES = RANDOM.beta(2, 3, ROWS)
TARGET = (RANDOM.random(ROWS) < SCORES).astype(int)
COLUMN = Categories(EVIL, np.arange(ROWS) % 2, (EVIL, EVIL + "x"))
NUMBER = Numbers(EVIL, np.arange(ROWS) % 7.0)


def binary() -> Evaluation:
    config = {"cost_false_negative": 2}
    loss = (SCORES - TARGET) ** 2
    return together(
        performance.evaluate(target=TARGET, scores=SCORES),
        segments.evaluate_segments(columns=[COLUMN, NUMBER], loss=loss),
        costs.evaluate_costs(target=TARGET, scores=SCORES, config=config),
        periods.evaluate_periods(
            time=Numbers("year", 2020 + np.arange(ROWS) % 3.0),
            target=TARGET,
            scores=SCORES,
            loss=loss,
            task="binary",
        ),
    )


def several() -> Evaluation:
    scores = np.stack([SCORES / 2, SCORES / 2, 1 - SCORES], axis=1)
    return performance.evaluate(
        target=TARGET * 2, scores=scores, task="multiclass", classes=(EVIL, "b", "c")
    )


def drifted() -> Evaluation:
    like = profile(NUMBER)
    moved = profile(Numbers(EVIL, NUMBER.values + 9), like=like)
    nothing = CategoryProfile("gone", {}, 0)
    return drift.evaluate(
        features=[
            drift.Compared(EVIL, like, moved),
            drift.Compared("gone", nothing, nothing),
        ]
    )


def quality() -> Evaluation:
    gaps = Numbers(EVIL, np.where(np.arange(ROWS) % 5, 1.0, np.nan))
    return together(
        data_quality.evaluate(
            columns=[data_quality.column_quality(gaps)],
            rows=data_quality.row_quality(row_hashes([gaps], rows=ROWS), None),
        ),
        representativeness.evaluate(
            groups={EVIL: profile(COLUMN)}, shares={EVIL: {EVIL: 0.4, "new": 0.6}}
        ),
    )


def robust() -> Evaluation:
    base = SCORES[:50]
    found = Responses(
        rows=np.arange(50),
        base=base,
        single=(
            Response(EVIL, "noise", base * 0.9),
            Response(EVIL, "missing", None, EVIL),
            Response(EVIL, "up", base),
        ),
        joint=((0.1, base),),
        extreme=(),
        curves=(Curve(EVIL, 1, np.array([0.0, 1.0]), np.stack([base, base * 0.5])),),
    )
    return together(
        robustness.evaluate(found, task="binary"), monotonicity.evaluate(found.curves)
    )


MADE = {
    "performance": (
        binary,
        {"roc", "calibration", "confusion", "segments", "periods", "costs"},
    ),
    "several": (several, {"confusion-matrix"}),
    "drift": (drifted, {"drift"}),
    "data_quality": (quality, {"missing", f"shares-{'x'}"}),
    "robustness": (robust, {"responses", "along-0"}),
}


@pytest.mark.parametrize("name", list(MADE))
@pytest.mark.parametrize("language", ["en", "de"])
def test_each_chart_becomes_well_formed_svg_with_words_and_data(name, language) -> None:
    make, keys = MADE[name]
    document = json.loads(json.dumps(make().as_json(), allow_nan=False))
    kind = "performance" if name == "several" else name
    found = charts.of_report(kind, document)
    assert {chart.key.split("-")[0] for chart in found} == {
        key.split("-")[0] for key in keys
    }
    for chart in found:
        ElementTree.fromstring(svg_of(chart, language=language))  # noqa: S314
        assert chart.title
        assert chart.alt
        assert chart.rows
        assert all(len(row) == len(chart.head) for row in chart.rows)
        json.dumps(chart.spec, allow_nan=False)


def test_tables_keep_what_is_not_estimable() -> None:
    (chart,) = charts.of_report("drift", drifted().as_json())
    assert chart.rows[0][1] is None
    found = charts.of_report("robustness", robust().as_json())
    assert [row[1] for row in found[0].rows][-1] is None


def test_nothing_is_drawn_where_there_is_nothing_to_see() -> None:
    whole = Numbers("a", np.arange(9.0))
    found = data_quality.evaluate(
        columns=[data_quality.column_quality(whole)],
        rows=data_quality.row_quality(row_hashes([whole], rows=9), None),
    )
    assert charts.of_report("data_quality", found.as_json()) == ()
    nothing = CategoryProfile("gone", {}, 0)
    gone = drift.evaluate(features=[drift.Compared("gone", nothing, nothing)])
    assert charts.of_report("drift", gone.as_json()) == ()


def test_a_report_without_slices_draws_none() -> None:
    plain = performance.evaluate(target=TARGET, scores=SCORES).as_json()
    keys = {chart.key for chart in charts.of_report("performance", plain)}
    assert keys == {"roc", "calibration", "confusion"}
