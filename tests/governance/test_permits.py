"""What a permit says, in three formats, and what others' tools make of it."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import Parse
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from audits.models import Checkpoint
from governance import gate, issued, permit
from governance.models import GateDecision, SecurityEvent
from governance.notifications import told
from tests.governance.test_emergencies import broken, staged
from tests.governance.test_gate import ASKED, approved, ask, failing
from tests.governance.test_waivers import granted
from tests.world import NOW, later

SCHEMAS = Path(__file__).with_name("schemas")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "schemas"
NAMES = ("permit", "vsa", "svr")


def payload(text: str) -> dict:
    return json.loads(base64.b64decode(json.loads(text)["payload"]))


def stranger(document: dict) -> SSlibKey:
    """The gate's key as securesystemslib reads it, out of keys.json alone."""
    (entry,) = [one for one in document["keys"] if one["use"] == "permit"]
    return SSlibKey.from_crypto(
        load_pem_public_key(entry["public_key"].encode()), entry["keyid"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_others_libraries_verify_each_envelope(world, name):
    approved(world)
    row = ask(world)
    key = stranger(permit.public_keys(at=NOW))
    envelope = Envelope.from_dict(json.loads(getattr(row, name)))
    assert key.keyid in envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    subject = [
        ResourceDescriptor(name=one["name"], digest=one["digest"]).pb
        for one in statement["subject"]
    ]
    read = Statement(subject, statement["predicateType"], statement["predicate"])
    read.validate()
    assert statement["_type"] == read.pb.type


@pytest.mark.parametrize("name", NAMES)
def test_others_libraries_refuse_what_was_changed(world, name):
    approved(world)
    key = stranger(permit.public_keys(at=NOW))
    text = getattr(ask(world), name)
    statement = payload(text)
    statement["subject"][0]["digest"]["sha256"] = "0" * 64
    changed = json.dumps(statement).encode()
    for part in (
        {"payload": base64.b64encode(changed).decode()},
        {"payloadType": "application/vnd.freigabe.revoked+json"},
    ):
        with pytest.raises(VerificationError):
            Envelope.from_dict(json.loads(text) | part).verify([key], 1)


@pytest.mark.parametrize(("name", "schema"), [("vsa", "vsa-v1"), ("svr", "svr-v0.2")])
def test_the_summaries_are_of_their_schemas(world, name, schema):
    approved(world)
    text = (SCHEMAS / f"{schema}.derived.schema.json").read_text()
    validator = jsonschema_rs.validator_for(text, validate_formats=True)
    found = payload(getattr(ask(world), name))
    assert [error.message for error in validator.iter_errors(found)] == []
    found["predicate"].pop("verifier")
    assert not validator.is_valid(found)


def test_the_derived_schema_takes_the_shared_sample():
    sample = SHARED / "in-toto" / "sample_svr_dsse_envelope.json"
    if not sample.exists():
        pytest.skip("../shared is not here")
    text = (SCHEMAS / "svr-v0.2.derived.schema.json").read_text()
    validator = jsonschema_rs.validator_for(text, validate_formats=True)
    assert validator.is_valid(payload(sample.read_text()))


def test_the_official_messages_of_a_vsa_read_ours(world):
    approved(world)
    predicate = payload(ask(world).vsa)["predicate"]
    # in-toto-attestation 0.9.3 has one text here, the specification an array.
    assert "FREIGABE_APPROVED_ENV_production" in predicate.pop("verifiedLevels")
    found = Parse(
        json.dumps(predicate), vsa_pb2.VerificationSummary(), ignore_unknown_fields=True
    )
    assert found.verification_result == "PASSED"
    assert "environment=production" in found.resource_uri


def test_a_permit_says_what_for_by_whom_on_what_and_until_when(world):
    version = approved(world)
    Checkpoint.objects.create(
        tree_size=7, root_hash=b"r" * 32, note="a note", created_at=NOW
    )
    row = ask(world)
    said = payload(row.permit)["predicate"]
    assert said["use"]["purpose"] == version.model.purpose
    assert said["use"]["expected_use"] == version.model.expected_use
    assert {*said["approvers"]} == {str(world.vera.pk), str(world.carl.pk)}
    assert {*said["evidence"]} == {"performance", "fairness", "explainability"}
    assert all(len(one["sha256"]) == 64 for one in said["policies"])
    assert said["log"] == {
        "size": 7,
        "root": (b"r" * 32).hex(),
        "checkpoint": "a note",
    }
    assert said["tier"] == 2
    assert (said["conditions"], said["waivers"]) == ([], [])
    assert said["valid_until"] == row.expires_at.isoformat()


def test_the_three_envelopes_are_of_one_file_and_decision(world):
    approved(world)
    row = ask(world)
    found = [payload(getattr(row, name)) for name in NAMES]
    assert len({json.dumps(one["subject"]) for one in found}) == 1
    ids = {
        one["predicate"].get("urn:freigabe:attestation:decision-id") for one in found
    }
    assert ids == {None, str(row.pk)}
    assert len({one["predicateType"] for one in found}) == 3


def test_a_permit_is_as_short_lived_as_the_operator_says(world, settings):
    approved(world)
    settings.FREIGABE_PERMIT_HOURS = 2
    assert ask(world).expires_at == later(hours=2)


def test_a_permit_ends_with_the_waiver_that_it_rests_on(world):
    version = approved(world)
    waiver = granted(world, version, days=0.5)
    row = ask(world)
    (said,) = payload(row.permit)["predicate"]["waivers"]
    assert (said["waiver_id"], said["rules"]) == (str(waiver.pk), ["first-004"])
    assert said["ends_at"] == later(hours=12).isoformat()
    assert row.expires_at == later(hours=12)


def test_a_denial_has_no_envelope(world):
    world.ready()
    row = ask(world)
    assert (row.allowed, row.permit, row.vsa, row.svr) == (False, "", "", "")


def test_the_checkpoint_before_the_decision_bounds_the_clock(world):
    approved(world)
    Checkpoint.objects.create(
        tree_size=7, root_hash=b"r" * 32, note="a note", created_at=NOW
    )
    for seconds, behind in ((0, False), (9, False), (11, True), (86_400, True)):
        found = failing(ask(world, at=NOW - timedelta(seconds=seconds)))
        assert ("gate-clock" in found) is behind, seconds


def test_another_file_is_a_security_event_and_told_once_a_day(world):
    approved(world)
    question = gate.Question(
        model="mortgage-approval",
        version="1",
        digest="sha256:" + "A" * 64,
        environment="production",
    )
    first, second = ask(world, question), ask(world, question, at=later(hours=1))
    events = list(SecurityEvent.objects.order_by("seen_at"))
    assert [event.decision for event in events] == [first, second]
    assert {event.seen for event in events} == {"a" * 64}
    assert {event.expected for event in events} == {world.artifact().sha256}
    for person in (world.rita, world.adam, world.ola):
        kinds = [row.announcement.kind for row in told(person)]
        assert kinds.count("security.digest-mismatch") == 1, person


def test_an_unknown_version_is_no_security_event(world):
    approved(world)
    ask(world, gate.Question(digest="b" * 64, environment="production"))
    assert not SecurityEvent.objects.exists()


def test_a_renewal_asks_the_same_again_and_names_the_former(world):
    approved(world)
    former = ask(world)
    row = issued.renew(permit=former, by=world.ola, at=later(hours=23))
    assert (row.allowed, row.renewal_of) == (True, former)
    assert row.expires_at == later(hours=47)
    assert payload(row.permit)["predicate"]["renewal_of"] == str(former.pk)
    assert (row.asked_model, row.asked_version) == (ASKED.model, ASKED.version)


def test_a_renewal_after_the_approval_ended_is_denied(world):
    approved(world, valid_until=later(hours=1))
    former = ask(world)
    row = issued.renew(permit=former, by=world.ola, at=later(hours=2))
    assert not row.allowed
    assert "gate-authorisation" in failing(row)
    assert row.renewal_of == former


def test_an_emergency_is_no_approval_in_any_format(world):
    version = staged(world)
    broken(world, version)
    row = ask(world)
    assert row.allowed, failing(row)
    assert payload(row.permit)["predicate"]["break_glass"]
    summary = payload(row.vsa)["predicate"]
    assert summary["verificationResult"] == "FAILED"
    assert summary["verifiedLevels"] == ["FAILED"]
    said = payload(row.svr)["predicate"]["properties"]
    assert said == ["FREIGABE_BREAK_GLASS_ENV_production"]


def test_every_decision_stands_alone_in_the_record(world):
    approved(world)
    assert ask(world).permit != ask(world).permit
    assert GateDecision.objects.filter(allowed=True).count() == 2
