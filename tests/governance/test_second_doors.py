"""Pages for acts that had only an API call; lists that had none; who sees what."""

from itertools import product

import pytest
from django.test import Client
from django.urls import reverse

from governance import delegation
from governance.models import (
    Authorisation,
    Evaluation,
    KeyCompromise,
    Simulation,
    VendorNotice,
    Waiver,
)
from registry.models import Role
from tests.governance.test_gate import approved
from tests.governance.test_matrix_publishing import draft, on_default_scales
from tests.governance.test_waivers import granted, staged
from tests.world import NOW, PASSWORD, later

KEY = "ab" * 32


@pytest.fixture
def seen_by(world, clock):
    """The browser of one of the cast."""

    def make(name: str) -> Client:
        client = Client()
        client.force_login(world.people[name])
        return client

    return make


def text(answer) -> str:
    return answer.content.decode()


def proof(name: str) -> dict[str, str]:
    return {"user_name": name, "password": PASSWORD}


def test_a_vendors_notice_is_recorded_on_its_page(world, seen_by):
    model = world.model()
    anna, page = seen_by("anna"), reverse("web:record_notice")
    body = {"model": str(model.pk), "text": "Support ends.", "support_ends_on": "soon"}
    wrong = text(anna.post(page, body))
    assert "Support ends." in wrong
    assert "Enter a valid date." in wrong
    body["support_ends_on"] = "2027-06-30"
    assert anna.post(page, body).url == reverse("web:vendor_notices")
    assert VendorNotice.objects.get().model == model
    assert "30 Jun 2027" in text(anna.get(reverse("web:vendor_notices")))
    assert seen_by("ines").get(page).status_code == 403


def test_a_compromised_key_is_reported_on_its_page(world, seen_by):
    page = reverse("web:compromised_keys")
    body = {"act": "report", "key_id": "AB", "text": "A laptop was lost."}
    adam = seen_by("adam")
    assert "A laptop was lost." in text(adam.post(page, body))
    assert not KeyCompromise.objects.exists()
    assert adam.post(page, {**body, "key_id": KEY}).status_code == 302
    again = text(adam.post(page, {**body, "key_id": KEY}))
    assert "This key was reported already." in again
    assert KEY in text(seen_by("ines").get(page))
    assert "Report a compromised key" not in text(seen_by("ines").get(page))


def test_reported_keys_are_listed_through_the_api(world, caller):
    adam = caller(user="adam")
    said = {"key_id": KEY, "reason": "A laptop was lost."}
    assert adam.post("compromised-keys", said).status_code == 201
    for who in (adam, caller(user="ines")):
        assert [row["key_id"] for row in who.get("compromised-keys").json()] == [KEY]


def test_a_waiver_is_renewed_once_on_its_page(world, seen_by):
    waiver = granted(world, staged(world, 2))
    page, anna = reverse("web:waiver", args=[waiver.pk]), seen_by("anna")
    body = {
        "act": "renew",
        "reason": waiver.reason,
        "risk_statement": "As before.",
        "compensating_controls": "As before.",
        "plan_to_close": "Measured in May.",
        "valid_until": later(days=30).date().isoformat(),
    }
    same = text(anna.post(page, body))
    assert "A renewal needs a new reason" in same
    assert "Measured in May." in same
    assert not Waiver.objects.filter(renews=waiver).exists()
    assert anna.post(page, {**body, "reason": "The data came late."}).status_code == 302
    renewal = Waiver.objects.get(renews=waiver)
    assert (renewal.rules, renewal.version) == (waiver.rules, waiver.version)
    assert "Ask for its one renewal" not in text(anna.get(page))


def test_a_draft_of_a_matrix_is_tried_out_on_the_whole_portfolio(
    world, seen_by, caller
):
    approved(world)
    latest = Authorisation.objects.get().request.assessment
    worse = product(range(latest.likelihood, 6), range(latest.impact, 6))
    row = draft(world, on_default_scales(dict.fromkeys(worse, 1)))
    page = reverse("web:matrix_draft", args=[row.pk])
    answer = seen_by("rita").post(reverse("web:matrix_simulate", args=[row.pk]))
    found = Simulation.objects.get()
    assert answer.url == reverse("web:simulation", args=[found.pk])
    assert (found.examined, found.losing) == (1, 1)
    assert answer.url in text(seen_by("rita").get(page))
    path = f"risk-matrices/drafts/{row.pk}/simulations"
    made = caller(user="rita").post(path, {})
    assert (made.status_code, made.json()["losing"]) == (201, 1)
    narrow = caller(Role.RISK_MANAGER, models_pattern="credit-*")
    assert narrow.post(path, {}).status_code == 403
    assert seen_by("anna").post(f"{page}simulate").status_code == 403


def test_every_rule_is_applied_on_demand_on_a_page(world, seen_by):
    version = world.ready()
    page = reverse("web:evaluations", args=[version.model.slug, version.version])
    assert "This field is required." in text(seen_by("ines").post(page, {"x": ""}))
    body = {"environment": str(world.production.pk)}
    assert seen_by("ines").post(page, body).status_code == 302
    assert Evaluation.objects.get().occasion == Evaluation.Occasion.DEMAND


def test_declarations_about_the_whole_installation_are_found_from_the_policy(
    world, seen_by
):
    page = reverse("web:declarations", args=["installation", "all"])
    assert page in text(seen_by("rita").get(reverse("web:policy")))
    assert "the whole installation" in text(seen_by("rita").get(page))


# Delegations ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        *(("carl", True), ("vera", True), ("cora", True), ("ines", True)),
        *(("adam", True), ("anna", False), ("ben", False), ("eva", False)),
    ],
)
def test_a_delegation_is_seen_by_its_two_people_and_those_who_watch(
    world, seen_by, caller, name, sees
):
    delegation.delegate(
        to=world.vera,
        role=Role.APPROVER,
        reason="A family matter.",
        valid_until=later(days=5),
        by=world.carl,
        at=NOW,
    )
    listed = caller(user=name).get("delegations").json()
    shown = text(seen_by(name).get(reverse("web:delegations")))
    assert [row["reason"] for row in listed] == ["A family matter."] * sees
    assert ("A family matter." in shown) is sees


def test_an_administrator_ends_a_delegation_on_the_page(world, seen_by):
    row = delegation.delegate(
        to=world.vera,
        role=Role.APPROVER,
        reason="Leave.",
        valid_until=later(days=5),
        by=world.carl,
        at=NOW,
    )
    body = {"act": f"end-{row.pk}", "text": "Carl left the bank."}
    page = reverse("web:delegations")
    assert seen_by("cora").post(page, body).status_code == 200
    assert delegation.to(world.vera, at=later(hours=1))
    assert seen_by("adam").post(page, body).status_code == 302
    assert not delegation.to(world.vera, at=later(hours=1))
