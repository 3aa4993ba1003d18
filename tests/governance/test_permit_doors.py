"""Permits through the API and on pages: files, renewal, revocation, security events."""

import base64
import json

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import GateDecision, PermitRevocation
from registry.models import Role
from tests.governance.callers import pointers
from tests.governance.test_gate import approved, ask
from tests.world import NOW, later, log_verified

BODY = {"model": "mortgage-approval", "version": "1", "environment": "production"}


@pytest.fixture(autouse=True)
def _now(clock):
    """The doors ask the clock; it shows the time of the world."""


@pytest.fixture
def given(world) -> GateDecision:
    """A permit."""
    approved(world)
    return ask(world)


def seen_by(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def payload(envelope: dict) -> dict:
    return json.loads(base64.b64decode(envelope["payload"]))


def test_the_answer_carries_three_envelopes_and_shows_them_again(world, caller):
    approved(world)
    answer = caller(Role.CI).post("gate/decisions", BODY).json()
    again = caller(Role.CI).get(f"permits/{answer['decision_id']}").json()
    for name in ("permit", "vsa", "svr"):
        assert answer[name]["payloadType"] == "application/vnd.in-toto+json"
        assert again[name] == answer[name]
    assert again["state"] == "valid"


def test_a_permit_is_renewed_and_the_key_of_the_request_repeats_the_answer(
    world, caller, given, clock
):
    log_verified(later(hours=30))
    clock(later(hours=30))
    ola = caller(user="ola")
    headers = {"Idempotency-Key": "nightly"}
    address = f"permits/{given.pk}/renewal"
    first = ola.post(address, {}, **headers).json()
    assert (first["decision"], first["renewal_of"]) == ("allow", str(given.pk))
    assert ola.post(address, {}, **headers).json() == first
    assert GateDecision.objects.count() == 2
    assert caller(Role.CI).get(f"permits/{given.pk}").json()["state"] == "expired"


def test_a_permit_is_revoked_listed_and_gone(world, caller, given):
    address = f"permits/{given.pk}/revocation"
    rita = caller(user="rita")
    assert caller(Role.CI).post(address, {"reason": "x"}).status_code == 403
    assert pointers(rita.post(address, {})) == ["/reason"]
    assert pointers(rita.post(address, {"reason": " "})) == ["/reason"]
    answer = rita.post(address, {"reason": "It leaked."})
    assert (answer.status_code, answer.json()["revoked_by"]) == (201, "rita")
    assert rita.post(address, {"reason": "Again."}).status_code == 409
    assert caller(Role.CI).get(f"permits/{given.pk}").json()["state"] == "revoked"
    (row,) = rita.get("permit-revocations").json()
    assert row["permit_id"] == str(given.pk)
    listed = payload(caller(Role.CI).get("permits/revoked").json())
    assert listed["revoked"] == [str(given.pk)]
    assert rita.post(f"permits/{given.pk}/renewal", {}).status_code == 409


def test_what_was_never_permitted_is_not_found(world, caller):
    world.ready()
    denied = ask(world)
    for name in (str(denied.pk), "0" * 8 + "-0000-4000-8000-" + "0" * 12):
        for part in ("", "/proof"):
            assert caller(Role.CI).get(f"permits/{name}{part}").status_code == 404
        for part in ("renewal", "revocation"):
            answer = caller(user="rita").post(
                f"permits/{name}/{part}", {"reason": "Why not."}
            )
            assert answer.status_code == 404, answer.content


def test_a_token_for_other_models_sees_neither_permit_nor_event(world, caller, given):
    wrong = {**BODY, "digest": "a" * 64}
    assert caller(Role.CI).post("gate/decisions", wrong).json()["decision"] == "deny"
    (event,) = caller(Role.CI).get("security-events").json()
    assert (event["seen"], event["kind"]) == ("a" * 64, "digest-mismatch")
    narrow = caller(Role.CI, models_pattern="fraud-*")
    assert narrow.get("security-events").json() == []
    assert narrow.get("permit-revocations").status_code == 403
    for part in ("", "/proof"):
        assert narrow.get(f"permits/{given.pk}{part}").status_code == 403
    assert narrow.post(f"permits/{given.pk}/renewal", {}).status_code == 403


def test_the_page_gives_the_files_and_revokes(world, given):
    address = reverse("web:decision", args=[given.pk])
    rita = seen_by(world.rita)
    page = rita.get(address).content.decode()
    for name in ("permit", "vsa", "svr"):
        file = reverse("web:envelope", args=[given.pk, name])
        assert file in page
        assert rita.get(file).json() == json.loads(getattr(given, name))
    waits = rita.get(reverse("web:envelope", args=[given.pk, "proof"]))
    assert (waits.status_code, waits.headers["Retry-After"]) == (409, "1")
    assert (
        rita.get(reverse("web:envelope", args=[given.pk, "checks"])).status_code == 404
    )
    assert rita.get(reverse("web:revoked_permits")).json()["signatures"]
    empty = rita.post(address, {"act": "revoke", "text": ""})
    assert empty.status_code == 200
    assert rita.post(address, {"act": "revoke", "text": "Leaked."}).url == address
    assert PermitRevocation.objects.get().reason == "Leaked."
    page = rita.get(address).content.decode()
    assert "Leaked." in page
    assert "Revoke this permit for good" not in page


def test_who_may_not_revoke_is_not_offered_it_and_may_ask_again(world, given):
    address = reverse("web:decision", args=[given.pk])
    vera = seen_by(world.vera)
    assert "Revoke this permit" not in vera.get(address).content.decode()
    vera.post(address, {"act": "revoke", "text": "Leaked."})
    assert not PermitRevocation.objects.exists()
    answer = vera.post(address, {"act": "renew"})
    renewed = GateDecision.objects.get(renewal_of=given)
    assert answer.url == reverse("web:decision", args=[renewed.pk])
    page = vera.get(answer.url).content.decode()
    assert "The same question was asked before" in page


def test_pages_show_that_another_file_was_asked_for(world, caller, given):
    wrong = {**BODY, "digest": "a" * 64}
    answer = caller(Role.CI).post("gate/decisions", wrong).json()
    rita = seen_by(world.rita)
    address = reverse("web:decision", args=[answer["decision_id"]])
    assert "Security event" in rita.get(address).content.decode()
    assert address in rita.get(reverse("web:gate")).content.decode()


def test_keys_have_their_times(world, caller, given):
    document = Client().get("/.well-known/freigabe/keys.json").json()
    (key,) = [one for one in document["keys"] if one["use"] == "permit"]
    assert (key["not_before"], key["not_after"]) == (NOW.isoformat(), None)
    for one in document["keys"]:
        assert {"not_before", "not_after", "use"} <= one.keys() or one[
            "use"
        ] == "witness"
