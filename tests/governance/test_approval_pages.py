"""The pages of challenges, delegations, separation of duties; their API."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import challenges, conditions, registration
from governance.models import Challenge, Condition, Delegation, Dissent
from governance.web import worklist
from registry.models import Role
from tests.governance.test_conditions import TRAFFIC, approve
from tests.governance.test_duties import newcomer, sign, submit
from tests.world import NOW, PASSWORD, later


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


def test_the_stage_that_waits_is_called_in_the_language_of_who_reads(world, clock):
    clock(later(hours=1))
    request = submit(world, world.ready())
    reader = as_(world.vera)
    reader.cookies["django_language"] = "de"
    answer = reader.get(reverse("web:approval", args=[request.pk]))
    assert "Der Schritt „Unterzeichnung“ wartet" in answer.content.decode()


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


def test_a_request_that_was_rejected_waits_for_nobody(world):
    request = submit(world, world.ready())
    address = reverse("web:approval", args=[request.pk])
    assert "Stage signing waits" in as_(world.ines).get(address).content.decode()
    sign(request, world.vera, "rejection", comment="Too few.")
    page = as_(world.ines).get(address).content.decode()
    assert "rejected" in page
    assert "Stage signing" not in page


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
    unclear = carl.post("delegations", {**said, "valid_until": until[:19]})
    assert unclear.status_code == 422
    assert "with its zone" in unclear.json()["errors"][0]["detail"]
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


def test_a_limit_is_signed_as_it_was_written_with_a_decimal_comma(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    said = {
        **{"meaning": "approval", "user_name": "carl", "password": PASSWORD},
        **{"measurement": "performance roc_auc", "direction": "at_least"},
        **{"limit": "0,8", "max_age_days": "7", "traffic": "2,5"},
    }
    address = reverse("web:approval", args=[request.pk])
    done = as_(world.carl).post(address, said, headers={"accept-language": "de"})
    assert done.status_code == 302, done.content.decode()
    kinds = {row.kind: row.terms for row in Condition.objects.all()}
    assert kinds["metric"]["at_least"] == 0.8
    assert kinds["traffic"] == {"at_most_percent": 2.5}


def test_an_approver_states_conditions_on_the_page(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    address = reverse("web:approval", args=[request.pk])
    said = {"meaning": "approval", "user_name": "carl", "password": PASSWORD}
    carl = as_(world.carl)
    broken = carl.post(address, {**said, "regions": "Germany!"})
    assert broken.status_code == 200
    assert not Condition.objects.exists()
    limited = {"measurement": "performance roc_auc", "limit": "0.8"}
    half = carl.post(address, {**said, **limited})
    assert "max_age_days" in half.content.decode()
    more = {"max_age_days": "7", "direction": "at_least", "traffic": "10"}
    done = carl.post(address, {**said, **limited, **more, "regions": "de, AT"})
    assert done.status_code == 302, done.content.decode()
    kinds = {row.kind: row.terms for row in Condition.objects.all()}
    assert kinds["traffic"] == {"at_most_percent": 10}
    assert kinds["region"] == {"regions": ["DE", "AT"]}
    assert kinds["metric"] == {
        "kind": "performance",
        "measurement": "roc_auc",
        "at_least": 0.8,
        "max_age_days": 7,
    }
    statement = request.signatures.get(meaning="approval").statement
    assert "at most 10.0 % of the traffic" in statement


def test_a_review_may_have_limits_a_rejection_not_and_the_page_says_what_is_asked(
    world,
):
    request = submit(world, world.ready())
    address = reverse("web:approval", args=[request.pk])
    page = as_(world.vera).get(address).content.decode()
    assert "You sign with your user name and your password." in page
    assert "id_review_traffic" in page
    assert "id_rejection_comment" in page
    assert "id_rejection_traffic" not in page


def test_within_a_series_the_user_name_is_not_asked_again(world):
    first = submit(world, world.ready())
    second = submit(world, world.ready(slug="other"))
    said = {"meaning": "review", "password": PASSWORD}
    vera = as_(world.vera)
    addresses = [reverse("web:approval", args=[row.pk]) for row in (first, second)]
    assert vera.post(addresses[0], said).status_code == 200
    assert vera.post(addresses[0], {**said, "user_name": "vera"}).status_code == 302
    assert "is open: your password is enough" in vera.get(addresses[1]).content.decode()
    assert vera.post(addresses[1], said).status_code == 302
    assert second.signatures.count() == 1


def test_a_delegate_finds_the_request_in_the_worklist(world):
    deputy = newcomer("dora", Role.QA)
    request = submit(world, world.ready())
    assert not worklist.waiting_for(deputy)
    Delegation.objects.create(
        delegator=world.carl,
        delegate=deputy,
        role=Role.APPROVER,
        reason="Holiday.",
        valid_from=timezone.now() - timedelta(days=3),
        valid_until=timezone.now() + timedelta(days=9),
        delegated_at=timezone.now() - timedelta(days=3),
    )
    assert [item.request for item in worklist.waiting_for(deputy)] == [request]


def test_conditions_are_folded_until_one_is_stated(world):
    request = submit(world, world.ready())
    client, address = as_(world.vera), reverse("web:approval", args=[request.pk])
    page = client.get(address).content.decode()
    assert page.count("<summary>On conditions</summary>") == 1
    assert '<details class="field">' in page
    said = {"meaning": "review", "user_name": "vera", "password": "wrong"}
    refused = client.post(address, {**said, "regions": "DE"})
    assert '<details class="field" open>' in refused.content.decode()
    refused = client.post(address, {**said, "direction": "at_least"})
    assert '<details class="field">' in refused.content.decode()
