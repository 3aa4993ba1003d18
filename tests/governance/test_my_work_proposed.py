"""My work tells who drafted, proposed or raised something who has it now."""

import pytest
from django.test import Client
from django.urls import reverse

from governance import challenges, identities, remedying
from governance.signatures import Proof
from registry.models import Role
from tests.governance import issuer
from tests.governance.test_approvals import submit
from tests.governance.test_ending import propose
from tests.governance.test_findings import raised
from tests.governance.test_matrix_publishing import THREE, draft, own
from tests.governance.test_publishing import approver, person, reviewed
from tests.world import NOW, PASSWORD, later

__all__ = ["approver"]


@pytest.fixture(autouse=True)
def now(clock):
    clock(later(hours=1))


def has(person) -> dict[str, str]:
    """Who has what this person asked for, by where it is told."""
    browser = Client()
    browser.force_login(person)
    answer = browser.get(reverse("web:work"))
    return {item.href: item.because for item in answer.context["asked"]}


def test_a_finding_is_with_its_owner_until_it_is_for_the_validator(world):
    finding = raised(world)
    address = reverse("web:finding", args=[finding.pk])
    assert has(world.vera)[address] == world.anna.printed_name
    assert address not in has(world.rita)
    remedying.plan(finding=finding, by=world.anna, at=NOW, text="More data.")
    assert address not in has(world.vera)


def test_a_challenge_is_with_the_owner_until_it_is_answered(world):
    request = submit(world, world.ready())
    challenge = challenges.challenge(
        request=request,
        question="Does it hold?",
        expertise="Credit.",
        independence="Second line.",
        by=world.vera,
        at=NOW,
    )
    address = reverse("web:challenges", args=[request.pk])
    assert has(world.vera)[address] == world.anna.printed_name
    challenges.respond(challenge=challenge, text="It does.", by=world.anna, at=NOW)
    assert address not in has(world.vera)


def test_drafts_are_with_those_who_publish_them(world):
    author = person(world, "paula", Role.POLICY_AUTHOR)
    pack = reverse("web:policy_draft", args=[reviewed(author).pk])
    assert "publishes policy" in has(author)[pack]
    matrix = reverse("web:matrix_draft", args=[draft(world, own(THREE)).pk])
    assert "publishes risk matrices" in has(world.rita)[matrix]
    assert matrix not in has(author)


def test_the_end_of_a_pack_is_with_somebody_else(world, approver):
    propose(approver, ends_at=later(days=30))
    assert list(has(approver).values()) == ["Somebody else of the second line"]
    assert has(world.rita) == {}


def test_an_administrator_reads_who_has_the_pipelines_that_they_proposed(world):
    rule = identities.propose(wish=issuer.wish(), by=world.adam, at=NOW)
    address = reverse("web:pipeline", args=[rule.pk])
    assert has(world.adam)[address] == "A risk manager or compliance officer"
    identities.confirm(rule=rule, proof=Proof(password=PASSWORD), by=world.rita, at=NOW)
    assert has(world.adam) == {}
