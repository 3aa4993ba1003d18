"""Attaching what a registered signer signed: what is believed, and what is not."""

import hashlib
import json

import pytest

from audits import dsse
from audits.models import ForeignEvidence
from governance import (
    attached,
    evidence_signers,
    roles,
)
from governance.attaching import OwnWork
from governance.records import AlreadyRegistered, Refused
from registry.models import Artifact, Role
from tests.governance.evidence_stage import (
    LAB,
    PDF,
    STRANGER,
    document,
    envelope,
    lab,
    of_kind,
    signed_by_lab,
    statement,
)
from tests.world import LIGHTGBM, NOW, later


@pytest.fixture
def version(world):
    return world.version(world.model())


def refused(field: str, words: str = ""):
    """The act says at this field why not."""
    return pytest.raises(Refused, match=rf"^{field}: .*{words}")


def test_a_signed_test_result_is_attached_with_the_signer_and_its_verdict(
    world, version
):
    signer = lab(world)
    row = signed_by_lab(world, version, statement(version, "WARNED"))
    assert (row.signer, row.outcome, row.statement) == (signer, "warned", "")
    assert row.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
    kept = json.loads(attached.envelope_text(row))
    payload = dsse.verify(kept, {"lab": LAB.public_key()})
    assert json.loads(payload) == statement(version, "WARNED")
    assert row.record_sha256 == attached.record_digest(
        ForeignEvidence.objects.get(pk=row.pk)
    )


def test_the_model_file_may_be_the_subject(world, version):
    lab(world)
    digest = hashlib.sha256(LIGHTGBM).hexdigest().upper()
    said = statement(version, subject=[{"digest": {"sha256": digest}}])
    assert signed_by_lab(world, version, said).outcome == "passed"


def test_a_document_stands_beside_the_envelope_that_names_it(world, version):
    lab(world)
    digests = (version.sha256, hashlib.sha256(PDF).hexdigest())
    subjects = [{"digest": {"sha256": digest}} for digest in digests]
    said = statement(version, subject=subjects, **of_kind("validation_report"))
    row = signed_by_lab(
        world,
        version,
        said,
        claim={"kind": "validation_report"},
        document=document(),
    )
    assert attached.content(row) == PDF
    assert dsse.verify(json.loads(row.statement), {"lab": LAB.public_key()})
    assert attached.envelope_text(row) == row.statement


def test_a_document_that_the_envelope_does_not_name_is_refused_and_not_kept(
    world, version
):
    lab(world)
    with refused("file", "does not name"):
        signed_by_lab(world, version, document=document())
    assert not Artifact.objects.filter(format="pdf").exists()


def test_a_long_envelope_stands_alone(world, version):
    lab(world)
    many = [{"digest": {"sha256": version.sha256}, "name": "x" * 40_000}]
    said = statement(version, subject=many)
    with refused("envelope", "32 KiB"):
        signed_by_lab(world, version, said, document=document())
    assert signed_by_lab(world, version, said)


def test_the_verdict_is_read_from_what_is_signed(world, version):
    lab(world)
    said = statement(version, "FAILED")
    with refused("outcome", "Failed"):
        signed_by_lab(world, version, said, claim={"outcome": "passed"})
    assert signed_by_lab(world, version, said).outcome == "failed"


@pytest.mark.parametrize(
    ("parts", "outcome"),
    [
        ({"predicateType": "https://example.com/report/v1", "predicate": {}}, "none"),
        (of_kind("test_report", "failed"), "failed"),
        (
            {
                "predicateType": "https://slsa.dev/verification_summary/v1",
                "predicate": {"verificationResult": "FAILED"},
            },
            "failed",
        ),
    ],
)
def test_nobody_gives_a_verdict_for_the_signer(world, version, parts, outcome):
    lab(world)
    said = statement(version, **parts)
    if outcome == "none":
        with refused("outcome", "No verdict"):
            signed_by_lab(world, version, said, claim={"outcome": "passed"})
    assert signed_by_lab(world, version, said).outcome == outcome


def test_an_unknown_key_vouches_for_nothing(world, version):
    lab(world)
    with refused("envelope", "No registered signer"):
        signed_by_lab(
            world, version, envelope=envelope(statement(version), key=STRANGER)
        )
    assert not ForeignEvidence.objects.exists()


def test_a_key_id_is_no_signature(world, version):
    lab(world)
    forged = envelope(statement(version), key=STRANGER)
    forged["signatures"][0]["keyid"] = evidence_signers.key_id(
        evidence_signers.EvidenceSigner.objects.get()
    )
    with refused("envelope"):
        signed_by_lab(world, version, envelope=forged)


