"""No page offers anybody a link that refuses them."""

import pytest

from registry.models import User
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
    staged(world, "card-approval")
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


def test_an_external_auditor_is_led_nowhere_that_refuses(full):
    iris = outsider()
    given(full, iris)
    found = walk(iris)
    assert "\n".join(found.refused()) == ""
    assert "web:version" in found.pages()
