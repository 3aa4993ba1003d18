"""Foreign evidence through the API: problems with pointers, scope, machines."""

import hashlib
import io
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings

from audits.models import EvidenceSigner, ForeignEvidence
from governance.models import SignatureAttempt
from registry.models import Artifact, Role
from tests.governance.callers import PROBLEM, pointers
from tests.governance.evidence_stage import (
    LAB,
    PDF,
    STRANGER,
    document,
    envelope,
    lab,
    of_kind,
    public,
    signed_by_lab,
    signed_by_person,
    statement,
)
from tests.world import PASSWORD

PATH = "models/mortgage-approval/versions/1/attachments"
FACTS = {
    "kind": "test_report",
    "title": "Acceptance tests",
    "produced_by": "Test Lab Ltd",
    "produced_on": "2026-11-01",
}


@pytest.fixture
def version(world, clock):
    return world.version(world.model())


def body(version, **changes) -> dict:
    return {**FACTS, "envelope": envelope(statement(version)), **changes}


def problem(answer, status: int) -> str:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == PROBLEM
    return answer.json()["detail"]


def test_a_pipeline_posts_what_its_laboratory_signed(world, caller, version):
    lab(world)
    ci = caller(Role.CI)
    answer = ci.post(PATH, body(version))
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert answer.headers["Location"] == found["url"]
    assert (found["outcome"], found["signer"]["slug"]) == ("passed", "lab")
    assert found["attached_by"] == "ci:ci"
    detail = ci.get(f"attachments/{found['id']}").json()
    assert detail == found == ci.get(PATH).json()[0]
    file = ci.get(f"attachments/{found['id']}/file")
    assert hashlib.sha256(file.content).hexdigest() == found["file"]["sha256"]
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment; ")
    assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_the_same_post_twice_is_answered_with_the_first(world, caller, version):
    lab(world)
    ci = caller(Role.CI)
    first, second = (ci.post(PATH, body(version)) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = ci.post(PATH, body(version, title="Another title"))
    assert (other.status_code, pointers(other)) == (409, ["/envelope"])


def test_a_person_signs_a_document_with_the_password(world, caller, version):
    vera = caller(user="vera")
    facts = {**FACTS, "kind": "validation_report", "outcome": "warned"}
    answer = vera.upload(PATH, PDF, "report.pdf", **facts, password=PASSWORD)
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert (found["signer"], found["outcome"]) == (None, "warned")
    assert found["statement"].startswith("I, Vera Haas,")


def test_a_document_comes_with_its_envelope(world, caller, version):
    lab(world)
    digests = (version.sha256, hashlib.sha256(PDF).hexdigest())
    subjects = [{"digest": {"sha256": digest}} for digest in digests]
    said = statement(version, subject=subjects, **of_kind("bias_audit"))
    facts = {**FACTS, "kind": "bias_audit", "envelope": json.dumps(envelope(said))}
    found = caller(Role.CI).upload(PATH, PDF, "audit.pdf", **facts)
    assert found.status_code == 201, found.content
    assert json.loads(found.json()["statement"])["payload"]


def test_a_machine_without_envelope_is_refused(world, caller, version):
    answer = caller(Role.CI).upload(PATH, PDF, "r.pdf", **FACTS, password=PASSWORD)
    assert "machine" in problem(answer, 403)
    assert not Artifact.objects.filter(format="pdf").exists()


def test_the_first_line_is_refused_at_the_type(world, caller, version):
    facts = {**FACTS, "kind": "validation_report"}
    answer = caller(user="ben").upload(PATH, PDF, "r.pdf", **facts, password=PASSWORD)
    assert (answer.status_code, pointers(answer)) == (403, ["/kind"])


def test_wrong_passwords_are_kept_and_lock_out(world, caller, version):
    vera = caller(user="vera")
    for _ in range(5):
        answer = vera.client.post(
            f"/api/v1/{PATH}",
            {**FACTS, "file": _file(), "password": "guess"},
            headers={"Idempotency-Key": "one"},
        )
        assert (answer.status_code, pointers(answer)) == (403, ["/password"])
    assert SignatureAttempt.objects.count() == 5
    answer = vera.upload(PATH, PDF, "r.pdf", **FACTS, password=PASSWORD)
    problem(answer, 429)


def _file():
    found = io.BytesIO(PDF)
    found.name = "r.pdf"
    return found


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "weather_report"}, "/kind"),
        ({"kind": "fairness_report"}, "/kind"),
        ({"kind": "x" * 5000}, "/kind"),
        ({"kind": None}, "/kind"),
        ({"title": "a\u0007b"}, "/title"),
        ({"title": "x" * 5000}, "/title"),
        ({"title": ""}, "/title"),
        ({"produced_by": "\u202e"}, "/produced_by"),
        ({"produced_on": "2026-13-01"}, "/produced_on"),
        ({"produced_on": "9999-12-31"}, "/produced_on"),
        ({"tool": "x" * 5000}, "/tool"),
        ({"outcome": "failed"}, "/outcome"),
        ({"outcome": "splendid"}, "/outcome"),
        ({"envelope": {}}, "/envelope"),
        ({"envelope": []}, "/envelope"),
        ({"envelope": "e30="}, "/envelope"),
        ({"envelope": {"payload": "?", "payloadType": "x"}}, "/envelope"),
    ],
)
def test_each_mistake_has_its_pointer(world, caller, version, changes, pointer):
    lab(world)
    answer = caller(Role.CI).post(PATH, body(version, **changes))
    assert (answer.status_code, pointers(answer)) == (422, [pointer]), answer.content
    assert not ForeignEvidence.objects.exists()


