"""My work: what waits for one person, in a number of queries that does not grow."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audits.models import EvidenceRun
from governance import approvals, challenges, findings, roles
from governance.dossier.request import request_portfolio
from governance.models import ApprovalRequest, Incident, Severity, WaitingRequest
from governance.web.work import counting
from governance.web.work.asked import asked
from governance.web.work.me import Me
from tests.governance.test_approvals import sign, submit
from tests.governance.test_fleet import happened
from tests.governance.test_waivers import asked as ask_waiver
from tests.world import NOW, later


def me(person):
    return Me.of(person, roles.roles_of(person), later(minutes=1))


def waits(person):
    """How much of each kind waits, without the kinds of which there is none."""
    return {key: n for key, n in counting.counts(me(person)).items() if n}


def measured_again(world, version):
    run = EvidenceRun.objects.get(version=version, kind="performance")
    numbers = {"performance": [("roc_auc", "", 0.9)]}
    world.measured(version, run.dataset_version, numbers, at=later(seconds=1))


@pytest.fixture(autouse=True)
def tomorrow(clock):
    """The pages look at the moment at which the acts of these tests are done."""
    clock(later(minutes=1))


def client_of(person):
    client = Client()
    client.force_login(person)
    return client


def work_page(person, **asked_for):
    return client_of(person).get("/work/", asked_for).content.decode()


@pytest.fixture
def request_(world):
    return submit(world, world.ready())


def test_a_request_waits_for_those_whose_seat_is_open_and_for_nobody_else(
    world, request_
):
    assert waits(world.vera)["sign"] == 1
    for other in (world.anna, world.ben, world.ola, world.ines, world.adam):
        assert "sign" not in waits(other)


def test_who_signed_is_not_asked_again_and_the_queue_moves_on(world, request_):
    sign(request_, world.vera, "review")
    assert "sign" not in waits(world.vera)
    queued = WaitingRequest.objects.get()
    assert world.vera.pk in queued.hands
    assert not any(seat.startswith("review:") for seat in queued.seats)


@pytest.mark.parametrize("end", ["authorised", "rejected", "withdrawn", "returned"])
def test_what_is_over_leaves_the_queue(world, request_, end):
    assert WaitingRequest.objects.count() == 1
    if end == "authorised":
        sign(request_, world.vera, "review")
        sign(request_, world.carl, "approval")
    elif end == "rejected":
        sign(request_, world.vera, "rejection", comment="No.")
    elif end == "withdrawn":
        approvals.withdraw(request=request_, reason="Wrong.", by=world.anna, at=later())
    else:
        approvals.request_changes(
            request=request_, reason="Mend.", by=world.vera, at=later()
        )
    assert not WaitingRequest.objects.exists()
    assert waits(world.anna).get("again", 0) == (end == "returned")


def test_submitting_again_takes_the_place_of_the_earlier_request(world, request_):
    measured_again(world, request_.version)
    again = approvals.submit(
        version=request_.version,
        environment=world.production,
        by=world.anna,
        at=later(seconds=9),
    )
    assert ApprovalRequest.objects.count() == 2
    assert WaitingRequest.objects.get().request == again


def test_what_changed_since_is_said_instead_of_signed(world, request_):
    measured_again(world, request_.version)
    assert "its owner submits it again" in work_page(world.vera)
    (mine,) = asked(me(world.anna))
    assert not mine.stands


def test_the_owner_sees_who_has_the_request_now(world, request_):
    assert "Validator" in work_page(world.anna)
    (mine,) = asked(me(world.anna))
    assert mine.tier == WaitingRequest.objects.get().tier
    assert not asked(me(world.ben))


def test_a_challenge_waits_for_its_answer_and_then_for_its_challenger(world, request_):
    row = challenges.challenge(
        request=request_,
        question="Why 2019?",
        expertise="Credit risk",
        independence="No part in it",
        by=world.carl,
        at=later(),
    )
    assert waits(world.ben)["challenges"] == 1
    assert "challenges" not in waits(world.carl)
    challenges.respond(challenge=row, text="Newest data.", by=world.ben, at=later())
    assert "challenges" not in waits(world.ben)
    assert waits(world.carl)["challenges"] == 1


def test_findings_waivers_and_incidents_wait_for_those_who_act_on_them(world):
    version = world.ready()
    findings.raise_finding(
        model=version.model,
        severity=Severity.HIGH,
        title="Wide",
        text="It misses.",
        due_on=later(days=9).date(),
        by=world.vera,
        at=NOW,
    )
    ask_waiver(world, version)
    happened(world, version.model, kind=Incident.Kind.MINOR)
    assert waits(world.anna)["findings"] == 1
    assert waits(world.carl)["waivers"] == 1
    assert "waivers" not in waits(world.anna)
    assert waits(world.rita)["incidents"] == 1
    assert not {"findings", "waivers", "incidents"} & set(waits(world.otto))


def test_the_strictest_tier_and_the_nearest_deadline_come_first(world):
    low, high = world.ready("low"), world.ready("high")
    for version, days in ((low, 3), (high, 30), (high, 20)):
        findings.raise_finding(
            model=version.model,
            severity=Severity.LOW,
            title=f"{version.model.slug} in {days}",
            text="It misses.",
            due_on=later(days=days).date(),
            by=world.vera,
            at=NOW,
        )
    page = work_page(world.anna, kind="findings")
    places = [page.index(f"in {days}") for days in (3, 20, 30)]
    assert places == sorted(places)


def test_one_kind_is_read_page_by_page(world):
    version = world.ready()
    for number in range(27):
        findings.raise_finding(
            model=version.model,
            severity=Severity.LOW,
            title=f"Finding {number:02}",
            text="It misses.",
            due_on=later(days=number + 1).date(),
            by=world.vera,
            at=NOW,
        )
    first = work_page(world.anna, kind="findings")
    assert "Finding 24" in first
    assert "Finding 25" not in first
    assert "?kind=findings&amp;page=2" in first
    second = work_page(world.anna, kind="findings", page="2")
    assert "Finding 26" in second
    assert "Finding 24" not in second
    assert "choose one above" in work_page(world.anna)
    for odd in ("0", "-1", "x", "9" * 40, "²"):
        assert client_of(world.anna).get(f"/work/?page={odd}").status_code == 200
        page = client_of(world.anna).get(f"/work/?kind=findings&page={odd}")
        assert page.status_code == 200


def test_the_count_stands_in_the_navigation_of_every_page(world, request_):
    page = client_of(world.vera).get("/gate/").content.decode()
    assert 'href="/work/">My work <span class="count hot">1</span>' in page
    assert 'href="/findings/">Findings</a>' in page


def test_entries_of_the_menu_count_what_concerns_the_person(world):
    ask_waiver(world, world.ready())
    page = client_of(world.carl).get("/gate/").content.decode()
    assert 'href="/waivers/">Waivers <span class="count">1</span>' in page
    page = client_of(world.ola).get("/gate/").content.decode()
    assert 'href="/waivers/">Waivers</a>' in page


def test_whoever_has_nothing_to_do_reads_what_would_stand_here(world):
    page = work_page(world.ines)
    assert "Nothing waits for you." in page
    assert "You asked nobody for anything" in page


def test_the_number_of_queries_does_not_grow(world):
    def counted():
        client = client_of(world.vera)
        client.get("/work/")
        with CaptureQueriesContext(connection) as found:
            assert client.get("/work/").status_code == 200
        return len(found)

    submit(world, world.ready("one"))
    first = counted()
    for slug in ("two", "three", "four"):
        submit(world, world.ready(slug))
    assert counted() == first


def test_a_dossier_of_many_models_is_called_by_what_it_is_about(world):
    request_portfolio(by=world.ines, at=NOW)
    (item,) = asked(me(world.ines))
    assert item.name == "Portfolio"
