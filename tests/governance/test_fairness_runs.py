"""Fairness from the question to the report: settings, controls, no truth at all."""

import json

import pytest

from audits.questions import CannotMeasure
from governance import datasets
from registry.models import DatasetVersion
from tests.governance.test_evidence_runs import (
    ask,
    ended,
    of_a_vendor,
    told_by_the_model,
)
from tests.world import CSV, NOW, World

COLUMNS = {"dti": "feature", "afam": "sensitive", "branch": "sensitive"}
HEAD, *ROWS = CSV.decode().splitlines()


def data(world: World, **roles: str) -> DatasetVersion:
    """The bank's data with the branch that decided and what the model answered."""
    said = told_by_the_model()
    lines = [
        f"{row},{'north' if i % 3 else 'south'},{said[i]}" for i, row in enumerate(ROWS)
    ]
    dataset = datasets.register(slug="branches", name="Branches", by=world.ben, at=NOW)
    return datasets.add_version(
        dataset=dataset,
        chunks=["\n".join([f"{HEAD},branch,said", *lines]).encode()],
        file_name="branches.csv",
        columns={**COLUMNS, **roles},
        by=world.ben,
        at=NOW,
    )


def document(run):
    run = ended(run)
    assert run.state == "finished", run.failure
    return json.loads(run.report.document)


def test_a_report_can_be_checked_with_fairlearn(world):
    version = world.version(world.model())
    found = document(
        ask(world, version, data(world, deny="target"), config={"cross_check": True})
    )
    assert found["summary"]["cross_check"]["numbers_that_agree"] > 50
    assert any("describes and does not decide" in limit for limit in found["limits"])


def test_groups_are_compared_within_the_levels_of_a_control(world):
    version = world.version(world.model())
    found = document(
        ask(world, version, data(world, deny="target"), config={"control": "branch"})
    )
    names = {one["name"] for one in found["measurements"]}
    assert "selection_rate_conditional_homogeneity_p" in names
    compared = {table["feature"] for table in found["summary"]["features"]}
    assert compared == {"afam", "branch"}  # whoever controls for it hides nothing


def test_a_control_that_is_no_sensitive_column_ends_with_a_sentence(world):
    version = world.version(world.model())
    run = ask(world, version, data(world, deny="target"), config={"control": "dti"})
    assert ended(run).state == "failed"
    assert "'control' names 'dti'" in run.failure


def test_a_vendors_predictions_are_compared_without_any_truth(world):
    found = document(ask(world, of_a_vendor(world), data(world, said="prediction")))
    names = {one["name"] for one in found["measurements"]}
    assert {"selection_rate", "scoring_rate"} <= names
    assert "true_positive_rate" not in names
    law = found["summary"]["local_law_144"]
    assert [table["features"] for table in law["selection"]] == [
        ["afam"],
        ["branch"],
        ["afam", "branch"],
    ]
    assert any("nothing is said about errors" in limit for limit in found["limits"])


@pytest.mark.parametrize(
    "config",
    [{"cross_check": "yes"}, {"small_groups": "ignore"}, {"minimum_group_size": 3}],
)
def test_settings_are_checked_when_asked(world, config):
    version = world.version(world.model())
    with pytest.raises(CannotMeasure, match="Must be"):
        ask(world, version, data(world, deny="target"), config=config)