def test_a_revoked_signer_adds_nothing_and_what_is_there_stays(world, version):
    signer = lab(world)
    row = signed_by_lab(world, version)
    evidence_signers.revoke_signer(
        signer=signer, reason="The key leaked.", by=world.rita, at=later(days=1)
    )
    for said in (statement(version), statement(version, "WARNED")):
        with refused("envelope", "revoked"):
            signed_by_lab(world, version, said, at=later(days=2))
    assert ForeignEvidence.objects.get() == row


def test_an_envelope_of_another_type_is_refused(world, version):
    lab(world)
    other = envelope(statement(version), payload_type="application/json")
    with refused("envelope", "application/json"):
        signed_by_lab(world, version, envelope=other)
    # The type is signed too: changing it afterwards breaks the signature.
    with refused("envelope", "No registered signer"):
        signed_by_lab(world, version, envelope={**other, "payloadType": dsse.IN_TOTO})


def test_a_changed_payload_is_refused(world, version):
    lab(world)
    good = envelope(statement(version, "FAILED"))
    better = envelope(statement(version, "PASSED"), key=STRANGER)["payload"]
    with refused("envelope", "No registered signer"):
        signed_by_lab(world, version, envelope={**good, "payload": better})


def test_a_statement_about_another_version_is_refused(world, version):
    lab(world)
    other = world.version(version.model, "2", LIGHTGBM + b"\n")
    with refused("envelope", "not about this version"):
        signed_by_lab(world, version, statement(other))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'{"_type": 1, "_type": 2}',
        b"[" * 200_000,
        b"\xff",
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b'"' + b"x" * 1_100_000 + b'"',
    ],
)
def test_a_signed_payload_that_is_no_statement_is_refused(world, version, payload):
    lab(world)
    with refused("envelope"):
        signed_by_lab(world, version, envelope=envelope(payload))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"payload": "e30=", "payloadType": dsse.IN_TOTO, "signatures": []},
        {"payload": 1, "payloadType": dsse.IN_TOTO, "signatures": [{"sig": "AA=="}]},
        {"payload": "e30=", "payloadType": dsse.IN_TOTO, "signatures": [None]},
        {
            "payload": "e30=",
            "payloadType": dsse.IN_TOTO,
            "signatures": [{"sig": "AA=="}] * 11,
        },
        {"payload": "\ud800", "payloadType": "\ud800", "signatures": [{"sig": ""}]},
    ],
)
def test_what_is_no_envelope_is_refused(world, version, wrong):
    lab(world)
    with refused("envelope"):
        signed_by_lab(world, version, envelope=wrong)


def test_the_same_envelope_twice_is_one_attachment(world, version):
    lab(world)
    first = signed_by_lab(world, version)
    other_words = envelope(statement(version))
    other_words["signatures"].insert(0, {"keyid": "junk", "sig": "AAAA"})
    again = signed_by_lab(
        world, version, envelope={**other_words, "extra": 1}, at=later(hours=1)
    )
    assert again == first
    assert ForeignEvidence.objects.count() == 1


def test_the_same_envelope_with_other_words_is_refused(world, version):
    lab(world)
    digests = (version.sha256, hashlib.sha256(PDF).hexdigest())
    subjects = [{"digest": {"sha256": digest}} for digest in digests]
    said = statement(version, subject=subjects)
    signed_by_lab(world, version, said)
    for claim in ({"kind": "security_test_report"}, {"title": "Better title"}):
        with pytest.raises(AlreadyRegistered, match="Acceptance tests"):
            signed_by_lab(world, version, said, claim=claim)
    with pytest.raises(AlreadyRegistered):
        signed_by_lab(world, version, said, document=document())


def test_a_test_result_is_no_validation_report(world, version):
    lab(world)
    with refused("kind", "urn:freigabe:attestation:evidence:v1"):
        signed_by_lab(world, version, claim={"kind": "validation_report"})
    said = statement(version, **of_kind("bias_audit"))
    with refused("kind", "another type"):
        signed_by_lab(world, version, said, claim={"kind": "validation_report"})
    said = statement(version, **of_kind("validation_report", "warned"))
    row = signed_by_lab(world, version, said, claim={"kind": "validation_report"})
    assert row.outcome == "warned"


def test_our_own_predicate_needs_an_outcome(world, version):
    lab(world)
    said = statement(version, **of_kind("test_report", "splendid"))
    with refused("envelope", "outcome"):
        signed_by_lab(world, version, said)


def test_whoever_builds_a_model_does_not_choose_who_vouches_for_it(world, version):
    roles.RoleAssignment.objects.create(
        user=world.ben, role=Role.COMPLIANCE, granted_at=NOW
    )
    lab(world, by=world.ben)
    with pytest.raises(OwnWork, match="registered this signer"):
        signed_by_lab(world, version)
