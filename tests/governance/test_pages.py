"""Every page answers: to nobody, to somebody without rights, empty and filled."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits.models import EvidenceRun
from governance import approvals, gate
from governance.models import Dossier, GateDecision
from governance.web import urls
from registry.models import RegisteredModel
from tests.world import later

LISTS = [
    "web:dashboard",
    "web:inventory",
    "web:datasets",
    "web:approvals",
    "web:gate",
    "web:policy",
    "web:dossiers",
    "web:log",
    "web:log_entries",
    "web:work",
    "web:start",
    "web:profile",
    "web:glossary",
    "web:design",
]
INLINE = re.compile(
    r"<script(?![^>]*(?:\bsrc=|application/json))|<style|\sstyle=|\son\w+="
)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """An hour after the world began: pages ask the clock, tests say what it shows."""
    monkeypatch.setattr(timezone, "now", lambda: later(hours=1))


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def filled(world):
    """A version on its way, with one answer of the gate and one dossier."""
    version = world.ready()
    now = timezone.now()
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=now
    )
    question = gate.Question("production", "mortgage-approval", "1")
    decision = gate.decide(question=question, by=world.ola, at=now)
    dossier = Dossier.objects.create(
        version=version, as_of=now, requested_by=world.ines, requested_at=now
    )
    run = EvidenceRun.objects.filter(kind="fairness").get()
    model, numbered = ("mortgage-approval",), ("mortgage-approval", "1")
    return world, {
        "register_model": (),
        "model": model,
        "versions": model,
        "compare": model,
        "history": model,
        "model_lineage": model,
        "dataset": ("applications",),
        "dataset_lineage": ("applications",),
        "edit_model": model,
        "assess": model,
        "version": numbered,
        "measure": numbered,
        "submit": numbered,
        "request_dossier": numbered,
        "evidence": (run.pk,),
        "progress": (run.pk,),
        "approval": (request.pk,),
        "decision": (decision.pk,),
        "dossier": (dossier.pk,),
        "dossier_progress": (dossier.pk,),
    }


# Whoever holds a dossier may ask whether it was made here.
FOR_ANYBODY = {"check", "check_digest"}


def test_every_page_asks_who_is_there(db):
    some_id = "00000000-0000-4000-8000-000000000000"
    arguments = {
        "slug": "x",
        "version": "1",
        "index": 0,
        "table": "registry_user",
        "key": "x",
    }
    for pattern in urls.urlpatterns:
        wanted = pattern.pattern.converters
        address = reverse(
            f"web:{pattern.name}",
            kwargs={name: arguments.get(name, some_id) for name in wanted},
        )
        answer = Client().get(address)
        if answer.status_code == 405:  # what only forms are sent to
            answer = Client().post(address)
        if pattern.name in FOR_ANYBODY:
            assert answer.status_code in (200, 400), address
            continue
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/account/login/?next="), address


@pytest.mark.parametrize("name", LISTS)
def test_lists_answer_in_an_empty_installation(world, name):
    answer = as_(world.ines).get(reverse(name), follow=True)
    assert answer.status_code == 200
    assert not INLINE.search(answer.content.decode())


def test_all_pages_of_a_filled_installation_answer_without_inline_code(filled):
    world, pages = filled
    readers = {"register_model": world.anna, "edit_model": world.anna}
    readers |= {"assess": world.rita, "measure": world.ben, "submit": world.anna}
    for name, arguments in pages.items():
        reader = as_(readers.get(name, world.ines))
        answer = reader.get(reverse(f"web:{name}", args=arguments))
        assert answer.status_code == 200, name
        assert not INLINE.search(answer.content.decode()), name
    for name in LISTS:
        answer = as_(world.carl).get(reverse(name))
        assert answer.status_code == 200
        assert not INLINE.search(answer.content.decode()), name


def test_administrator_reads_nothing_and_begins_with_their_work(world):
    world.model()
    administrator = as_(world.adam)
    answer = administrator.get("/", follow=True)
    assert answer.redirect_chain == [(reverse("web:work"), 302)]
    menu = answer.content.decode()
    assert f'href="{reverse("web:people")}"' in menu
    assert f'href="{reverse("web:sources")}"' in menu
    assert f'href="{reverse("web:inventory")}"' not in menu
    refused = administrator.get(reverse("web:inventory"))
    assert refused.status_code == 403
    assert "Adam Novak may not read" in refused.content.decode()


@pytest.mark.parametrize("address", ["/nothing/", "/models/", "/account/2fa/"])
def test_the_menu_is_the_same_where_a_page_is_refused_missing_or_of_the_account(
    world, address
):
    page = as_(world.adam).get(address).content.decode()
    assert f'href="{reverse("web:people")}"' in page
    assert f'href="{reverse("web:inventory")}"' not in page


def test_empty_portfolio_tells_the_first_step(world):
    answer = as_(world.anna).get("/", follow=True)
    assert answer.redirect_chain == [(reverse("web:start"), 302)]
    page = answer.content.decode()
    assert reverse("web:register_model") in page


def test_button_for_registering_is_shown_to_those_who_may(world):
    assert reverse("web:register_model") not in (
        as_(world.ines).get(reverse("web:inventory")).content.decode()
    )


def test_unknown_things_are_not_found(world):
    reader = as_(world.ines)
    for address in (
        "/models/none/",
        "/models/none/versions/1/",
        "/models/none/versions/%00/",
        "/log/999999/",
        f"/log/{10**30}/",
    ):
        answer = reader.get(address)
        assert answer.status_code == 404
        assert "There is nothing at this address" in answer.content.decode()


def test_pages_need_the_same_queries_for_many_models_as_for_few(
    world, django_assert_max_num_queries
):
    reader = as_(world.carl)
    world.assessed(world.model())
    counts = {}
    for page in ("/", reverse("web:inventory")):
        reader.get(page)
        with django_assert_max_num_queries(100) as few:
            reader.get(page)
        counts[page] = len(few)
    for number in range(12):
        model = world.model(f"model-{number}")
        world.assessed(model, likelihood=1 + number % 5)
        world.version(model)
    for page, before in counts.items():
        with django_assert_max_num_queries(before + 2):
            reader.get(page)


def test_denied_version_and_unauthorised_deployment_need_a_decision(filled):
    world, _pages = filled
    page = as_(world.carl).get("/").content.decode()
    assert "was denied" in page
    assert "waits for your signature" in page


def test_rehearsal_of_the_gate_records_nothing(filled):
    world, _pages = filled
    before = GateDecision.objects.count()
    answer = as_(world.ola).get(
        reverse("web:gate"),
        {"model": "mortgage-approval", "version": "1", "environment": "production"},
    )
    assert "It would deny." in answer.content.decode()
    assert GateDecision.objects.count() == before


def test_rehearsal_with_too_little_is_answered_beside_the_field(filled):
    world, _pages = filled
    answer = as_(world.ola).get(
        reverse("web:gate"), {"model": "x", "environment": "production"}
    )
    assert "Name model and version" in answer.content.decode()


def test_pages_speak_german(world):
    reader = as_(world.anna)
    reader.post("/language/", {"language": "de", "next": "/"})
    page = reader.get("/", follow=True).content.decode()
    assert '<html lang="de">' in page
    assert "Vom ersten Modell zur ersten Erlaubnis" in page


def test_hostile_names_are_text(world):
    world.model("hostile", name="<script>alert(1)</script>", purpose="</p>\"'")
    page = as_(world.ines).get(reverse("web:inventory")).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert RegisteredModel.objects.filter(slug="hostile").exists()


@pytest.mark.parametrize(
    "query",
    [
        "?tier=9",
        "?cell=9x9",
        "?sort=password",
        "?page=-1",
        "?page=x",
        "?q=%00",
        "?band=%00",
    ],
)
def test_strange_filters_are_no_error(world, query):
    world.model()
    answer = as_(world.ines).get(reverse("web:inventory") + query)
    assert answer.status_code == 200


def test_version_of_a_model_seen_for_another_environment(filled):
    world, _pages = filled
    address = reverse("web:version", args=["mortgage-approval", "1"])
    page = as_(world.ines).get(address, {"environment": "nowhere"}).content.decode()
    assert "May it run in Production?" in page
