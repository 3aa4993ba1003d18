"""No page is left out: all that links lead to is accessible, in each look."""

import pytest
from django.urls import reverse
from django.utils import timezone

from governance import access, identities
from governance.models import (
    Authorisation,
    ChangePlan,
    Declaration,
    DeploymentSource,
    Dossier,
)
from governance.web import urls
from registry.models import Role
from tests.browser import decided
from tests.browser.test_looking import NARROW, RARELY, WIDE, faults
from tests.crawling import walk
from tests.governance import issuer
from tests.governance.change_stage import filed, made
from tests.governance.forge_world import agreed, registered
from tests.governance.test_declaring import screen
from tests.governance.test_number_of_queries import staged
from tests.world import NOW, later

# A crawl by six people and a look at each page: minutes on a slow machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
# Answers to forms, files and parts of pages: nothing that somebody looks at.
NO_PAGES = {
    *("read_notifications", "wish_notifications", "switch_webhook", "webhook_secret"),
    *("redeliver", "end_pipeline", "end_forge", "end_forge_place", "forge_again"),
    *("revoke_token", "end_identity", "ask_step_up", "step_up", "signing_challenge"),
    *("inventory_csv", "drop_view", "progress"),
    *("matrix_simulate",),
    *("cancel-run", "report-file", "attachment_file", "withdraw", "request-changes"),
    *("envelope", "revoked_permits", "look", "listen", "policy_draft_step"),
    *("log_proof", "end_dossier_schedule", "dossier_progress", "dossier_pdf"),
    *("dossier_export", "dossier_disclosure", "dossier_split", "dossier_bundle"),
    *("audit_sample_file", "check_digest"),
}
# Looked at by the other tests of this folder; a draw has the template of a finding.
ELSEWHERE = {
    *("approval", "compare", "versions", "attachment", "revoke_signer", "together"),
    *("audit_access", "audit_request", "audit_sample", "policy_write", "draw"),
}


@pytest.fixture
def full(bank, monkeypatch, settings):
    """The bank with something of everything in it."""
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    settings.FREIGABE_FORGE_ALLOW = ["127.0.0.0/8"]
    world = bank.world
    monkeypatch.setattr(timezone, "now", lambda: later(hours=2))
    assert decided.pages(world)
    version = staged(world, "cards")
    filed(world, made(world, world.model("plans"), "1"))
    screen(world, version.model)
    Dossier.objects.create(
        version=version, as_of=NOW, requested_by=world.rita, requested_at=NOW
    )
    _administered(world)
    return bank


def _administered(world):
    """Tokens, pipelines, code servers and sources."""
    access.issue_token(name="ci", role=Role.CI, by=world.adam, at=NOW)
    identities.propose(wish=issuer.wish(), by=world.adam, at=NOW)
    agreed(world, registered(world, "gitlab", "http://127.0.0.1:9/")[0])
    DeploymentSource.objects.create(
        name="cluster",
        kind="kubernetes",
        url="https://cluster.example",
        environment=world.production,
        configured_by=world.ola,
        configured_at=NOW,
    )


def reached(world) -> dict[str, dict[str, str]]:
    """An address of each page by its name, by the person who came to it first."""
    granted = Authorisation.objects.filter(version__model__slug="cards").get()
    found = {
        "carl": {
            name: reverse(f"web:{name}", args=args)
            for name, args in (
                ("authorisation", [granted.pk]),
                ("request_authorisation_dossier", [granted.pk]),
                ("change_plan", [ChangePlan.objects.get().pk]),
                ("declaration", [Declaration.objects.get().pk]),
                ("pack_changes", ["first-policy", "2026.11.0"]),
            )
        }
    }
    known: set[str] = set()
    for name in ("rita", "anna", "adam", "ola", "eva", "ines"):
        pages = walk(world.people[name]).pages()
        found[name] = {n: a for n, a in pages.items() if n not in known}
        known |= set(pages)
    return found


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [
        pytest.param(*NARROW, id="narrow"),
        pytest.param(*WIDE, id="wide", marks=pytest.mark.soak),
        *RARELY,
    ],
)
def test_every_page_is_accessible_and_stays_inside_the_screen(
    full, page, enter, width, scheme, language
):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    found, seen = [], set()
    for name, pages in reached(full.world).items():
        page.context.clear_cookies()
        enter(page, name)
        found += faults(full, page, pages.values(), language)
        seen |= {one.removeprefix("web:") for one in pages}
    assert found == []
    every = {pattern.name for pattern in urls.urlpatterns}
    assert every - seen - NO_PAGES - ELSEWHERE == set()
