"""Lineage on pages: from data to where it runs, and from a data set to its models."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from governance import feeding
from registry import tracing
from registry.models import DatasetVersion
from tests.governance.traced_stage import fed, reported, staged, versioned
from tests.world import later


@pytest.fixture(autouse=True)
def now(clock):
    clock(later(hours=100))


def reader(world) -> Client:
    client = Client()
    client.force_login(world.ines)
    return client


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def said(trace) -> set[tuple[str, str, str]]:
    """The edges of a trace by the names of their ends."""
    names = {node.id: node.name for node in trace.graph.nodes}
    return {(names[e.source], e.verb, names[e.target]) for e in trace.graph.edges}


def test_a_version_is_traced_from_its_data_to_its_place_and_what_it_feeds(world):
    stage = staged(world)
    pricing = world.model("pricing", name="Pricing")
    fed(world, stage.model, pricing)
    assert said(tracing.of_version(stage.versions[1])) == {
        ("Applications 1", "training", "train"),
        ("train", "produced", "Mortgage approval 2"),
        ("Mortgage approval 2", "runs in", "Production"),
        ("Mortgage approval 2", "is a version of", "Mortgage approval"),
        ("Mortgage approval", "feeds", "Pricing"),
    }


def test_only_the_version_reported_last_runs_and_earlier_ones_ran(world):
    stage = staged(world)
    reported(world, stage.versions[0], hours=20)
    edges = said(tracing.of_model(stage.model))
    assert ("Mortgage approval 2", "runs in", "Production") in edges
    assert ("Mortgage approval 1", "ran in", "Production") in edges


def test_what_runs_without_a_permit_is_said_in_the_drawing_and_the_table(world):
    stage = staged(world)
    page = text(
        reader(world).get(reverse("web:model_lineage", args=[stage.model.slug]))
    )
    assert page.count("runs there without a permit") >= 2


def test_an_ended_feed_is_not_drawn(world):
    stage = staged(world)
    other = world.model("pricing", name="Pricing")
    fed(world, stage.model, other)
    assert len(tracing.feeding([stage.model.pk])) == 1
    feeding.declare(
        upstream=stage.model,
        model=other,
        ended=True,
        note="Replaced.",
        by=world.anna,
        at=later(),
    )
    assert tracing.feeding([stage.model.pk]) == []


def test_models_that_feed_each_other_end_the_search_and_are_one_box(world):
    models = [world.model(f"m-{n}", name=f"M {n}") for n in range(3)]
    for at in range(3):
        fed(world, models[at], models[(at + 1) % 3])
    versioned(world, models[0], "1", world.data())
    assert len(tracing.feeding([models[0].pk])) == 3
    page = text(reader(world).get(reverse("web:model_lineage", args=["m-0"])))
    assert "feed each other in a circle" in page


def test_the_data_set_names_its_models_and_where_they_run_one_click_away(world):
    stage = staged(world)
    other = world.model("pricing", name="Pricing")
    versioned(world, other, "7", stage.data, use="test")
    page = text(reader(world).get(reverse("web:dataset", args=["applications"])))
    address = reverse("web:dataset_lineage", args=["applications"])
    assert f'href="{address}"' in page
    found = reader(world).get(address)
    rows = {row.model.name: row for row in found.context["learners"]}
    assert rows["Mortgage approval"].uses == "2 versions learned from it"
    assert rows["Pricing"].uses == "1 was tested on it"
    (place,) = rows["Mortgage approval"].places
    assert (place.deployment.version.version, place.used) == ("2", True)
    assert list(rows["Pricing"].places) == []
    assert '<svg class="graph"' in text(found)


def test_a_running_version_that_did_not_use_the_data_is_told_apart(world):
    stage = staged(world, count=1)
    newer = versioned(world, stage.model, "2", world.data("elsewhere"))
    reported(world, newer, hours=60)
    page = text(
        reader(world).get(reverse("web:dataset_lineage", args=["applications"]))
    )
    assert "which did not use it" in page


def test_one_version_of_a_data_set_names_only_its_own_models(world):
    stage = staged(world)
    second = world.data()
    versioned(world, world.model("pricing", name="Pricing"), "1", second)
    address = reverse("web:dataset_lineage", args=["applications"])
    only = reader(world).get(address, {"version": second.version})
    assert [row.model.slug for row in only.context["learners"]] == ["pricing"]
    every = reader(world).get(address)
    assert len(every.context["learners"]) == 2
    assert stage.data.version == 1
    assert reader(world).get(address, {"version": 9}).status_code == 404


def test_models_are_paged_by_short_name(world, monkeypatch):
    monkeypatch.setattr("governance.web.lineage.PER_PAGE", 2)
    data = world.data()
    for slug in ("c", "a", "b"):
        versioned(world, world.model(slug, name=slug), "1", data)
    address = reverse("web:dataset_lineage", args=["applications"])
    first = reader(world).get(address)
    assert [row.model.slug for row in first.context["learners"]] == ["a", "b"]
    second = reader(world).get(address, {"after": first.context["more"]})
    assert [row.model.slug for row in second.context["learners"]] == ["c"]


def test_too_many_versions_are_left_out_and_counted(world, monkeypatch):
    monkeypatch.setattr(tracing, "MOST", 2)
    stage = staged(world, count=5)
    trace = tracing.of_dataset(stage.dataset)
    assert trace.left_out == 3
    names = {n.name for n in trace.graph.nodes if n.kind == "version"}
    assert names == {"Mortgage approval 4", "Mortgage approval 5"}
    page = text(
        reader(world).get(reverse("web:model_lineage", args=[stage.model.slug]))
    )
    assert "3 older versions are left out." in page


def test_alike_versions_stand_as_one_box_and_can_be_shown_each(world):
    stage = staged(world, count=6)
    address = reverse("web:model_lineage", args=[stage.model.slug])
    folded = reader(world).get(address).context["lineage"]
    assert "5 × Mortgage approval" in [box.full_name for box in folded.boxes]
    stack = next(b for b in folded.boxes if b.opens and b.node.kind == "version")
    shown = reader(world).get(address, {"open": stack.opens}).context["lineage"]
    assert "Mortgage approval 3" in [box.full_name for box in shown.boxes]


@pytest.mark.parametrize(
    "address",
    [
        "/data-sets/?q=%00",
        "/data-sets/?after=%00",
        "/data-sets/applications/lineage?after=%00",
        "/data-sets/applications/lineage?open=%00",
        "/models/mortgage-approval/lineage?open=stack:nothing",
        "/models/mortgage-approval/versions/?after=%00",
        "/models/mortgage-approval/versions/?after=none",
        "/models/mortgage-approval/history?before=%00",
        "/models/mortgage-approval/history?before=2026-01-01_x",
        "/models/mortgage-approval/?environment=%00",
    ],
)
def test_strange_questions_are_no_error(world, address):
    staged(world)
    assert reader(world).get(address).status_code == 200


def test_hostile_names_are_text(world):
    data = world.data()
    data.dataset.__class__.objects.filter(pk=data.dataset.pk).update(
        name='"><script>alert(1)</script>'
    )
    model = world.model("hostile", name="</text><script>alert(2)</script>")
    versioned(world, model, "1", DatasetVersion.objects.get(pk=data.pk))
    for address in (
        reverse("web:model_lineage", args=["hostile"]),
        reverse("web:model", args=["hostile"]),
        reverse("web:version", args=["hostile", "1"]),
        reverse("web:dataset", args=["applications"]),
        reverse("web:dataset_lineage", args=["applications"]),
        reverse("web:datasets"),
    ):
        assert "<script>alert" not in text(reader(world).get(address))


def test_pages_of_lineage_ask_no_more_of_many_rows_than_of_few(world):
    stage = staged(world)
    fed(world, stage.model, world.model("fed", name="Fed"))
    pages = [
        reverse("web:datasets"),
        reverse("web:dataset", args=["applications"]),
        reverse("web:dataset_lineage", args=["applications"]),
        reverse("web:model_lineage", args=[stage.model.slug]),
    ]
    client = reader(world)
    before = {address: counted(client, address) for address in pages}
    for at in range(4):
        more = staged(world, f"more-{at}", count=3)
        fed(world, stage.model, more.model)
        world.data(f"data-{at}")
    assert {address: counted(client, address) for address in pages} == before


def counted(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    # Every two seconds the gate looks whether the database is migrated.
    return sum("django_migrations" not in row["sql"] for row in found)


def test_the_lineage_of_data_is_below_data_sets_and_drawn_not_raffled(world):
    stage = staged(world)
    address = reverse("web:dataset_lineage", args=[stage.dataset.slug])
    with translation.override("de"):
        page = text(reader(world).get(address, headers={"Accept-Language": "de"}))
    (here,) = re.findall(r'<a[^>]* href="([^"]+)"[^>]*aria-current="page"', page)
    assert here == "/data-sets/"
    assert "<h2>Die Zeichnung</h2>" in page
