"""The pages of policy packs."""

from django.test import Client

from governance import evaluations, publishing
from governance.models import (
    EarlyAdoption,
    PackEnd,
    PackStep,
    PolicyPack,
    Simulation,
)
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


def test_a_draft_is_changed_and_discarded_on_its_page(world, author):
    writes = logged_in(author)
    draft = publishing.write(text=TEXT, by=author, at=NOW).draft
    address = f"/policy/drafts/{draft.pk}/"
    assert "Change the text" in writes.get(address).content.decode()
    begun = writes.get(f"/policy/write?draft={draft.pk}").content.decode()
    assert "2026.12.0" in begun
    assert writes.get("/policy/write?draft=x").status_code == 404
    writes.post("/policy/write", {"document": TEXT + EXTRA})
    assert draft.revisions.count() == 2
    discard = {"step": "discard", "reason": "Not needed."}
    refused = logged_in(world.rita).post(f"{address}step", discard).content.decode()
    assert "may not write policy" in refused
    spoiled = {**discard, "reason": "Not needed.\x00"}
    refused = writes.post(f"{address}step", spoiled).content.decode()
    assert "Null characters are not allowed." in refused
    assert "Not needed." in refused
    writes.post(f"{address}step", discard)
    assert publishing.state_of(draft) == PackStep.State.DISCARDED
    assert "Discard the draft" not in writes.get(address).content.decode()


def test_a_pack_is_ended_by_two_and_adopted_early_by_one_on_a_page(world, approver):
    publishes = logged_in(approver)
    shown = publishes.get("/policy/packs/first-policy/2026.11.0/").content.decode()
    address = "/policy/packs/first-policy/decide"
    assert address in shown
    form = {"reason": "It is time.", "user_name": "piet", "password": "guess"}
    publishes.post(address, {**form, "decision": "early"})
    assert not EarlyAdoption.objects.exists()
    form["password"] = PASSWORD
    publishes.post(address, {**form, "decision": "early"})
    assert EarlyAdoption.objects.get().adopted
    refused = publishes.post(address, {**form, "decision": "keep"})
    assert "no end that lies ahead" in refused.content.decode()
    publishes.post(address, {**form, "decision": "end"})
    proposal = PackEnd.objects.get()
    assert proposal.proposed
    waits = "as Piet Test proposes"
    assert waits in publishes.get(address).content.decode()
    own = publishes.post(address, {**form, "decision": proposal.pk, "reason": ""})
    assert "somebody else of the second line" in own.content.decode()
    anna = logged_in(world.anna).post(address, {**form, "decision": "end"})
    assert anna.status_code in (200, 403)
    assert PackEnd.objects.count() == 1
    second = logged_in(world.rita)
    assert address in second.get("/policy/packs/first-policy/2026.11.0/").text
    signed = {"user_name": "rita", "password": PASSWORD, "decision": proposal.pk}
    second.post(address, signed)
    assert PackEnd.objects.get(proposed=False).confirms == proposal
    assert waits not in second.get(address).content.decode()
    assert "Select a valid choice" in second.post(address, signed).content.decode()
    assert publishes.get("/policy/packs/none/decide").status_code == 404


def test_an_evaluation_record_is_read_in_the_language_of_who_reads(world):
    version = world.ready()
    row = evaluations.evaluate_now(
        version=version, environment=world.production, by=world.rita, at=NOW
    )
    reader = logged_in(world.rita)
    titles = {"en": "Complete inventory record", "de": "Vollständiges Inventarblatt"}
    for language, title in titles.items():
        reader.cookies["django_language"] = language
        page = reader.get(f"/evaluations/{row.pk}/").content.decode()
        assert f"<td>{title}<small><code>first-001</code>" in page


def test_an_evaluation_record_is_listed_and_repeats(world):
    version = world.ready()
    row = evaluations.evaluate_now(
        version=version, environment=world.production, by=world.rita, at=NOW
    )
    reads = logged_in(world.rita)
    listed = reads.get("/models/mortgage-approval/versions/1/evaluations/")
    assert f"/evaluations/{row.pk}/" in listed.content.decode()
    shown = reads.get(f"/evaluations/{row.pk}/").content.decode()
    assert "it gives the same bytes" in shown
    assert "first-001" in shown
