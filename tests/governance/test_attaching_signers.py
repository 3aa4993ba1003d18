"""Signers of evidence: whose key counts, and until when."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import IntegrityError, transaction

from audits import dsse
from audits.capture import relation
from audits.models import Entry, EvidenceSigner, ForeignEvidence
from governance import evidence_signers, roles
from governance.records import AlreadyRegistered, Refused
from tests.governance.evidence_stage import (
    LAB,
    STRANGER,
    envelope,
    lab,
    public,
    signed_by_lab,
    statement,
)
from tests.world import NOW, later


def test_a_signer_is_registered_by_those_who_judge_and_stands_in_the_log(world):
    for person, key in (("cora", LAB), ("rita", STRANGER)):
        row = lab(world, key, slug=f"lab-{person}", by=world.people[person])
        entry = Entry.objects.get(rel=relation(EvidenceSigner), pk_text=str(row.pk))
        assert entry.actor == str(world.people[person].pk)
        assert row.public_key in entry.body


@pytest.mark.parametrize("who", ["anna", "ben", "vera", "carl", "ola", "ines", "adam"])
def test_nobody_else_registers_or_revokes(world, who):
    row = lab(world)
    with pytest.raises(roles.NotAllowed):
        lab(world, STRANGER, "other", by=world.people[who])
    with pytest.raises(roles.NotAllowed):
        evidence_signers.revoke_signer(
            signer=row, reason="Mine.", by=world.people[who], at=NOW
        )


def test_a_machine_with_the_role_registers_nothing(world):
    world.cora.is_machine = True
    with pytest.raises(roles.NotAllowed, match="machine"):
        lab(world)


def test_base64_and_pem_are_the_same_key(world):
    spki = LAB.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    raw = LAB.public_key().public_bytes_raw()
    for text in (spki.decode(), f"\r\n{spki.decode()}\r\n", public(LAB)):
        assert evidence_signers.read_public_key(text) == raw


def test_the_key_id_is_the_one_that_others_compute(world):
    spki = LAB.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert evidence_signers.key_id(lab(world)) == hashlib.sha256(spki).hexdigest()


def test_one_key_is_one_signer_also_after_its_revocation(world):
    row = lab(world)
    evidence_signers.revoke_signer(signer=row, reason="Over.", by=world.cora, at=NOW)
    with pytest.raises(AlreadyRegistered, match="Lab"):
        lab(world, slug="lab-again")


def test_other_kinds_of_keys_are_refused():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(Refused, match="Ed25519"):
        evidence_signers.read_public_key(pem.decode())


def test_a_key_under_which_anybody_could_sign_is_refused(world):
    """With the neutral element as key, R = 0 and S = 0 sign every message."""
    neutral = b"\x01" + bytes(31)
    forged = neutral + bytes(32)
    Ed25519PublicKey.from_public_bytes(neutral).verify(forged, b"any message")
    with pytest.raises(Refused, match="low order"):
        evidence_signers.register_signer(
            slug="anybody",
            name="Anybody",
            public_key=base64.b64encode(neutral).decode(),
            by=world.cora,
            at=NOW,
        )


def test_the_first_reason_stays(world):
    row = lab(world)
    evidence_signers.revoke_signer(signer=row, reason="Leaked.", by=world.rita, at=NOW)
    again = evidence_signers.revoke_signer(
        signer=row, reason="Other.", by=world.cora, at=later(days=1)
    )
    assert (again.revoked_by, again.revoked_at) == (world.rita, NOW)
    assert again.revocation_reason == "Leaked."


def test_the_database_wants_a_reason_and_a_name(world):
    row = lab(world)
    for change in (
        {"revoked_at": NOW},
        {"revoked_by": world.rita, "revoked_at": NOW},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            EvidenceSigner.objects.filter(pk=row.pk).update(**change)


def test_one_of_several_signatures_is_enough_and_is_the_one_kept(world):
    version = world.version(world.model())
    row = lab(world)
    said = envelope(statement(version))
    strange = envelope(statement(version), key=STRANGER)["signatures"]
    said["signatures"] = [*strange, *said["signatures"]]
    found = evidence_signers.verify(said)
    assert found.signer == row
    assert found.envelope.count(b'"sig"') == 1
    assert dsse.verify(json.loads(found.envelope), {"": LAB.public_key()})


def test_the_form_of_base64_does_not_make_another_envelope(world):
    """The last digit of base64 has bits that no byte holds."""
    version = world.version(world.model())
    lab(world)
    key = Ed25519PrivateKey.generate()
    lab(world, key, "second")
    good = envelope(statement(version), key=key)
    twisted = good["signatures"][0]["sig"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = digits[digits.index(twisted[-3]) ^ 1]
    other = {**good, "signatures": [{"sig": f"{twisted[:-3]}{last}=="}]}
    assert base64.b64decode(other["signatures"][0]["sig"]) == base64.b64decode(twisted)
    first = signed_by_lab(world, version, envelope=good)
    assert signed_by_lab(world, version, envelope=other) == first
    assert ForeignEvidence.objects.count() == 1


def test_a_huge_payload_is_refused_before_any_key_is_tried(world):
    lab(world)
    huge = {"payload": "A" * 2**21, "payloadType": "x", "signatures": "none"}
    with pytest.raises(Refused, match="larger than 1024 KiB"):
        evidence_signers.verify(huge)
