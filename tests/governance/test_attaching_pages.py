"""Attaching on pages: every field has its error, and downloads stay downloads."""

import io
import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits.models import EvidenceSigner, ForeignEvidence
from governance.models import SignatureAttempt
from tests.governance.evidence_stage import (
    PDF,
    STRANGER,
    document,
    envelope,
    lab,
    public,
    signed_by_lab,
    signed_by_person,
    statement,
)
from tests.world import PASSWORD, later


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """An hour after the world began: pages ask the clock, tests say what it shows."""
    monkeypatch.setattr(timezone, "now", lambda: later(hours=1))


@pytest.fixture
def version(world):
    return world.version(world.model())


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def file(content: bytes | dict, name: str) -> io.BytesIO:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    found = io.BytesIO(raw)
    found.name = name
    return found


def send(person, version, **fields):
    data = {
        "kind": "validation_report",
        "title": "Validation 2026",
        "produced_by": "Vera Haas",
        "produced_on": "2026-11-01",
        "tool": "",
        "outcome": "passed",
        "file": file(PDF, "report.pdf"),
        "user_name": person.username,
        "password": PASSWORD,
        **fields,
    }
    address = reverse("web:attach", args=[version.model.slug, version.version])
    return as_(person).post(address, {k: v for k, v in data.items() if v is not None})


def test_a_validator_attaches_a_report_and_lands_on_its_page(world, version):
    answer = send(world.vera, version)
    row = ForeignEvidence.objects.get()
    assert answer.headers["Location"] == reverse("web:attachment", args=[row.pk])
    page = as_(world.ines).get(answer.headers["Location"]).content.decode()
    assert "I, Vera Haas, attach to Mortgage approval" in page
    assert row.record_sha256 in page


def test_an_envelope_alone_is_enough(world, version):
    lab(world)
    answer = send(
        world.ben,
        version,
        kind="test_report",
        outcome="",
        file=None,
        password="",
        envelope=file(envelope(statement(version)), "statement.json"),
    )
    assert answer.status_code == 302
    assert ForeignEvidence.objects.get().signer.slug == "lab"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": ""}, "This field is required."),
        ({"kind": "fairness_report"}, "Select a valid choice"),
        ({"title": "a\u202eb"}, "Control characters"),
        ({"title": "x" * 5000}, "at most 200 characters"),
        ({"produced_on": "2099-01-01"}, "This day is yet to come."),
        ({"produced_on": "yesterday"}, "Enter a valid date."),
        ({"file": None}, "Send a document, or an envelope."),
        ({"file": file(b"\x7fELF" + bytes(99), "a.pdf")}, "Documents are PDF"),
        ({"password": ""}, "Sign with your password or"),
        ({"password": "guess"}, "The password is wrong. Nothing was signed."),
        ({"envelope": file(b"{}", "e.json")}, "payloadType is not text"),
        ({"envelope": file(b"[]", "e.json")}, "An envelope is a JSON object."),
        ({"envelope": file(b'{"a":1,"a":2}', "e.json")}, "stands twice"),
        ({"envelope": file(b"[" * 100_000, "e.json")}, "levels deep"),
        ({"envelope": file(b" " * 2**21, "e.json")}, "larger than 1024 KiB"),
    ],
)
def test_each_mistake_is_told_beside_its_field(world, version, fields, sentence):
    for value in fields.values():
        if isinstance(value, io.BytesIO):
            value.seek(0)
    answer = send(world.vera, version, **fields)
    assert answer.status_code == 200
    (field,) = fields
    assert any(sentence in said for said in answer.context["form"].errors[field])
    assert not ForeignEvidence.objects.exists()


def test_the_developer_is_told_why_he_cannot_vouch(world, version):
    answer = send(world.ben, version)
    assert "Ben Moreau develop" in answer.content.decode()
    assert not ForeignEvidence.objects.exists()


def test_wrong_passwords_lock_out(world, version):
    for _ in range(5):
        send(world.vera, version, password="guess")  # noqa: S106
    assert SignatureAttempt.objects.count() == 5
    assert "locked for 15 minutes" in send(world.vera, version).content.decode()


def test_an_auditor_attaches_nothing(world, version):
    assert send(world.ines, version).status_code == 403


def test_a_download_is_never_shown_in_the_browser(world, version):
    html = b"<!doctype html><script>alert(1)</script>"
    row = signed_by_person(
        world,
        version,
        document=document(html, 'evil".html'),
    )
    answer = as_(world.ines).get(reverse("web:attachment_file", args=[row.pk]))
    assert answer.content == html
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="mortgage-approval-1-validation_report.txt"'
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_the_version_page_tells_type_outcome_and_who_vouches(world, version):
    signer = lab(world)
    signed_by_lab(world, version, statement(version, "FAILED"))
    signed_by_person(world, version, claim={"title": "<b>Bold</b> report"})
    page = (
        as_(world.ines)
        .get(reverse("web:version", args=["mortgage-approval", "1"]))
        .content.decode()
    )
    for words in ("Test report", "✗ Failed", "Lab", "Validation report", "Vera Haas"):
        assert words in page
    assert "&lt;b&gt;Bold&lt;/b&gt; report" in page
    assert "<b>Bold" not in page
    assert signer.name in page


def test_a_reader_sees_the_section_without_the_button(world, version):
    address = reverse("web:version", args=["mortgage-approval", "1"])
    to = reverse("web:attach", args=["mortgage-approval", "1"])
    assert to not in as_(world.ines).get(address).content.decode()
    assert to in as_(world.vera).get(address).content.decode()


def test_compliance_registers_and_revokes_a_signer(world):
    cora = as_(world.cora)
    cora.post(
        reverse("web:signers"),
        {"name": "Lab", "slug": "lab", "public_key": public(STRANGER)},
    )
    row = EvidenceSigner.objects.get()
    assert (row.registered_by, row.registered_at) == (world.cora, later(hours=1))
    address = reverse("web:revoke_signer", args=["lab"])
    assert (
        "This field is required" in cora.post(address, {"reason": " "}).content.decode()
    )
    cora.post(address, {"reason": "The key\r\nleaked."})
    row.refresh_from_db()
    assert row.revocation_reason == "The key leaked."
    assert "The key leaked." in cora.get(reverse("web:signers")).content.decode()


def test_a_developer_reads_signers_and_chooses_none(world):
    lab(world)
    ben = as_(world.ben)
    page = ben.get(reverse("web:signers")).content.decode()
    assert "Lab" in page
    assert "Register a signer" not in page
    fields = {"name": "B", "slug": "b", "public_key": public(STRANGER)}
    assert ben.post(reverse("web:signers"), fields).status_code == 403
    address = reverse("web:revoke_signer", args=["lab"])
    assert ben.post(address, {"reason": "mine"}).status_code == 403
    assert EvidenceSigner.objects.get().revoked_at is None


def test_a_weak_key_is_refused_beside_its_field(world):
    answer = as_(world.cora).post(
        reverse("web:signers"),
        {"name": "B", "slug": "b", "public_key": "AQ" + "A" * 41 + "="},
    )
    assert "low order" in answer.context["form"].errors["public_key"][0]
