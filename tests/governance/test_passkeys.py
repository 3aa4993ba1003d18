"""Signing with a passkey: once, by its owner, for what was shown."""

import json
from datetime import timedelta

import pytest
from django.test import Client

from governance import enrolment, passkeys, signatures
from governance.models import PasskeyAnswer, SignatureAttempt
from registry.digests import sha256_hex
from tests.governance.evidence_stage import PDF
from tests.governance.passkey import PRESENT, Passkey
from tests.governance.test_attaching_pages import file
from tests.world import NOW, later

SESSION, INTENT = "5" * 64, "1" * 64


@pytest.fixture
def key(world) -> Passkey:
    made = Passkey()
    made.enrol(world.vera)
    return made


def ask(world, by=None, at=NOW, intent=INTENT, session=SESSION):
    return passkeys.ask(
        session_sha256=session,
        intent_sha256=intent,
        host="testserver",
        by=by or world.vera,
        at=at,
    )


def prove(by, assertion, at=NOW, intent=INTENT, session=SESSION):
    proof = signatures.Proof(
        assertion=json.dumps(assertion), intent_sha256=intent, session_sha256=session
    )
    return signatures.authenticate(by=by, proof=proof, at=at)


def refused(words: str):
    return pytest.raises(signatures.WrongPasskey, match=words)


def test_a_passkey_with_user_verification_is_all_components(world, key):
    assertion = key.answer(ask(world))
    assert prove(world.vera, assertion) == signatures.PASSKEY
    kept = PasskeyAnswer.objects.get()
    assert kept.signature == assertion["response"]["signature"]
    assert kept.challenge.intent_sha256 == INTENT


def test_an_answer_signs_once(world, key):
    assertion = key.answer(ask(world))
    prove(world.vera, assertion)
    with refused("used already"):
        prove(world.vera, assertion)


def test_an_answer_signs_nothing_else(world, key):
    assertion = key.answer(ask(world))
    with refused("a field was changed"):
        prove(world.vera, assertion, intent="2" * 64)
    ask(world, intent="2" * 64)
    with refused("does not fit"):
        prove(world.vera, assertion, intent="2" * 64)


def test_an_answer_holds_in_its_own_log_in_only(world, key):
    assertion = key.answer(ask(world))
    with refused("No passkey was asked"):
        prove(world.vera, assertion, session="6" * 64)


def test_an_answer_is_good_for_five_minutes(world, key):
    assertion = key.answer(ask(world))
    with refused("too long ago"):
        prove(world.vera, assertion, at=NOW + passkeys.LIFE)
    assert prove(world.vera, assertion, at=NOW + passkeys.LIFE - timedelta(seconds=1))


def test_presence_without_verification_is_one_component_and_not_enough(world, key):
    with refused("does not fit"):
        prove(world.vera, key.answer(ask(world), flags=PRESENT))


def test_an_answer_given_to_another_site_is_refused(world, key):
    options = ask(world)
    key.host = "testserver.evil.example"
    with refused("does not fit"):
        prove(world.vera, key.answer(options))


def test_a_foreign_key_does_not_sign_for_me(world, key):
    other = Passkey()
    other.enrol(world.carl)
    with refused("may not sign for you"):
        prove(world.vera, other.answer(ask(world)))


def test_a_changed_signature_is_refused(world, key):
    assertion = key.answer(ask(world))
    other = Passkey().answer(ask(world))
    assertion["response"]["signature"] = other["response"]["signature"]
    with refused("does not fit"):
        prove(world.vera, assertion)


def test_a_counter_that_goes_back_tells_a_copied_key(world, key):
    prove(world.vera, key.answer(ask(world), step=5))
    with refused("copied"):
        at = later(seconds=1)
        prove(world.vera, key.answer(ask(world, at=at), step=-1), at=at)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", "null", '{"id": 1}', '{"response": []}', "[" * 99999]
)
def test_what_is_no_answer_is_refused(world, key, text):
    ask(world)
    proof = signatures.Proof(
        assertion=text or " ", intent_sha256=INTENT, session_sha256=SESSION
    )
    with refused("no answer of a passkey"):
        signatures.authenticate(by=world.vera, proof=proof, at=NOW)


