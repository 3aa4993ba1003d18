"""Explanations from the sandbox: whole data, backgrounds, several classes, failures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits import datasets
from audits.answers import Limits, Source
from audits.evaluators import explainability
from audits.evaluators.base import Evaluation, UnusableEvidence
from audits.evaluators.explainability import Around
from audits.evaluators.explained_cases import Outcome
from audits.explanations import Explanation, Wish, explain
from tests.audits import small_models as small
from tests.audits import zoo

LIMITS = Limits(timeout_seconds=180)
CONFIG = {"rows": 60, "background_rows": 30}
pytestmark = pytest.mark.filterwarnings("ignore:Ignoring params argument")


def source_of(folder: Path, data: pd.DataFrame | None = None) -> Source:
    """The model file in a folder, with the small data beside it."""
    model = next(folder.iterdir())
    kinds = {".json": "xgboost-json", ".txt": "lightgbm", ".skops": "skops"}
    known = small.frame() if data is None else data
    known.to_csv(folder / "data.csv", index=False)
    return Source(
        model,
        kinds[model.suffix],
        folder / "data.csv",
        zoo.CSV,
        tuple(known.columns),
    )


def table_of(source: Source) -> datasets.Table:
    return datasets.read(source.data, media_type=zoo.CSV, columns=source.features)


def asked(source: Source, **more: Any) -> Explanation:
    samples = explainability.samples_of(small.ROWS, CONFIG)
    return explain(source, wish=Wish(samples, **more), limits=LIMITS)


def evaluated(source: Source, found: Explanation, **more: Any) -> Evaluation:
    table = table_of(source)
    return explainability.evaluate(
        explanation=found, table=table, around=Around(table, **more)
    )


def test_sums_over_all_rows_are_those_of_the_rows(tmp_path: Path) -> None:
    small.xgboost_model(tmp_path)
    source = source_of(tmp_path)
    found = asked(source, whole=np.zeros(0, np.int64))
    whole = found.whole
    assert whole is not None and whole.n == small.ROWS
    every = np.arange(small.ROWS)
    one = [(every[: small.ROWS // 2], every[:10], 0), (every[120:], every[:10], 1)]
    parts = explain(source, samples=one, limits=LIMITS).samples
    phi = np.concatenate([part.phi for part in parts])
    np.testing.assert_allclose(whole.absolute, np.abs(phi).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(whole.squares, np.square(phi).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(whole.total, phi.sum(axis=0), atol=1e-4)
    report = evaluated(source, found)
    assert report.summary["explainer_of_all_rows"] == found.whole_explainer
    assert report.summary["rows"] == small.ROWS
    assert all(m.n == small.ROWS for m in report.measurements if m.group)
    chosen = asked(source, whole=np.arange(10, 110)).whole
    assert chosen is not None and chosen.n == 100
    np.testing.assert_allclose(
        chosen.absolute, np.abs(phi[10:110]).sum(axis=0), rtol=1e-5
    )


def test_a_background_of_another_file_is_used(tmp_path: Path) -> None:
    small.lightgbm_model(tmp_path)
    source = source_of(tmp_path)
    other = small.frame()
    other["income"] += 3
    other.to_csv(tmp_path / "behind.csv", index=False)
    behind = replace(source, data=tmp_path / "behind.csv")
    own = asked(source, interventional=True)
    foreign = asked(source, interventional=True, behind=behind)
    assert not np.allclose(own.samples[0].base, foreign.samples[0].base)
    assert "interventional" in foreign.explainer
    table = table_of(source)
    report = explainability.evaluate(
        explanation=foreign,
        table=table,
        around=Around(table, behind=table_of(behind), interventional=True),
    )
    same = evaluated(source, own, interventional=True)
    assert report.summary["background_rows"] == 30
    assert len(report.summary["background_sha256"]) == 64
    assert report.summary["background_sha256"] != same.summary["background_sha256"]
    assert (report.get("explainer_agreement").value or 0) < 1e-4
    path = evaluated(source, asked(source))
    assert path.summary["reference"] == "path-dependent"
    assert path.summary["background_sha256"] == ""


def test_of_several_classes_the_predicted_one_is_explained(tmp_path: Path) -> None:
    model = small.xgboost_model(tmp_path, "multiclass")
    source = source_of(tmp_path)
    found = asked(source)
    first = found.samples[0]
    scores = model.score(small.frame().iloc[first.rows], "1")
    assert first.classes is not None
    np.testing.assert_array_equal(first.classes, scores.argmax(axis=1))
    np.testing.assert_allclose(first.scores, scores.max(axis=1), atol=1e-6)
    report = evaluated(source, found)
    shown = report.summary["classes"]
    assert [one["class"] for one in shown] == ["0", "1", "2"]
    assert sum(one["predicted_rows"] for one in shown) == len(first.rows)
    assert report.summary["reasons"] is None
    assert report.summary["cases"][0]["class"] in {"0", "1", "2"}
    # A margin of another class is found out.
    wrong = replace(first, margins=first.output[:, None] * np.ones(3))
    with pytest.raises(UnusableEvidence, match="another output"):
        evaluated(source, replace(found, samples=(wrong, *found.samples[1:])))


@pytest.mark.parametrize("favourable", [0, 1])
def test_reasons_and_cases_of_a_report(favourable: int, tmp_path: Path) -> None:
    small.xgboost_model(tmp_path)
    source = source_of(tmp_path)
    found = asked(source)
    labels = {"debt": {"en": "Debts", "de": "Schulden"}}
    outcome = Outcome(0.5, favourable, 2, labels, ("income",))
    report = evaluated(source, found, outcome=outcome)
    told = report.summary["reasons"]
    first = found.samples[0]
    adverse = first.scores < 0.5 if favourable else first.scores >= 0.5
    assert told["adverse_rows"] == int(adverse.sum()) > 0
    assert sum(one["count"] for one in told["main"]) <= told["adverse_rows"]
    shares = [one["share"] for one in told["main"]]
    assert shares == sorted(shares, reverse=True)
    for case in told["cases"]:
        assert len(case["reasons"]) <= 2
        place = int(np.flatnonzero(first.rows == case["row"])[0])
        phi = dict(zip(found.features, first.phi[place], strict=True))
        for reason in case["reasons"]:
            assert bool(phi[reason["feature"]] < 0) is (favourable == 1)
            assert reason["feature"] != "same"  # never changes: not used
    share = report.get("sensitive_reason_share")
    assert share.n == told["adverse_rows"]
    assert share.value == told["sensitive"]["income"] / told["adverse_rows"] > 0
    assert any("sensitive feature 'income'" in one for one in report.warnings)
    named = {one["feature"]: one["label_de"] for one in told["main"]}
    assert named.get("debt", "Schulden") == "Schulden"
    cases = {case["case"]: case for case in report.summary["cases"]}
    assert cases["highest"]["score"] == first.scores.max()
    for case in cases.values():
        parts = sum(one["shap"] for one in case["contributions"]) + case["others"]
        assert case["base"] + parts == pytest.approx(case["output"], abs=1e-4)


def test_disagreement_of_two_engines_fails_the_run(tmp_path: Path) -> None:
    small.xgboost_model(tmp_path)
    source = source_of(tmp_path)
    found = asked(source)
    assert found.check is not None and len(found.check) == 20
    assert found.checked_by
    report = evaluated(source, found)
    assert (report.get("explainer_agreement").value or 0) < 1e-4
    with pytest.raises(UnusableEvidence, match="Two explainers disagree"):
        evaluated(source, replace(found, check=found.check + 0.01))
    bad = replace(found, whole_miss=0.5)
    with pytest.raises(UnusableEvidence, match="do not add up"):
        evaluated(source, bad)


def test_more_repetitions_are_compared(tmp_path: Path) -> None:
    small.lightgbm_model(tmp_path)
    source = source_of(tmp_path)
    config = {**CONFIG, "rows": 30, "repetitions": 4}
    samples = explainability.samples_of(small.ROWS, config)
    rows = np.concatenate([sample[0] for sample in samples])
    assert len(set(rows.tolist())) == 120
    found = explain(source, samples=samples, limits=LIMITS)
    report = evaluated(source, found)
    assert report.summary["seeds"] == [0, 1, 2, 3]
    assert 0 <= (report.get("top_features_overlap").value or 0) <= 1
    assert (report.get("importance_change").value or 0) > 0


def test_estimates_by_sampling_and_fewer_rows_are_told(tmp_path: Path) -> None:
    small.network_model(tmp_path, 9)
    source = source_of(tmp_path, small.wide(9))
    samples = explainability.samples_of(80, {"rows": 30, "background_rows": 10})
    found = explain(source, samples=samples, limits=LIMITS)
    report = evaluated(source, found)
    assert not report.warnings
    shorter = evaluated(source, replace(found, shortened=2_000))
    assert any("30 rows of 2000 were explained" in one for one in shorter.warnings)
    left_out = evaluated(source, replace(found, whole_left_out=True))
    assert any("too long on all rows" in one for one in left_out.warnings)
    assert report.get("explainer_agreement").value is None
    assert 0 < (report.get("sampling_error").value or 0) < 1
    assert any("estimates" in one for one in report.limits)


def test_more_than_twenty_thousand_rows_are_summed() -> None:
    assert explainability.whole_of(30_000, {"rows": 20_000}) is None
    assert explainability.whole_of(15_000, {"rows": 1_000_000}) is None
    everything = explainability.whole_of(30_000, {"rows": 30_000})
    assert everything is not None and not len(everything)
    some = explainability.whole_of(50_000, {"rows": 30_000})
    assert some is not None and len(set(some.tolist())) == 30_000
    first, _ = explainability.samples_of(50_000, {"rows": 30_000})
    assert len(first[0]) == 20_000
    assert set(first[0].tolist()) <= set(some.tolist())
