"""The pages of challenges, delegations, separation of duties; their API."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import challenges, conditions, registration
from governance.models import Challenge, Condition, Delegation, Dissent
from registry.models import Role
from tests.governance.test_conditions import TRAFFIC, approve
from tests.governance.test_duties import newcomer, submit
from tests.world import NOW, PASSWORD


def as_(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_challenge_is_raised_answered_and_closed_on_its_page(world):
    request = submit(world, world.ready())
    address = reverse("web:challenges", args=[request.pk])
    asked = {
        "act": "challenge",
        "question": "Why?",
        "expertise": "Credit.",
        "independence": "Second line.",
    }
    assert as_(world.vera).post(address, asked).status_code == 302
    row = Challenge.objects.get()
    as_(world.ben).post(address, {"act": f"respond-{row.pk}", "text": "Because."})
    said = {"act": f"dispose-{row.pk}", "outcome": "resolved", "text": "Clear."}
    as_(world.vera).post(address, said)
    assert not challenges.open_challenges(request).exists()
    page = as_(world.ines).get(address).content.decode()
    assert "Because." in page
    assert "Clear." in page


def test_a_dissent_is_overridden_on_the_page_with_a_signature(world):
    request = submit(world, world.ready())
    address = reverse("web:challenges", args=[request.pk])
    as_(world.cora).post(address, {"act": "dissent", "text": "Too early."})
    row = Dissent.objects.get()
    said = {"act": f"override-{row.pk}", "text": "It is a pilot.", "user_name": "eva"}
    as_(world.eva).post(address, {**said, "password": "guess"})
    assert challenges.open_dissents(request).exists()
    as_(world.eva).post(address, {**said, "password": PASSWORD})
    assert not challenges.open_dissents(request).exists()


def test_a_signer_delegates_and_ends_it_on_the_page(world):
    deputy = newcomer("dora", Role.QA)
    address = reverse("web:delegations")
    until = (timezone.now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    said = {
        "act": "delegate",
        "to": str(deputy.pk),
        "role": "approver",
        "valid_until": until,
        "text": "Holiday.",
    }
    assert as_(world.carl).post(address, said).status_code == 302
    row = Delegation.objects.get()
    as_(world.carl).post(address, {"act": f"end-{row.pk}", "text": "Back."})
    assert "Ended early: Back." in as_(world.ines).get(address).content.decode()


def test_the_rules_of_separation_are_listed(world):
    page = as_(world.ines).get(reverse("web:duties")).content.decode()
    assert "Two accounts of one person" in page


def test_the_request_shows_what_changed(world):
    version = world.ready()
    request = submit(world, version)
    registration.change_inventory(
        model=version.model, purpose="Decides alone.", by=world.anna, at=NOW
    )
    page = as_(world.vera).get(reverse("web:approval", args=[request.pk]))
    assert "What changed since" in page.content.decode()
    assert "Decides alone." in page.content.decode()


def test_the_request_shows_its_conditions_and_the_warnings_that_were_signed(world):
    granted = approve(world, TRAFFIC)
    address = reverse("web:approval", args=[granted.request.pk])
    page = as_(world.ines).get(address).content.decode()
    assert "at most 10 % of the traffic" in page
    assert "rule 16, warns" in page


def test_challenges_and_changes_through_the_api(world, caller):
    version = world.ready()
    request = submit(world, version)
    base = f"approval-requests/{request.pk}"
    vera, ben = caller(user="vera"), caller(user="ben")
    asked = {"question": "Why?", "expertise": "Credit.", "independence": "Line 2."}
    made = vera.post(f"{base}/challenges", asked)
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    assert ben.post(f"{base}/challenges", asked).status_code == 403
    assert ben.post(f"challenges/{pk}/responses", {"text": "So."}).status_code == 201
    said = {"outcome": "resolved", "reason": "Fine."}
    assert vera.post(f"challenges/{pk}/disposition", said).status_code == 201
    again = vera.post(f"challenges/{pk}/disposition", said)
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (
        422,
        "/outcome",
    )
    assert len(vera.get(f"{base}/challenges").json()) == 1
    assert vera.get(f"{base}/changes").json() == []
    registration.change_inventory(
        model=version.model, purpose="Decides alone.", by=world.anna, at=NOW
    )
    fields = {item["field"] for item in vera.get(f"{base}/changes").json()}
    assert "purpose" in fields


def test_delegations_conditions_and_duties_through_the_api(world, caller):
    newcomer("dora", Role.QA)
    carl = caller(user="carl")
    until = (timezone.now() + timedelta(days=9)).isoformat()
    said = {"delegate": "dora", "role": "approver", "reason": "Leave."}
    made = carl.post("delegations", {**said, "valid_until": until})
    assert made.status_code == 201, made.content
    wrong = carl.post("delegations", {**said, "valid_until": until})
    assert wrong.status_code == 422
    end = carl.post(f"delegations/{made.json()['id']}/end", {"reason": "Back."})
    assert end.json()["ended_at"]
    assert len(carl.get("separation-of-duties").json()) >= 16
    approve(world, TRAFFIC)
    row = Condition.objects.get()
    ola = caller(user="ola")
    assert ola.get("conditions").json()[0]["text"] == conditions.in_words(row)
    told = ola.post(f"conditions/{row.pk}/facts", {"percent": 40})
    assert (told.status_code, told.json()["facts"][0]["holds"]) == (201, False)
    assert ola.get("draws").json() == []


@pytest.mark.parametrize("what", [[{"kind": "mood"}], ["x"], [{}] * 21])
def test_conditions_that_cannot_be_checked_are_refused_by_the_api(world, caller, what):
    request = submit(world, world.ready())
    answer = caller(user="vera").post(
        f"approval-requests/{request.pk}/signatures",
        {"meaning": "review", "password": PASSWORD, "conditions": what},
    )
    assert answer.status_code == 422
    assert not request.signatures.exists()