def test_passkeys_from_before_a_reset_sign_no_more(world, key):
    reset = enrolment.reset(user=world.vera, reason="Lost.", by=world.adam, at=NOW)
    with pytest.raises(signatures.NoRightToSign):
        prove(world.vera, key.answer({"publicKey": {"challenge": "AA"}}))
    enrolment.prove_identity(reset=reset, seen="Pass.", by=world.cora, at=NOW)
    with pytest.raises(passkeys.NoPasskey):
        ask(world)
    anew = Passkey()
    anew.enrol(world.vera, created_at=later(hours=1))
    world.vera.refresh_from_db()
    world.vera.set_password("an own long phrase")
    world.vera.save()
    assert prove(world.vera, anew.answer(ask(world))) == signatures.PASSKEY


def test_a_call_is_signed_with_a_passkey(world, caller, key):
    version = world.version(world.model())
    path = f"models/mortgage-approval/versions/{version.version}/attachments"
    facts = {
        "kind": "validation_report",
        "title": "Report",
        "produced_by": "Vera Haas",
        "produced_on": "2026-11-01",
    }
    vera = caller(user="vera")
    digest = {"sha256": sha256_hex(PDF)}
    asked = vera.post(
        "signing-challenges",
        {"address": f"/api/v1/{path}", "body": {**facts, "file": digest}},
    )
    assert asked.status_code == 201, asked.content
    assertion = json.dumps(key.answer(asked.json()))
    wrong = vera.upload(
        path, PDF, "r.pdf", **{**facts, "title": "Other"}, assertion=assertion
    )
    assert wrong.status_code == 403
    assert SignatureAttempt.objects.count() == 1
    answer = vera.upload(path, PDF, "r.pdf", **facts, assertion=assertion)
    assert answer.status_code == 201, answer.content
    assert signatures.PASSKEY in answer.json()["statement"]


def test_a_review_is_signed_with_a_passkey_through_the_api(world, caller, key):
    model = world.model()
    world.assessed(model)
    vera = caller(user="vera")
    facts = {
        "model": model.slug,
        "kind": "revalidation",
        "outcome": "fit",
        "text": "Sound.",
    }
    asked = vera.post(
        "signing-challenges", {"address": "/api/v1/reviews", "body": facts}
    )
    answer = vera.post("reviews", {**facts, "assertion": key.answer(asked.json())})
    assert answer.status_code == 201, answer.content
    assert not SignatureAttempt.objects.exists()


def test_without_a_passkey_there_is_no_challenge(world, caller):
    answer = caller(user="vera").post("signing-challenges", {"address": "/x"})
    assert answer.status_code == 409
    assert "Add one on the account page" in answer.json()["detail"]


def test_a_form_is_signed_with_a_passkey(world, client, key):
    version = world.version(world.model())
    client.force_login(world.vera)
    address = f"/models/mortgage-approval/versions/{version.version}/attach"
    fields = {
        "kind": "validation_report",
        "title": "Report",
        "produced_by": "Vera Haas",
        "produced_on": "2026-11-01",
        "tool": "",
        "outcome": "",
    }
    shown = client.get(address).content.decode()
    assert "Sign with a passkey" in shown
    options = client.post(
        f"/signing/challenge?address={address}",
        {**fields, "password": "", "file": file(PDF, "r.pdf")},
    ).json()
    answer = client.post(
        address,
        {
            **fields,
            "file": file(PDF, "r.pdf"),
            "assertion": json.dumps(key.answer(options)),
        },
    )
    assert answer.status_code == 302, answer.content.decode()


def test_the_page_of_the_keys_names_each_in_the_language_of_its_owner(world, key):
    client = Client(headers={"accept-language": "de"})
    client.force_login(world.vera)
    page = client.get("/account/2fa/webauthn/").content.decode()
    assert "Zuletzt benutzt" in page
    assert ">nie<" in page
    assert "Not used" not in page