@pytest.mark.parametrize(
    "text", ["[", "[]", '{"a":1,"a":2}', "[" * 50_000, '{"a":NaN}', "\ufeff{}"]
)
def test_an_envelope_beside_a_document_is_read_strictly(world, caller, version, text):
    answer = caller(Role.CI).upload(PATH, PDF, "r.pdf", **FACTS, envelope=text)
    assert (answer.status_code, pointers(answer)) == (422, ["/envelope"])


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(world, caller, version):
    ci = caller(Role.CI)
    answer = ci.client.post(
        f"/api/v1/{PATH}",
        b"x",
        content_type="application/json",
        CONTENT_LENGTH=str(2**40),
    )
    problem(answer, 413)
    huge = body(version)
    huge["envelope"]["payload"] = "A" * 11 * 2**20
    problem(ci.post(PATH, huge), 413)


def test_a_deeply_nested_body_is_refused(world, caller, version):
    nested = b'{"envelope":' * 100 + b"1" + b"}" * 100
    answer = caller(Role.CI).post(PATH, nested)
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == PROBLEM


def test_a_token_for_other_models_sees_and_attaches_nothing(world, caller, version):
    lab(world)
    row = signed_by_lab(world, version)
    narrow = caller(Role.CI, models_pattern="credit-*")
    for path in (PATH, f"attachments/{row.pk}", f"attachments/{row.pk}/file"):
        problem(narrow.get(path), 403)
    problem(narrow.post(PATH, body(version)), 403)


def test_who_has_no_right_is_refused(world, caller, version):
    lab(world)
    for who in ("ines", "ola"):
        problem(caller(user=who).post(PATH, body(version)), 403)
    assert caller(user="ines").get(PATH).status_code == 200


def test_what_does_not_exist_is_not_found(world, caller, version):
    ci = caller(Role.CI)
    nobody = "00000000-0000-4000-8000-000000000000"
    for path in (
        "models/none/versions/1/attachments",
        f"attachments/{nobody}",
        f"attachments/{nobody}/file",
    ):
        problem(ci.get(path), 404)


def test_a_lost_file_is_told(world, caller, version, monkeypatch):
    row = signed_by_person(world, version)
    monkeypatch.setattr("django.core.files.storage.default_storage.open", _no_such_file)
    problem(caller(user="ines").get(f"attachments/{row.pk}/file"), 503)


def _no_such_file(_name: str):
    raise FileNotFoundError


