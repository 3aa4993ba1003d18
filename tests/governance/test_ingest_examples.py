"""What the pages on lineage, MLflow and Prometheus tell people to paste."""

import ast
import json
import re

import pytest
import yaml

from governance import access
from governance.ingest import joining, mlflow
from governance.models import LineageName
from registry.models import Role
from tests.governance.doors import EXAMPLES, ROOT
from tests.governance.test_metrics import numbers
from tests.world import NOW

PAGES = {
    "openlineage/openlineage.yml": "doors.md",
    "openlineage/train.json": "doors.md",
    "mlflow/webhook.py": "doors.md",
    "prometheus/scrape.yml": "operations.md",
    "prometheus/alerts.yml": "operations.md",
}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_shows_the_file_as_it_is(name):
    page = (ROOT / "docs" / PAGES[name]).read_text()
    assert f"\n{(EXAMPLES / name).read_text()}```" in page


def test_the_event_to_paste_is_joined(world, caller):
    world.version(world.model())
    world.data()
    sent = json.loads((EXAMPLES / "openlineage/train.json").read_text())
    assert caller(Role.CI).post("lineage", sent).status_code == 200
    joining.join_next(by=access.system_user(), at=NOW)
    assert {row.state for row in LineageName.objects.all()} == {"joined"}


def test_mlflow_is_asked_for_the_events_that_something_follows_from():
    tree = ast.parse((EXAMPLES / "mlflow/webhook.py").read_text())
    said = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and "model_version" in str(node.value)
    }
    assert len(said) == 5
    for name in said:
        entity, action = name.split(".")
        told = mlflow._Told(entity, action, "m", "1", "a", mlflow.TAG)
        assert mlflow._moved(told) or name == "model_version.created"


def test_alarms_ask_for_numbers_that_there_are(world):
    there = {name.split()[0] for name in numbers()}
    rules = yaml.safe_load((EXAMPLES / "prometheus/alerts.yml").read_text())
    asked = " ".join(rule["expr"] for rule in rules["groups"][0]["rules"])
    named = set(re.findall(r"freigabe_\w+", asked))
    assert len(named) == 6
    assert named <= there
    page = (ROOT / "docs/operations.md").read_text()
    for name in there:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert f"`{family}`" in page
