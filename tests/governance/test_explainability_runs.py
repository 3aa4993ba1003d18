"""Explainability runs from the question to the report."""

import json

import pytest

from audits import execution
from audits.models import EvidenceRun
from audits.questions import CannotMeasure
from governance import datasets, evidence, registration
from tests.world import NOW, World

COLUMNS = {"dti": "feature", "afam": "sensitive", "deny": "target"}


def explained(world: World, config: dict, **more: object) -> EvidenceRun:
    """Vera asks for an explanation of the bank's stump; the run as it ended."""
    version = more.pop("version", None) or world.version(world.model())
    run = evidence.request_run(
        version=version,
        dataset_version=world.data(),
        kind="explainability",
        config=config,
        by=world.vera,
        at=NOW,
    )
    while execution.execute_next():
        pass
    run.refresh_from_db()
    return run


def document_of(run: EvidenceRun) -> dict:
    assert run.state == "finished", run.failure
    return json.loads(run.report.document)


def test_a_run_with_the_default_settings_tells_reasons(world):
    found = document_of(explained(world, {}))
    summary = found["summary"]
    assert summary["reference"] == "path-dependent"
    assert summary["exact"] is True
    assert summary["reasons"]["at_most"] == 4
    names = {one["name"] for one in found["measurements"]}
    assert {
        "mean_abs_shap",
        "additivity_error",
        "explainer_agreement",
        "importance_stability",
        "top_features_overlap",
        "importance_change",
    } <= names
    assert {case["case"] for case in summary["cases"]} == {
        "highest",
        "lowest",
        "closest",
    }


def test_a_background_is_asked_for_by_a_setting(world):
    config = {"background": "interventional", "background_rows": 20}
    summary = document_of(explained(world, config))["summary"]
    assert summary["reference"] == "interventional"
    assert summary["background_rows"] == 20
    assert summary["background_sha256"]


def test_the_registered_background_is_used(world):
    dataset = datasets.register(slug="behind", name="Behind", by=world.ben, at=NOW)
    rows = "".join(f"0.{i % 30:02},yes,{i % 2}\n" for i in range(70))
    behind = datasets.add_version(
        dataset=dataset,
        chunks=[f"dti,afam,deny\n{rows}".encode()],
        file_name="behind.csv",
        columns=COLUMNS,
        by=world.ben,
        at=NOW,
    )
    version = registration.register_version(
        model=world.model(),
        version="1",
        artifacts=[(world.artifact(), "model")],
        datasets=[(behind, "background")],
        by=world.ben,
        at=NOW,
    )
    asked = {"background": "interventional", "background_rows": 30}
    summary = document_of(explained(world, asked, version=version))["summary"]
    assert summary["background_rows"] == 30
    # Below 0.33 the stump answers -1, as for all rows of this background.
    assert summary["base_value"] == -1


@pytest.mark.parametrize(
    "wrong", [{"background": "whatever"}, {"repetitions": 1}, {"reasons": 50}]
)
def test_wrong_settings_are_refused_when_asked(world, wrong):
    with pytest.raises(CannotMeasure):
        explained(world, wrong)
