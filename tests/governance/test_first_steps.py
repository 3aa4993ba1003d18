"""From an empty installation to the first permit."""

import json
import re
from html import unescape

import pytest
from django.test import Client

from governance import approvals, gate, registration, roles
from registry.models import RoleAssignment
from tests.crawling import walk
from tests.governance.test_approvals import sign, submit
from tests.world import LIGHTGBM, NOW, later, log_verified


def page_of(person):
    client = Client()
    client.force_login(person)
    return client.get("/start/").content.decode()


def done(page):
    """How many steps are done, as the page's first sentence and its list say."""
    said = int(re.search(r"(\d+) of 12 steps are done", page)[1])
    assert page.count('<li class="yes"') == said
    return said


def test_steps_follow_the_records_until_the_first_permit(world, clock):
    clock(later(hours=1))
    assert done(page_of(world.anna)) == 3  # policy, people, environment
    version = world.ready()
    assert done(page_of(world.anna)) == 8
    request = submit(world, version)
    assert done(page_of(world.anna)) == 9
    sign(request, world.vera, "review")
    assert done(page_of(world.anna)) == 10
    sign(request, world.carl, "approval")
    assert done(page_of(world.anna)) == 11
    log_verified()
    question = gate.Question("production", "mortgage-approval", "1")
    assert gate.decide(question=question, by=world.ola, at=later(minutes=5)).allowed
    page = page_of(world.anna)
    assert done(page) == 12
    assert 'href="/start/"' not in page.split("<main", 1)[0]


def test_the_next_step_leads_to_whoever_can_do_it(world, clock):
    clock(later(minutes=1))
    page = page_of(world.anna)
    (now,) = re.findall(r'aria-current="step">.*?</li>', page, re.S)
    assert 'href="/models/register"' in now
    assert "You can do it." in now
    (now,) = re.findall(r'aria-current="step">.*?</li>', page_of(world.carl), re.S)
    assert "You can do it." not in now


def test_missing_roles_are_named(world, clock):
    clock(later(minutes=1))
    roles.end(user=world.vera, role="validator", by=world.adam, at=later())
    assert "Nobody is yet: Validator." in page_of(world.anna)
    assert RoleAssignment.objects.filter(ended_at=None, role="validator").count() == 0


def test_one_person_with_all_roles_is_too_few(world, clock):
    clock(later(minutes=1))
    makers = ("owner", "developer", "risk-manager")
    for role in (*makers, "validator", "approver"):
        for person in world.people.values():
            roles.end(user=person, role=role, by=world.adam, at=later())
        roles.grant(user=world.vera, role=role, by=world.adam, at=later())
    too_few = "validator and approver must be two people"
    assert too_few in page_of(world.adam)
    assert done(page_of(world.adam)) == 2
    roles.grant(user=world.carl, role="approver", by=world.adam, at=later())
    assert too_few in page_of(world.adam)  # and who makes the version?
    for role in makers:
        roles.grant(user=world.anna, role=role, by=world.adam, at=later())
    assert too_few not in page_of(world.adam)
    assert done(page_of(world.adam)) == 3


def test_steps_are_about_the_version_that_is_nearest_to_a_permit(world, clock):
    clock(later(hours=1))
    submit(world, world.ready())
    other = world.version(world.model("churn", name="Churn"))
    page = page_of(world.anna)
    assert done(page) == 9
    assert "about Mortgage approval 1, which is nearest" in page
    assert f"/models/{other.model.slug}" not in page.split("<main", 1)[1]


def test_what_was_done_for_one_model_is_not_done_for_the_next(world, clock):
    clock(later(hours=1))
    world.assessed(world.model())
    assert done(page_of(world.anna)) == 5
    clock(later(hours=2))
    world.version(world.model("churn", name="Churn"))
    page = page_of(world.anna)
    assert "about Churn 1, which is nearest" in page
    risk = page.split("The risk is assessed", 1)[0].rpartition("<li ")[2]
    assert 'class="yes"' not in risk


def withdrawn(world, request):
    approvals.withdraw(request=request, reason="No.", by=world.anna, at=NOW)


def rejected(world, request):
    sign(request, world.carl, "rejection", comment="No.")


