"""Explanations are checked for additivity, ranked, and stable or not."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits import datasets
from audits.answers import Limits, Source
from audits.evaluators import explainability
from audits.evaluators.base import UnusableEvidence
from audits.explanations import Explanation, explain
from audits.sampling import choose_rows
from tests.audits import zoo

LIMITS = Limits(timeout_seconds=120)
CONFIG = {"rows": 120, "background_rows": 50, "seed": 5}


@pytest.fixture(scope="module")
def explained(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Explanation, datasets.Table]:
    folder = tmp_path_factory.mktemp("explained")
    exhibit = zoo.skops_file(folder, "logistic")
    names = zoo.features()
    table = datasets.read(exhibit.data, media_type=zoo.CSV, columns=names)
    source = Source(
        exhibit.path, exhibit.format, exhibit.data, zoo.CSV, tuple(names), "1"
    )
    samples = explainability.samples_of(table.rows, CONFIG)
    return explain(source, samples=samples, limits=LIMITS), table


def test_importances_are_ranked_with_intervals(
    explained: tuple[Explanation, datasets.Table],
) -> None:
    explanation, table = explained
    found = explainability.evaluate(explanation=explanation, table=table)
    ranked = [m for m in found.measurements if m.name == "mean_abs_shap"]
    assert {m.group for m in ranked} == set(zoo.features())
    values = [m.value or 0 for m in ranked]
    assert values == sorted(values, reverse=True)
    for one in ranked:
        assert (one.lower or 0) <= (one.value or 0) <= (one.upper or 0)
        assert one.n == 120
        assert one.unit == "log-odds"
    # Insurance denied and debt against income are what the literature finds, too.
    assert {m.group for m in ranked[:6]} & {"pirat", "insurance", "chist"}
    assert (found.get("additivity_error").value or 0) < 1e-9
    assert 0.7 < (found.get("importance_stability").value or 0) <= 1
    assert found.summary["explainer"] == "linear closed form (interventional)"
    assert len(found.summary["background_sha256"]) == 64
    assert "scikit-learn" in found.versions


def test_beeswarm_is_a_sample_with_levels(
    explained: tuple[Explanation, datasets.Table],
) -> None:
    explanation, table = explained
    found = explainability.evaluate(explanation=explanation, table=table)
    swarm = found.summary["beeswarm"]
    assert len(swarm) == 120 * len(zoo.features())
    for point in swarm:
        text = point["feature"] in table.texts
        assert (point["level"] is None) is text
        assert text or 0 <= point["level"] <= 1
    json.dumps(found.as_json(), allow_nan=False)


def test_values_that_do_not_add_up_are_refused(
    explained: tuple[Explanation, datasets.Table],
) -> None:
    explanation, table = explained
    first, second = explanation.samples
    wrong = replace(first, phi=first.phi + 0.01)
    with pytest.raises(UnusableEvidence, match="do not add up"):
        explainability.evaluate(
            explanation=replace(explanation, samples=(wrong, second)), table=table
        )


def test_explanation_of_another_output_is_refused(
    explained: tuple[Explanation, datasets.Table],
) -> None:
    explanation, table = explained
    first, second = explanation.samples
    other = replace(first, scores=1 - first.scores)  # the other class
    with pytest.raises(UnusableEvidence, match="another output"):
        explainability.evaluate(
            explanation=replace(explanation, samples=(other, second)), table=table
        )


def test_equal_importances_have_no_stability(
    explained: tuple[Explanation, datasets.Table],
) -> None:
    explanation, table = explained
    samples = tuple(
        replace(s, phi=s.phi * 0, base=s.output.copy()) for s in explanation.samples
    )
    found = explainability.evaluate(
        explanation=replace(explanation, samples=samples, check=None), table=table
    )
    assert found.get("explainer_agreement").value is None
    assert found.get("importance_stability").value is None


def test_rows_are_chosen_by_hash() -> None:
    chosen = choose_rows(10_000, 500, seed=1)
    assert len(set(chosen.tolist())) == 500
    assert list(choose_rows(10_000, 100, seed=1)) == list(chosen[:100])
    assert set(choose_rows(10_000, 500, seed=2)) != set(chosen)
    assert 4000 < chosen.mean() < 6000
    # Bottom-k: the rows of a longer table contain those that stay smallest.
    longer = choose_rows(20_000, 500, seed=1)
    assert set(longer[longer < 10_000].tolist()) <= set(chosen.tolist())


def test_two_samples_differ_and_one_seed_repeats() -> None:
    one, other = explainability.samples_of(1000, {"rows": 50, "seed": 3})
    assert not set(one[0]) & set(other[0])
    assert not set(one[1]) & set(other[1])
    again, _ = explainability.samples_of(1000, {"rows": 50, "seed": 3})
    np.testing.assert_array_equal(one[0], again[0])
    small = explainability.samples_of(41, {"rows": 300})
    assert [len(sample[0]) for sample in small] == [20, 20]


@pytest.mark.parametrize(
    ("rows", "config", "words"),
    [
        (10, {}, "at least 40 are needed"),
        (1000, {"rows": 5}, "'rows' must lie between"),
        (1000, {"background_rows": True}, "'background_rows' must be a number"),
    ],
)
def test_wrong_settings_are_named(rows: int, config: Any, words: str) -> None:
    with pytest.raises(UnusableEvidence, match=words):
        explainability.samples_of(rows, config)


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    exhibit = zoo.skops_file(tmp_path, "network")  # the permutation explainer
    script = (
        "import json, sys; from pathlib import Path; "
        "from audits import answers, datasets, explanations; "
        "from audits.evaluators import explainability as e; "
        "names = json.loads(sys.argv[3]); "
        "table = datasets.read(Path(sys.argv[2]), media_type='text/csv', "
        "columns=names); "
        "source = answers.Source(Path(sys.argv[1]), 'skops', Path(sys.argv[2]), "
        "'text/csv', tuple(names), '1'); "
        "samples = e.samples_of(table.rows, {'rows': 20, 'background_rows': 10}); "
        "x = explanations.explain(source, samples=samples, limits=answers.Limits()); "
        "print(json.dumps(e.evaluate(explanation=x, table=table).as_json()))"
    )
    features = json.dumps(zoo.features())
    command = [sys.executable, "-c", script, exhibit.path, exhibit.data, features]
    root = Path(__file__).resolve().parents[2]
    answers = [
        subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert b"PermutationExplainer" in answers[0]
