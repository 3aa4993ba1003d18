"""Attaching what others made, signed by who attaches it: who may, and what is kept."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from audits.capture import relation
from audits.models import Entry, ForeignEvidence
from governance import (
    attached,
    attaching,
    registration,
    roles,
    signatures,
)
from governance.attaching import OwnWork
from governance.models import SignatureAttempt
from governance.records import Refused
from registry.models import Artifact, Role
from tests.governance.evidence_stage import (
    PDF,
    document,
    lab,
    signed_by_person,
)
from tests.world import LIGHTGBM, NOW, PASSWORD, later


@pytest.fixture
def version(world):
    return world.version(world.model())


def refused(field: str, words: str = ""):
    """The act says at this field why not."""
    return pytest.raises(Refused, match=rf"^{field}: .*{words}")


def test_a_person_signs_the_sentence_that_is_kept(world, version):
    row = signed_by_person(world, version, claim={"outcome": "passed"})
    assert (row.signer, row.outcome) == (None, "passed")
    for words in (
        "I, Vera Haas, attach to Mortgage approval, version 1",
        version.sha256,
        row.artifact.sha256,
        "Validation report",
        "Test Lab Ltd (pytest 9) on 2026-11-01",
        "Passed",
    ):
        assert words in row.statement
    assert attached.envelope_text(row) == ""


def test_the_record_digest_binds_every_part(world, version):
    row = signed_by_person(world, version)
    other = world.version(version.model, "2", LIGHTGBM + b"\n")
    changes = {
        "version": other,
        "kind": "bias_audit",
        "title": "x",
        "outcome": "passed",
        "artifact": world.artifact(),
        "produced_by": "x",
        "produced_on": date(2026, 1, 1),
        "tool": "x",
        "predicate_type": "a:b",
        "signer": lab(world),
        "statement": "x",
        "attached_by": world.rita,
        "attached_at": later(hours=1),
    }
    seen = {row.record_sha256}
    for name, value in changes.items():
        copy = ForeignEvidence.objects.get(pk=row.pk)
        setattr(copy, name, value)
        seen.add(attached.record_digest(copy))
    assert len(seen) == 1 + len(changes)


def test_the_same_words_by_the_same_person_are_one_attachment(world, version):
    first = signed_by_person(world, version)
    assert signed_by_person(world, version, at=later(hours=1)) == first
    other = signed_by_person(world, version, claim={"outcome": "failed"})
    assert other != first


def test_a_wrong_password_attaches_nothing_and_is_kept(world, version):
    with pytest.raises(signatures.WrongPassword):
        signed_by_person(world, version, password="guess")  # noqa: S106
    assert not ForeignEvidence.objects.exists()
    assert not Artifact.objects.filter(format="pdf").exists()
    assert SignatureAttempt.objects.get().attempted_by == world.vera


def test_five_failures_lock_out_here_and_where_versions_are_signed(world, version):
    for _ in range(5):
        with pytest.raises(signatures.WrongPassword):
            signed_by_person(world, version, password="guess")  # noqa: S106
    with pytest.raises(signatures.LockedOut):
        signed_by_person(world, version)
    with pytest.raises(signatures.LockedOut):
        signatures.authenticate(
            by=world.vera, proof=signatures.Proof(password=PASSWORD), at=NOW
        )
    assert signed_by_person(world, version, at=later(minutes=16))


def test_without_password_or_envelope_nothing_is_attached(world, version):
    with refused("password"):
        signed_by_person(world, version, password="")
    with refused("file"):
        signed_by_person(world, version, document=None)


@pytest.mark.parametrize(
    "kind",
    ["validation_report", "bias_audit", "auditor_declaration", "conformity_assessment"],
)
@pytest.mark.parametrize("who", ["anna", "ben"])
def test_the_first_line_does_not_vouch_for_itself(world, version, kind, who):
    roles.RoleAssignment.objects.create(
        user=world.people[who], role=Role.VALIDATOR, granted_at=NOW
    )
    with pytest.raises(OwnWork, match=r"and cannot vouch"):
        signed_by_person(world, version, by=world.people[who], claim={"kind": kind})
    # What is no judgement of the model they may hand in themselves.
    assert signed_by_person(
        world, version, by=world.people[who], claim={"kind": "training_record"}
    )


def test_who_builds_other_models_only_does_not_validate_either(world, version):
    roles.RoleAssignment.objects.create(
        user=world.ola, role=Role.DEVELOPER, granted_at=NOW
    )
    with pytest.raises(OwnWork, match="second line"):
        signed_by_person(world, version, by=world.ola)


def test_who_owned_the_model_before_has_a_hand_in_it_for_good(world, version):
    registration.change_inventory(
        model=version.model, owner=world.rita, by=world.anna, at=NOW
    )
    registration.change_inventory(
        model=version.model, owner=world.anna, by=world.rita, at=NOW
    )
    with pytest.raises(OwnWork, match="owned this model"):
        signed_by_person(world, version, by=world.rita)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("kind", "weather_report", "no such type"),
        ("kind", "fairness_report", "itself"),
        ("kind", "explainability_report", "itself"),
        ("kind", "robustness_report", "itself"),
        ("kind", "signature_event", "itself"),
        ("kind", "approval", "itself"),
        ("kind", "", ""),
        ("kind", "validation_report\n", ""),
        ("title", "Good\x00", "Control"),
        ("title", "Good\x1b[2J", "Control"),
        ("title", "report\u202egpj.exe", "Control"),
        ("title", "two\u2028lines", "Control"),
        ("title", "\ud800", "Control"),
        ("title", "", ""),
        ("title", "   ", ""),
        ("title", "x" * 5000, ""),
        ("produced_by", "x" * 5000, ""),
        ("produced_by", "a\tb", "Control"),
        ("tool", "x" * 5000, ""),
        ("produced_on", (NOW + timedelta(days=2)).date(), "yet to come"),
        ("outcome", "splendid", "Must be one of"),
    ],
)
def test_a_wrong_claim_is_refused_at_its_field(world, version, field, value, words):
    with refused(field, words):
        signed_by_person(world, version, claim={field: value})
    assert not ForeignEvidence.objects.exists()


def test_names_in_any_script_are_kept(world, version):
    title = "Prüfbericht 検証 \u05d3\u05d5\u05d7 \U0001f4c4"
    assert signed_by_person(world, version, claim={"title": title}).title == title


@pytest.mark.parametrize(
    "content",
    [LIGHTGBM, b"PK\x03\x04 a docx", b"\x80\x04.", b"\x7fELF" + bytes(100), b""],
)
def test_only_documents_are_attached(world, version, content):
    with refused("file", "Documents are PDF"):
        signed_by_person(world, version, document=document(content))


def test_a_large_document_is_refused_while_it_streams(world, version, monkeypatch):
    monkeypatch.setattr(attaching, "MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(attaching.artifacts.TooLarge):
        signed_by_person(world, version)


@pytest.mark.parametrize("who", ["ines", "adam", "ola", "carl"])
def test_who_may_not_attach(world, version, who):
    with pytest.raises(roles.NotAllowed, match="attach evidence"):
        signed_by_person(world, version, by=world.people[who])


def test_a_machine_cannot_sign(world, version):
    world.vera.is_machine = True
    with pytest.raises(roles.NotAllowed, match="machine"):
        signed_by_person(world, version)


def test_the_log_knows_and_nothing_is_changed_afterwards(world, version):
    row = signed_by_person(world, version)
    entry = Entry.objects.get(rel=relation(ForeignEvidence), pk_text=str(row.pk))
    assert (entry.op, entry.actor) == ("I", str(world.vera.pk))
    assert row.record_sha256 in entry.body
    for change in (
        "UPDATE audits_foreignevidence SET outcome = 'passed'",
        "DELETE FROM audits_foreignevidence",
    ):
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


def test_a_changed_or_lost_file_is_not_handed_out(world, version, settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }
    row = signed_by_person(world, version)
    file = tmp_path / row.artifact.storage_name
    file.chmod(0o600)
    file.write_bytes(PDF + b" ")
    with pytest.raises(attached.ContentLost, match="no longer"):
        attached.content(row)
    file.unlink()
    with pytest.raises(attached.ContentLost, match="gone"):
        attached.content(row)