@pytest.mark.parametrize("end", [withdrawn, rejected])
def test_a_request_that_ended_leads_no_further(world, clock, end):
    clock(later(hours=1))
    first = world.ready()
    request = submit(world, first)
    sign(request, world.vera, "review")
    assert done(page_of(world.anna)) == 10
    end(world, request)
    page = page_of(world.anna)
    assert done(page) == 8
    (now,) = re.findall(r'aria-current="step">.*?</li>', page, re.S)
    assert "The version is submitted" in now
    assert f"/approvals/{request.pk}" not in page
    clock(later(hours=2))
    model, at, file = first.model, later(hours=1), (world.artifact(), "model")
    registration.register_version(
        model=model, version="2", artifacts=[file], by=world.ben, at=at
    )
    page = page_of(world.anna)
    assert "about Mortgage approval 2, which is nearest" in page
    (now,) = re.findall(r'aria-current="step">.*?</li>', page, re.S)
    assert "Evidence is there" in now
    assert f"/models/{model.slug}/versions/2" in now


def test_steps_lead_nobody_to_a_page_that_refuses(world, clock):
    clock(later(minutes=1))
    roles.end(user=world.vera, role="validator", by=world.adam, at=later())
    assert 'href="/people/"' in page_of(world.adam).split("<main", 1)[1]
    for name in ("adam", "anna", "carl"):
        assert "\n".join(walk(world.people[name]).refused()) == ""


def calls_of(page):
    """The commands and calls of the page, as somebody copies them."""
    return [unescape(one) for one in re.findall(r"<code>(.*?)</code>", page, re.S)]


def test_each_missing_role_is_granted_by_a_command(world, clock):
    clock(later(minutes=1))
    roles.end(user=world.vera, role="validator", by=world.adam, at=later())
    (people, *_rest) = calls_of(page_of(world.adam))
    assert people.splitlines()[1:] == [
        "manage.py access --grant-role USER validator",
    ]


def test_what_no_page_does_is_told_as_whole_calls(world, clock):
    clock(later(minutes=1))
    page = "\n".join(calls_of(page_of(world.adam)))
    assert "TOKEN=$(manage.py issue_token --user USER)" in page
    assert "/api/v1/models/MODEL/versions" in page
    assert "/api/v1/environments" not in page  # one is known
    world.model()
    page = "\n".join(calls_of(page_of(world.ben)))
    assert "/api/v1/models/mortgage-approval/versions" in page
    assert "gate?model=mortgage-approval&version=VERSION&environment=production" in page


def test_the_question_names_a_version_with_a_plus_sign(world, clock):
    clock(later(minutes=1))
    world.version(world.model(), "1.0+eu")
    assert "&version=1.0%2Beu&" in "\n".join(calls_of(page_of(world.ben)))


def test_the_told_calls_are_accepted_as_they_stand(world, clock, caller):
    clock(later(minutes=1))
    model, ours, sha256 = world.model(), caller(user="ben"), ""
    rows = b"income,sex,paid\n" + b"1,f,yes\n2,m,no\n" * 40
    sent = {"test.csv": rows, "model.skops": LIGHTGBM}
    told = "\n".join(calls_of(page_of(world.ben)))
    posts = re.findall(r'"http\S+/api/v1/(\S+)" (-[HF].*)', told)
    assert len(posts) == 4
    for path, options in posts:
        if body := re.search(r"-d '(.*)'", options):
            answer = ours.post(path, json.loads(body[1].replace("SHA256", sha256)))
        else:
            name = re.search(r"file=@(\S+)", options)[1]
            more = dict(re.findall(r"'(columns)=(.*)'", options))
            answer = ours.upload(path, sent[name], name, **more)
            sha256 = answer.json()["sha256"]
        assert answer.status_code == 201, answer.content
    assert model.versions.get().version_datasets.get().use == "test"
    assert done(page_of(world.anna)) == 6


def test_signing_waits_for_validator_and_approver_alone(world, clock):
    clock(later(minutes=1))
    submit(world, world.ready())
    (now,) = re.findall(r'aria-current="step">.*?</li>', page_of(world.rita), re.S)
    assert "Done by: Approver, Validator." in now
    assert "You can do it." not in now
    (now,) = re.findall(r'aria-current="step">.*?</li>', page_of(world.vera), re.S)
    assert "You can do it." in now


def test_the_first_administrator_begins_with_the_first_steps(world, clock):
    clock(later(minutes=1))
    client = Client()
    client.force_login(world.adam)
    assert client.get("/").url == "/start/"
    world.model()
    assert client.get("/").url == "/work/"
