"""What pages show: the heat map, the filter, the log, figures and limits."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits import log
from governance import approvals, gate, matrices
from governance.signatures import Proof
from governance.templatetags.freigabe import digests, number
from governance.web import matrix
from governance.web.limits import Limit
from registry import lineage
from registry.models import RegisteredModel, User
from tests.world import PASSWORD, World, later, log_verified


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """An hour after the world began: pages ask the clock, tests say what it shows."""
    monkeypatch.setattr(timezone, "now", lambda: later(hours=1))


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def names(answer) -> list[str]:
    return [line.model.slug for line in answer.context["lines"]]


@pytest.fixture
def portfolio(world):
    """Four models in different places of the matrix, one not assessed."""
    for slug, place in {"a": (4, 4), "b": (4, 4), "c": (1, 1), "d": None}.items():
        model = world.model(f"model-{slug}", name=f"Model {slug.upper()}")
        if place:
            world.assessed(model, *place)
    world.version(RegisteredModel.objects.get(slug="model-c"))
    return world


def test_cell_of_the_heat_map_leads_to_its_models(portfolio):
    reader = as_(portfolio.ines)
    page = reader.get("/").content.decode()
    assert f"{reverse('web:inventory')}?cell=4x4" in page
    assert "2 models, Likely, large: High 16" in page
    found = reader.get(reverse("web:inventory"), {"cell": "4x4"})
    assert names(found) == ["model-a", "model-b"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "model b"}, ["model-b"]),
        ({"q": "nothing"}, []),
        ({"tier": "4"}, ["model-c"]),
        ({"band": "high"}, ["model-a", "model-b"]),
        ({"status": "development"}, ["model-c"]),
        ({"sort": "-risk"}, ["model-a", "model-b", "model-c", "model-d"]),
        ({"sort": "risk"}, ["model-c", "model-a", "model-b", "model-d"]),
    ],
)
def test_filter_and_order_of_the_inventory(portfolio, query, expected):
    assert names(as_(portfolio.ines).get(reverse("web:inventory"), query)) == expected


def test_htmx_gets_the_rows_alone(portfolio):
    answer = as_(portfolio.ines).get(
        reverse("web:inventory"), headers={"HX-Request": "true"}
    )
    assert "<html" not in answer.content.decode()
    assert "Model A" in answer.content.decode()


def test_default_matrix_has_all_cells_with_words(db):
    drawn = matrix.draw(matrices.current(at=later()), here=(1, 5))
    assert len(drawn.rows) == 5
    assert drawn.rows[0].name == "Very likely"
    assert drawn.rows[0].cells[4].label == "Very likely, very large: Severe 25"
    marked = [cell for row in drawn.rows for cell in row.cells if cell.here]
    assert [(cell.likelihood, cell.impact) for cell in marked] == [(1, 5)]


def test_log_names_people_and_shows_contents_to_auditors_only(live_log):
    world = live_log
    page = as_(world.anna).get(reverse("web:log")).content.decode()
    assert "Anna Lindqvist" in page
    entry = as_(world.anna).get(reverse("web:log_entry", args=[0])).content.decode()
    assert "for auditors" in entry
    assert "The exact text" not in entry
    entry = as_(world.ines).get(reverse("web:log_entry", args=[0])).content.decode()
    assert "The exact text that is hashed" in entry
    assert "Root hash" in entry


def test_change_outside_the_application_is_red(live_log):
    User.objects.filter(username="ben").update(unit="Elsewhere")
    page = as_(live_log.ines).get(reverse("web:log")).content.decode()
    assert '<tr class="outside">' in page
    assert "</span> db:" in page
    assert "outside the application" in page
    address = reverse("web:log_entries") + "?outside=on"
    page = as_(live_log.ines).get(address).content.decode()
    assert "registry_user" in page
    assert "<strong>Unit</strong>" in page


def test_log_that_does_not_hold_says_so_everywhere(live_log):
    log_verified(timezone.now(), ok=False)
    for name in ("web:log", "web:dashboard", "web:policy"):
        page = as_(live_log.ines).get(reverse(name)).content.decode()
        assert "does not hold" in page, name


@pytest.fixture
def live_log(fresh_database):
    """People and a model in a log that was integrated and signed."""
    world = World()
    world.model()
    log.advance(at=timezone.now())
    return world


def test_report_says_the_limit_and_whether_it_is_kept(world):
    version = world.ready()
    run = version.evidence_runs.get(kind="fairness")
    page = as_(world.ines).get(reverse("web:evidence", args=[run.pk])).content.decode()
    assert "Demographic parity difference" in page
    assert re.search(r"0\.050 \(limit ≤ 0\.\d\d\)", page)


@pytest.mark.parametrize(
    ("item", "value", "kept"),
    [
        ({"at_least": 0.7}, 0.7, True),
        ({"at_least": 0.7}, 0.69, False),
        ({"at_most": 0.25}, -0.3, False),
        ({"at_most": 0.25}, 0.25, True),
        ({}, 0.0, False),
    ],
)
def test_limit_is_judged_as_the_gate_judges(item, value, kept):
    assert Limit.of(item).holds(value) is kept


def test_numbers_are_rounded_not_cut():
    assert number(0.8996) == "0.900"
    assert number(1.0) == "1.000"
    assert number(142.0) == "142"
    assert number(None) == "–"


def test_digests_in_sentences_are_shortened_and_nothing_else():
    said = digests(f"sha256:{'ab' * 32} <b>")
    assert "abababab…abab" in said
    assert "&lt;b&gt;" in said


def test_version_page_draws_its_own_lineage(world):
    version = world.ready()
    assert len(lineage.of_version(version).nodes) == 1
    page = as_(world.ines).get(reverse("web:version", args=["mortgage-approval", "1"]))
    assert '<svg class="graph"' in page.content.decode()


def test_permit_of_a_decision_can_be_read(world):
    at = timezone.now()
    version = world.ready()
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=at
    )
    for person, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=person,
            at=at,
        )
    log_verified(at)
    decision = gate.decide(
        question=gate.Question("production", "mortgage-approval", "1"),
        by=world.ola,
        at=at,
    )
    assert decision.allowed, [c for c in decision.checks if not c["passed"]]
    assert json.loads(decision.permit)
    page = as_(world.ines).get(reverse("web:decision", args=[decision.pk]))
    assert "The signed permit" in page.content.decode()
