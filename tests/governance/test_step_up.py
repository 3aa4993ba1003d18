"""Signing after the identity provider asked again: once, fresh, for what was shown."""

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from governance import signatures, stepups
from governance.models import (
    SignatureAttempt,
    StepUpAnswer,
    StepUpUse,
)
from tests.governance.evidence_stage import PDF
from tests.governance.passkey import Passkey
from tests.governance.provider import recorded
from tests.governance.test_attaching_pages import file
from tests.world import NOW, PASSWORD, later

FIELDS = {
    "kind": "validation_report",
    "title": "Report",
    "produced_by": "Vera Haas",
    "produced_on": "2026-11-01",
    "tool": "",
    "outcome": "",
}
BACK = "/single-sign-on/back"


@pytest.fixture
def vera(world, provider):
    recorded(world, world.vera, provider, "s-vera", NOW)
    world.vera.set_unusable_password()
    world.vera.save(update_fields=["password"])
    return world.vera


@pytest.fixture
def address(world, client, clock, vera):
    """A form that Vera, logged in, is to sign."""
    version = world.version(world.model())
    client.force_login(vera)
    return f"/models/mortgage-approval/versions/{version.version}/attach"


def ask(client, address, **fields):
    asked = client.post(
        f"/signing/step-up?address={address}",
        {**FIELDS, **fields, "file": file(PDF, "r.pdf")},
    )
    assert asked.status_code == 201, asked.content
    return asked.json()


def confirm(client, provider, asked, sub="s-vera", at=NOW, **claims):
    sent = client.get(asked["url"])
    assert sent.status_code == 302, sent.content.decode()
    return client.get(BACK, provider.visit(sent.url, at=at, sub=sub, **claims))


def sign(client, address, asked, **fields):
    return client.post(
        address,
        {
            **FIELDS,
            **fields,
            "file": file(PDF, "r.pdf"),
            "step_up": asked["step_up"],
        },
    )


def attempts() -> int:
    return SignatureAttempt.objects.count()


def test_a_signer_without_a_password_is_asked_again_and_signs(
    client, provider, address
):
    assert "Sign with single sign-on" in client.get(address).content.decode()
    asked = ask(client, address)
    confirmed = confirm(client, provider, asked)
    assert "sign within five minutes" in confirmed.content.decode()
    signed = sign(client, address, asked)
    assert signed.status_code == 302, signed.content.decode()
    page = client.get(signed.url).content.decode()
    assert "single sign-on, asked again at 127.0.0.1" in page
    assert f"auth_time {NOW.isoformat()}" in page
    assert "acr phr" in page and "amr pwd otp" in page
    assert attempts() == 0 and StepUpUse.objects.count() == 1


def test_the_provider_is_told_to_ask_again(client, provider, address, settings):
    settings.FREIGABE_SSO_ACR_VALUES = ["phr", "phrh"]
    sent = client.get(ask(client, address)["url"])
    query = parse_qs(urlsplit(sent.url).query)
    assert query["prompt"] == ["login"] and query["max_age"] == ["0"]
    assert query["acr_values"] == ["phr phrh"]


BAD = {
    "asked before": {"auth_time": int(NOW.timestamp()) - 11},
    "asked when is not said": {"auth_time": ...},
    "asked tomorrow": {"auth_time": int(NOW.timestamp()) + 86_400},
    "somebody else": {"sub": "s-carl"},
    "another question": {"nonce": "n"},
    "for another client": {"aud": "other"},
}


@pytest.mark.parametrize("bent", BAD.values(), ids=BAD.keys())
def test_an_answer_that_does_not_prove_it_is_a_failed_attempt(
    client, provider, address, bent
):
    asked = ask(client, address)
    answer = confirm(client, provider, asked, **bent)
    assert answer.status_code == 403
    assert "Nothing was signed." in answer.content.decode()
    assert attempts() == 1 and not StepUpAnswer.objects.exists()
    assert sign(client, address, asked).status_code == 200
    assert attempts() == 2


