"""No page offers anybody a link that refuses them."""

import pytest

from governance import registration
from registry.models import RegisteredModel, User
from tests.browser import decided
from tests.crawling import walk
from tests.governance.auditors_stage import given, outsider
from tests.governance.test_approvals import submit
from tests.governance.test_number_of_queries import staged
from tests.world import later


@pytest.fixture
def full(world, clock):
    """An installation in which something of everything happened."""
    clock(later(hours=2))
    version = world.ready("mortgage-approval")
    submit(world, version)
    decided_pages = decided.pages(world)
    assert decided_pages
    staged(world, "mortgage-cards")
    return world


@pytest.mark.parametrize("name", ["rita", "ola", "ines", "adam"])
def test_every_link_leads_somewhere(full, name):
    found = walk(full.people[name])
    assert "\n".join(found.refused()) == ""
    assert len(found.pages()) > 5


def test_somebody_without_a_role_is_told_so_and_finds_what_is_theirs(full):
    nora = User.objects.create_user("nora", first_name="Nora", last_name="New")
    found = walk(nora)
    assert "\n".join(found.refused()) == ""
    assert {"web:work", "web:profile", "web:glossary"} <= set(found.pages())
    assert "You hold no role yet" in found.answers["/work/"].content.decode()


HIDDEN = (b"Verborgen", b"loans")
# What somebody from outside reads of a model in their scope.
OUTSIDE = {
    *("model", "version", "history", "model_lineage", "tier", "aggregate"),
    *("evidence", "drift", "approval", "challenges", "authorisation"),
    *("finding", "waiver", "decision", "glossary", "auditors", "evaluations"),
    *("declarations", "request_dossier", "profile", "emergency"),
}


def test_an_external_auditor_reads_all_of_a_model_in_scope_and_nothing_else(full):
    iris = outsider()
    given(full, iris)
    other = RegisteredModel.objects.get(slug="loans")
    registration.change_inventory(
        model=other, name="Verborgen", by=full.rita, at=later(hours=2)
    )
    found = walk(iris, each=2)
    assert "\n".join(found.refused()) == ""
    assert {name.removeprefix("web:") for name in found.pages()} >= OUTSIDE
    leaks = [
        address
        for address, answer in found.answers.items()
        if not answer.streaming and any(word in answer.content for word in HIDDEN)
    ]
    assert leaks == []


def test_an_access_that_covers_nothing_yet_opens_an_empty_room(full):
    iris = outsider()
    given(full, iris, patterns=["not-registered-yet"])
    found = walk(iris)
    assert "\n".join(found.refused()) == ""
    assert "web:auditors" in found.pages()
