"""Two versions side by side: evidence, risk, files, data and packs, in words."""

import pytest
from django.test import Client
from django.urls import reverse

from governance import approvals, datasets, registration
from registry.models import Dataset
from tests.governance.traced_stage import staged, versioned
from tests.world import LIGHTGBM, later

SLUG = "mortgage-approval"


@pytest.fixture(autouse=True)
def now(clock):
    clock(later(hours=100))


def compared(world, **query):
    client = Client()
    client.force_login(world.ines)
    return client.get(reverse("web:compare", args=[SLUG]), query)


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_choice_the_newest_two_are_compared(world):
    staged(world, count=3)
    found = compared(world)
    assert (found.context["before"].version, found.context["after"].version) == (
        "2",
        "3",
    )
    assert "Version 2 and version 3" in text(found)


def test_one_version_alone_cannot_be_compared(world):
    staged(world, count=1)
    assert "not two versions to compare" in text(compared(world))


@pytest.mark.parametrize("query", [{"a": "1"}, {"a": "1", "b": "9"}, {"b": "\0"}])
def test_a_version_that_is_not_there_is_not_found(world, query):
    staged(world)
    assert compared(world, **query).status_code == 404


def test_evidence_says_the_limit_and_what_differs(world):
    stage = staged(world)
    name = "demographic_parity_difference"
    for version, value, gap in zip(
        stage.versions, (0.81, 0.6), (0.05, 0.3), strict=True
    ):
        numbers = {
            "performance": [("roc_auc", "", value)],
            "fairness": [(name, "afam", gap), ("selection_rate", "afam: yes", gap)],
        }
        world.measured(version, stage.data, numbers, at=later(hours=10))
    found = compared(world, a="1", b="2")
    rows = {row.title: row for row in found.context["evidence"].overall}
    area = rows["Area under the ROC curve"]
    assert (area.before_holds, area.after_holds) == (True, False)
    assert area.words == "lower by 0.210"
    assert [row.group for row in found.context["evidence"].groups] == ["afam: yes"]
    page = text(found)
    assert "the limit is broken" in page
    assert "By group" in page


def test_files_are_the_same_or_other_bytes(world):
    stage = staged(world)
    assert [p.same for p in compared(world).context["artifacts"]] == [True]
    other = LIGHTGBM.replace(b"threshold=0.33", b"threshold=0.35")
    registration.register_version(
        model=stage.model,
        version="3",
        artifacts=[(world.artifact(other), "model")],
        datasets=[(stage.data, "training")],
        by=world.ben,
        at=later(hours=20),
    )
    (pair,) = compared(world).context["artifacts"]
    assert (pair.label, pair.words) == ("Model", "other bytes")


def test_data_are_compared_by_use_with_their_columns(world):
    stage = staged(world, count=1)
    newer = datasets.add_version(
        dataset=Dataset.objects.get(slug="applications"),
        chunks=[b"dti,sex,deny\n" + b"0.1,f,1\n0.2,m,0\n" * 20],
        file_name="applications.csv",
        columns={"dti": "feature", "sex": "sensitive", "deny": "target"},
        by=world.ben,
        at=later(hours=5),
    )
    versioned(world, stage.model, "2", newer)
    (pair,) = compared(world).context["data"]
    assert pair.label == "Training: Applications"
    assert pair.words == "new columns: sex; columns left out: afam"
    assert pair.before.startswith("version 1, 120 rows")
    versioned(world, stage.model, "3", newer, use="test")
    pairs = compared(world).context["data"]
    assert {pair.words for pair in pairs} == {"for one version only"}


def test_packs_and_risk_are_those_that_each_was_submitted_under(world):
    version = world.ready()
    versioned(world, version.model, "2", world.data())
    assert compared(world).context["packs"] == []
    approvals.submit(
        version=version, environment=world.production, by=world.anna, at=later()
    )
    found = compared(world)
    assert found.context["packs"]
    assert {p.words for p in found.context["packs"]} == {"for one version only"}
    page = text(found)
    assert "High 16" in page
    assert "not submitted" in page


def test_what_was_registered_is_told_with_the_parameters_of_the_run(world):
    stage = staged(world)
    for number, depth in (("3", 4), ("4", 6)):
        registration.register_version(
            model=stage.model,
            version=number,
            artifacts=[(world.artifact(), "model")],
            run=registration.RunFacts(name="train", parameters={"depth": depth}),
            method="boosting",
            by=world.ben,
            at=later(hours=30 + depth),
        )
    pairs = {p.label: p for p in compared(world).context["record"]}
    assert (pairs["Parameter depth"].before, pairs["Parameter depth"].after) == (
        "4",
        "6",
    )
    assert pairs["Method"].same


def test_a_version_with_itself_has_no_difference(world):
    staged(world)
    found = compared(world, a="1", b="1")
    for part in ("artifacts", "data", "record"):
        pairs = found.context[part]
        assert pairs, part
        assert all(pair.same for pair in pairs), part


def test_hostile_parameters_are_text(world):
    stage = staged(world)
    registration.register_version(
        model=stage.model,
        version="3",
        artifacts=[(world.artifact(), "model")],
        run=registration.RunFacts(
            name="train", parameters={"<script>alert(1)</script>": "<b>"}
        ),
        by=world.ben,
        at=later(hours=40),
    )
    page = text(compared(world))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