def test_a_provider_that_ignores_max_age_is_found_out_by_the_log_in(
    client, provider, address
):
    # It logged Vera in a second ago, and says so again instead of asking.
    begun = client.get("/single-sign-on")
    client.get(BACK, provider.visit(begun.url, at=NOW, sub="s-vera"))
    answer = confirm(client, provider, ask(client, address))
    assert "did not ask you again" in answer.content.decode()
    asked = ask(client, address)
    assert confirm(client, provider, asked, at=later(seconds=1)).status_code == 200


def test_the_subject_is_that_of_the_log_in(client, provider, address, world, vera):
    recorded(world, vera, provider, "s-vera-2", NOW)
    begun = client.get("/single-sign-on")
    client.get(BACK, provider.visit(begun.url, at=NOW, sub="s-vera"))
    answer = confirm(
        client, provider, ask(client, address), sub="s-vera-2", at=later(seconds=1)
    )
    assert "Somebody else answered" in answer.content.decode()


def test_one_time_at_the_provider_confirms_one_step_up(client, provider, address):
    assert confirm(client, provider, ask(client, address)).status_code == 200
    again = confirm(client, provider, ask(client, address, title="Other"))
    assert "did not ask you again" in again.content.decode()


@pytest.mark.parametrize("shown", ["low", ...])
def test_a_class_below_the_demanded_one_is_refused(
    client, provider, address, settings, shown
):
    settings.FREIGABE_SSO_ACR_VALUES = ["phr"]
    answer = confirm(client, provider, ask(client, address), acr=shown)
    assert "not in one of: phr" in answer.content.decode()
    assert attempts() == 1


def test_all_demanded_methods_have_to_be_shown(client, provider, address, settings):
    settings.FREIGABE_SSO_AMR = ["otp", "hwk"]
    answer = confirm(client, provider, ask(client, address))
    assert "did not ask for: hwk" in answer.content.decode()


def test_a_refusal_at_the_provider_is_a_failed_attempt(client, provider, address):
    sent = client.get(ask(client, address)["url"])
    state = parse_qs(urlsplit(sent.url).query)["state"][0]
    answer = client.get(BACK, {"state": state, "error": "login_required"})
    assert "login_required" in answer.content.decode()
    assert attempts() == 1


def test_five_failed_attempts_lock_the_step_up_too(client, provider, address):
    for _ in range(5):
        confirm(client, provider, ask(client, address), sub="s-carl")
    answer = client.get(ask(client, address)["url"])
    assert answer.status_code == 403
    assert "Signing is locked" in answer.content.decode()


def test_an_unreachable_provider_signs_nothing_and_is_nobodys_failure(
    client, provider, address
):
    asked = ask(client, address)
    sent = client.get(asked["url"])
    back = provider.visit(sent.url, at=NOW, sub="s-vera")
    provider.pages["token_endpoint"] = ""
    assert client.get(BACK, back).status_code == 503
    assert attempts() == 0 and not StepUpAnswer.objects.exists()


def test_a_confirmation_signs_once(client, provider, address):
    asked = ask(client, address)
    confirm(client, provider, asked)
    assert sign(client, address, asked).status_code == 302
    again = sign(client, address, asked)
    assert "used already" in again.content.decode()
    assert attempts() == 1


def test_a_confirmation_signs_nothing_else(client, provider, address):
    asked = ask(client, address)
    confirm(client, provider, asked)
    answer = sign(client, address, asked, title="Another report")
    assert "a field was changed" in answer.content.decode()
    assert attempts() == 1


def test_a_confirmation_is_good_for_five_minutes(client, provider, address, clock):
    asked = ask(client, address)
    confirm(client, provider, asked)
    clock(NOW + stepups.LIFE)
    assert "too long ago" in sign(client, address, asked).content.decode()
    clock(NOW + stepups.LIFE - timedelta(seconds=1))
    assert sign(client, address, asked).status_code == 302