def pem(key: Ed25519PrivateKey = LAB) -> str:
    return (
        key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def secret_pem() -> str:
    return LAB.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_compliance_registers_lists_and_revokes(world, caller, clock):
    cora = caller(user="cora")
    new = {"slug": "lab", "name": "Lab", "public_key": pem()}
    answer = cora.post("evidence-signers", new, **{"Idempotency-Key": "1"})
    assert answer.status_code == 201, answer.content
    assert answer.json()["public_key"] == public(LAB)
    again = cora.post("evidence-signers", new, **{"Idempotency-Key": "1"})
    assert again.json() == answer.json()
    assert [s["slug"] for s in caller(user="ben").get("evidence-signers").json()] == [
        "lab"
    ]
    answer = cora.post("evidence-signers/lab/revoke", {"reason": "It leaked."})
    assert answer.json()["revocation_reason"] == "It leaked."
    twice = caller(user="rita").post("evidence-signers/lab/revoke", {"reason": "Me."})
    assert twice.json() == answer.json()


@pytest.mark.parametrize(
    ("changes", "status", "pointer"),
    [
        ({"slug": "Lab 1"}, 422, "/slug"),
        ({"slug": "lab"}, 409, "/slug"),
        ({"name": ""}, 422, "/name"),
        ({"name": "x" * 5000}, 422, "/name"),
        ({"name": "Lab\u202e"}, 422, "/name"),
        ({"public_key": public(LAB)}, 409, "/public_key"),
        ({"public_key": "AAAA"}, 422, "/public_key"),
        ({"public_key": "not base64!"}, 422, "/public_key"),
        ({"public_key": "\u00e9" * 43 + "="}, 422, "/public_key"),
        ({"public_key": "A" * 43 + "="}, 422, "/public_key"),
        ({"public_key": "/" * 42 + "8="}, 422, "/public_key"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----\nAAAA"}, 422, "/public_key"),
        ({"public_key": secret_pem()}, 422, "/public_key"),
    ],
)
def test_a_wrong_signer_is_refused_at_its_field(
    world, caller, clock, changes, status, pointer
):
    lab(world)
    new = {"slug": "other", "name": "Other", "public_key": public(STRANGER)}
    answer = caller(user="cora").post("evidence-signers", {**new, **changes})
    assert (answer.status_code, pointers(answer)) == (status, [pointer])
    assert EvidenceSigner.objects.count() == 1


@pytest.mark.parametrize("who", ["anna", "ben", "vera", "ola", "ines", "adam"])
def test_others_neither_register_nor_revoke(world, caller, clock, who):
    lab(world)
    person = caller(user=who)
    new = {"slug": "other", "name": "Other", "public_key": public(STRANGER)}
    problem(person.post("evidence-signers", new), 403)
    problem(person.post("evidence-signers/lab/revoke", {"reason": "x"}), 403)
    assert EvidenceSigner.objects.get().revoked_at is None


def test_neither_machines_nor_narrow_tokens_choose_signers(world, caller, clock):
    new = {"slug": "other", "name": "Other", "public_key": public(STRANGER)}
    for token in (
        caller(Role.COMPLIANCE),
        caller(user="cora", models_pattern="mortgage-*"),
    ):
        problem(token.post("evidence-signers", new), 403)
    assert not EvidenceSigner.objects.exists()


def test_a_revocation_needs_a_reason(world, caller, clock):
    lab(world)
    for reason in ("", "  ", "\u202e"):
        answer = caller(user="cora").post(
            "evidence-signers/lab/revoke", {"reason": reason}
        )
        assert (answer.status_code, pointers(answer)) == (422, ["/reason"])
    problem(
        caller(user="cora").post("evidence-signers/no/revoke", {"reason": "x"}), 404
    )


def test_documents_of_a_person_are_listed_with_those_of_signers(world, caller, version):
    lab(world)
    signed_by_lab(world, version)
    signed_by_person(world, version, document=document(b"Notes of the validator.\n"))
    found = caller(user="ines").get(PATH).json()
    assert {row["kind"] for row in found} == {"test_report", "validation_report"}


def test_what_the_documentation_tells_a_laboratory_to_run_is_accepted(
    world, caller, version, tmp_path
):
    lab(world)
    (tmp_path / "key.pem").write_text(secret_pem())
    text = (settings.BASE_DIR / "docs/evidence/attachments.md").read_text("utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    script = tmp_path / "sign.py"
    script.write_text(f"{code}\nprint(signed(*__import__('sys').argv[1:]))\n")
    command = [sys.executable, script, tmp_path / "key.pem", version.sha256, "WARNED"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=60)  # noqa: S603
    answer = caller(Role.CI).post(PATH, said.stdout)
    assert (answer.status_code, answer.json()["outcome"]) == (201, "warned")
