"""From an empty installation to the first permit."""

import re

from django.test import Client

from governance import approvals, gate, roles
from registry.models import RoleAssignment
from tests.crawling import walk
from tests.governance.test_approvals import sign, submit
from tests.world import NOW, later, log_verified


def page_of(person):
    client = Client()
    client.force_login(person)
    return client.get("/start/").content.decode()


def done(page):
    """How many steps are done, as the page's first sentence and its list say."""
    said = int(re.search(r"(\d+) of 11 steps are done", page)[1])
    assert page.count('<li class="yes"') == said
    return said


def test_steps_follow_the_records_until_the_first_permit(world, clock):
    clock(later(hours=1))
    assert done(page_of(world.anna)) == 3  # policy, people, environment
    version = world.ready()
    assert done(page_of(world.anna)) == 7
    request = submit(world, version)
    assert done(page_of(world.anna)) == 8
    sign(request, world.vera, "review")
    assert done(page_of(world.anna)) == 9
    sign(request, world.carl, "approval")
    assert done(page_of(world.anna)) == 10
    log_verified()
    question = gate.Question("production", "mortgage-approval", "1")
    assert gate.decide(question=question, by=world.ola, at=later(minutes=5)).allowed
    page = page_of(world.anna)
    assert done(page) == 11
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


def test_a_request_that_was_rejected_is_not_signed(world, clock):
    clock(later(minutes=1))
    request = submit(world, world.ready())
    approvals.withdraw(request=request, reason="No.", by=world.anna, at=NOW)
    assert done(page_of(world.anna)) == 8


def test_steps_lead_nobody_to_a_page_that_refuses(world, clock):
    clock(later(minutes=1))
    roles.end(user=world.vera, role="validator", by=world.adam, at=later())
    assert 'href="/people/"' in page_of(world.adam).split("<main", 1)[1]
    for name in ("adam", "anna", "carl"):
        assert "\n".join(walk(world.people[name]).refused()) == ""


def test_what_no_page_does_is_told_as_a_command_or_a_call(world, clock):
    clock(later(minutes=1))
    roles.end(user=world.vera, role="validator", by=world.adam, at=later())
    page = page_of(world.adam)
    assert "manage.py access --grant-role USER ROLE" in page
    assert "POST /api/v1/models/MODEL/versions" in page
    assert "POST /api/v1/environments" not in page  # one is known