def test_without_the_providers_answer_nothing_is_signed(client, provider, address):
    asked = ask(client, address)
    answer = sign(client, address, asked)
    assert "has not confirmed it yet" in answer.content.decode()


@pytest.mark.parametrize(
    "text", ["x", "0" * 36, "00000000-0000-4000-8000-000000000000"]
)
def test_what_is_no_confirmation_is_refused(client, provider, address, text):
    answer = sign(client, address, {"step_up": text})
    assert "You were not asked for this" in answer.content.decode()


def test_a_confirmation_holds_in_its_own_log_in_only(client, provider, address, vera):
    asked = ask(client, address)
    confirm(client, provider, asked)
    other = type(client)()
    other.force_login(vera)
    answer = sign(other, address, asked)
    assert "You were not asked for this" in answer.content.decode()


def test_somebody_elses_step_up_is_not_found(client, provider, address, world):
    asked = ask(client, address)
    other = type(client)()
    other.force_login(world.carl)
    assert other.get(asked["url"]).status_code == 404


def test_an_identity_that_ended_meanwhile_signs_no_more(
    client, provider, address, vera
):
    asked = ask(client, address)
    confirm(client, provider, asked)
    vera.identities.update(ended_at=NOW)
    answer = sign(client, address, asked)
    assert "no longer your identity" in answer.content.decode()


def test_without_a_subject_nobody_is_asked(client, provider, clock, world):
    client.force_login(world.carl)
    answer = client.post("/signing/step-up?address=/x", FIELDS)
    assert answer.status_code == 409
    assert "no subject at the identity provider" in answer.json()["detail"]


def test_an_address_that_is_none_is_refused(client, address):
    answer = client.post("/signing/step-up?address=%00", FIELDS)
    assert answer.status_code == 409


def test_a_subject_that_two_accounts_have_proves_nothing(
    client, provider, address, world
):
    recorded(world, world.carl, provider, "s-vera", NOW)
    answer = confirm(client, provider, ask(client, address))
    assert "Somebody else answered" in answer.content.decode()


def test_who_has_no_password_is_told_of_single_sign_on(vera):
    proof = signatures.Proof(password=PASSWORD)
    with pytest.raises(signatures.NoRightToSign, match="Sign with single sign-on"):
        signatures.authenticate(by=vera, proof=proof, at=NOW)


def test_where_it_is_demanded_nothing_else_signs(
    client, provider, address, settings, world
):
    settings.FREIGABE_SSO_REQUIRED = True
    for proof in (
        signatures.Proof(password=PASSWORD),
        signatures.Proof(assertion=json.dumps({})),
    ):
        with pytest.raises(signatures.NothingShown, match="asked again"):
            signatures.authenticate(by=world.carl, proof=proof, at=NOW)
    Passkey().enrol(world.vera)
    shown = client.get(address).content.decode()
    assert 'name="password"' not in shown and "Sign with a passkey" not in shown
    asked = ask(client, address)
    confirm(client, provider, asked)
    assert sign(client, address, asked).status_code == 302


def test_a_call_is_signed_after_a_confirmation_that_shows_it(
    client, provider, caller, clock, world, vera
):
    model = world.model()
    world.assessed(model)
    calls = caller(user="vera")
    body = {
        "model": model.slug,
        "kind": "revalidation",
        "outcome": "fit",
        "text": "Sound.",
    }
    asked = calls.post(
        "signing-step-ups", {"address": "/api/v1/reviews", "body": body}
    ).json()
    client.force_login(vera)
    path = urlsplit(asked["url"]).path
    shown = client.get(path)
    assert "/api/v1/reviews" in shown.content.decode()
    assert "began this yourself" in shown.content.decode()
    led = client.post(path)
    url = led.context["url"]
    client.get(BACK, provider.visit(url, at=NOW, sub="s-vera"))
    answer = calls.post("reviews", {**body, "step_up": asked["step_up"]})
    assert answer.status_code == 201, answer.content
    again = calls.post("reviews", {**body, "step_up": asked["step_up"]})
    assert again.status_code == 403
