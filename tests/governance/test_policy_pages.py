"""The pages of policy packs."""

from django.test import Client

from governance import publishing
from governance.models import PolicyPack, Simulation
from tests.governance.test_publishing import EXTRA, TEXT, approved, approver, author
from tests.world import NOW, PASSWORD

__all__ = ["approver", "author"]


def logged_in(person):
    client = Client()
    client.force_login(person)
    return client


def test_a_pack_is_written_tried_out_and_published_on_pages(world, author, approver):
    approved(world)
    writes, publishes = logged_in(author), logged_in(approver)
    bad = writes.post("/policy/write", {"document": "pack: x"})
    assert "title" in bad.content.decode()
    answer = writes.post("/policy/write", {"document": TEXT + EXTRA})
    address = answer.headers["Location"]
    tried = writes.post(f"{address}step", {"step": "simulate"}, follow=True)
    assert "0 models would lose their permit" in tried.content.decode()
    # The cast's day is tomorrow: nothing is in force yet.
    assert Simulation.objects.get().examined == 0
    writes.post(f"{address}step", {"step": "review"})
    page = publishes.get(address).content.decode()
    assert "first-011" in page
    draft = publishing.PackDraft.objects.get()
    form = {
        "sha256": publishing.text_of(draft).sha256,
        "user_name": "piet",
        "password": "guess",
    }
    refused = publishes.post(address, form)
    assert refused.status_code == 200
    assert not PolicyPack.objects.filter(version="2026.12.0").exists()
    publishes.post(address, {**form, "password": PASSWORD})
    assert PolicyPack.objects.filter(version="2026.12.0").exists()
    assert "2026.12.0" in publishes.get("/policy/").content.decode()
    shown = publishes.get("/policy/packs/first-policy/2026.12.0/").content.decode()
    assert "A strict screen" in shown


def test_a_page_says_which_sources_nobody_checked(world, approver):
    found = logged_in(approver).get("/policy/packs/first-policy/2026.11.0/")
    assert "180 days" in found.content.decode()


def test_an_author_is_refused_with_a_sentence(world, author):
    draft = publishing.write(text=TEXT, by=author, at=NOW).draft
    publishing.ask_for_review(draft=draft, by=author, at=NOW)
    form = {
        "sha256": publishing.text_of(draft).sha256,
        "user_name": "paula",
        "password": PASSWORD,
    }
    answer = logged_in(author).post(f"/policy/drafts/{draft.pk}/", form)
    assert "cannot publish it" in answer.content.decode()
