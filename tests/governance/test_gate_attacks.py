"""The doors of the gate against who wants a yes that should not be, or a stale one."""

import json
from datetime import datetime
from importlib import import_module

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client, RequestFactory

from audits import dsse
from audits.offline.permit import Permit
from audits.offline.report import DoesNotHold, Report
from audits.offline.revoked import PAYLOAD_TYPE, check_revoked
from audits.trusted import TrustedKeys
from governance.models import GateDecision
from registry.models import Role
from tests.governance.callers import PROBLEM
from tests.governance.cluster import review, service
from tests.governance.test_gate import approved
from tests.world import NOW, later

ASK = {"model": "mortgage-approval", "version": "1", "environment": "production"}
QUERY = "model=mortgage-approval&version=1&environment=production"
CODECS = (
    *("rot13", "zlib", "bz2", "idna", "utf-7", "utf-16", "unicode_escape", "none"),
    *("x*=none''%41", "charset*=utf-8''rot13", 'charset="rot13"', "=;=;;"),
)


@pytest.fixture
def ci(world, clock, caller):
    """A pipeline that may ask about an approved version."""
    approved(world)
    return caller(Role.CI)


def test_nobody_on_the_way_may_keep_an_answer(ci, world):
    permit = ci.get(f"gate?{QUERY}").json()["decision_id"]
    answers = [
        ci.get(f"gate?{QUERY}"),
        ci.get(f"gate?{QUERY}&format=text"),
        ci.get("gate?model=other&version=1&environment=production"),
        ci.get(f"gate/metric?{QUERY}"),
        ci.get(f"permits/{permit}"),
        ci.get("permits/revoked"),
        ci.get(f"models/mortgage-approval/versions/1/readiness?{QUERY}"),
        ci.get("gate?model=x"),
        ci.post("gate/decisions", ASK),
        ci.post("kubernetes/admission/production", review(service())),
        Client().get(f"/api/v1/gate?{QUERY}"),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert {answer.status_code for answer in answers} == {200, 401, 403, 422}
    data = ci.get("opa/data").headers  # it proves with an ETag that it is as before
    assert data["Cache-Control"] == "private, no-cache"


def test_a_question_that_says_two_things_is_no_question(ci):
    for more in ("environment=test", "environment=production", "version=2", "digest="):
        for path in ("gate?digest=&", "gate/metric?digest=&"):
            answer = ci.get(f"{path}{QUERY}&{more}")
            assert answer.status_code == 422, (path, more)
            assert answer.headers["Content-Type"] == PROBLEM
    text = json.dumps(ASK)
    for twice in (
        text[:-1] + ', "environment": "test"}',
        text[:-1] + ', "environment": "production"}',
        text[:-1] + ', "\\u0065nvironment": "test"}',
    ):
        answer = ci.client.post(
            "/api/v1/gate/decisions", twice, content_type="application/json"
        )
        assert (answer.status_code, "permit" in answer.json()) == (400, False)
    assert not GateDecision.objects.exists()


@pytest.fixture
def wsgi(monkeypatch):
    """What gunicorn loads; its pool of connections is not for tests."""
    monkeypatch.setenv("FREIGABE_DB_POOL", "")
    return import_module("governance.wsgi")


@pytest.mark.parametrize("codec", CODECS)
def test_no_codec_that_a_caller_names_reads_anything_else(wsgi, monkeypatch, codec):
    """Django reads the query by it before any middleware, and breaks."""
    seen: list[WSGIRequest] = []
    monkeypatch.setattr(wsgi, "_django", lambda e, _s: seen.append(WSGIRequest(e)))
    for name in (codec, f"charset={codec}"):
        kind = f"application/x-www-form-urlencoded; {name}"
        made = RequestFactory().generic(
            "POST", "/?a=%C3%A4+AG8-", b"b=%C3%A4+AG8-", "x/x"
        )
        wsgi.application({**made.environ, "CONTENT_TYPE": kind}, None)
        request = seen.pop()
        assert request.encoding in (None, "utf-8")
        assert request.GET.dict() == {"a": "ä AG8-"}
        assert request.POST.dict() == {"b": "ä AG8-"}


def test_of_a_content_type_its_boundary_stays(wsgi):
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    kind = f"multipart/form-data; charset=rot13; boundary={boundary}; x*=a''%41"
    assert wsgi.plain(kind) == f'multipart/form-data; boundary="{boundary}"'
    assert wsgi.plain(wsgi.plain(kind)) == wsgi.plain(kind)
    assert wsgi.plain("Application/JSON ;charset=utf-8") == "Application/JSON"
    assert (wsgi.plain(""), wsgi.plain(";boundary=x")) == ("", "")


LOOKS = {
    "environment": ("Production", "PRODUCTION", "production ", " production", "prod"),
    "model": ("Mortgage-approval", "mortgage-approvaI", "mortgage\u2010approval"),
    "version": ("\uff11", "01", "1.0", "1 ", "\u0661", "+1", "1\u200b"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_only_looks_the_same_is_something_else(ci, name):
    for value in LOOKS[name]:
        answer = ci.post("gate/decisions", {**ASK, name: value})
        stripped = value.strip() == ASK[name]
        expected = "allow" if stripped else "deny"  # DRF takes white space off
        assert answer.json()["decision"] == expected, value
        row = GateDecision.objects.get(pk=answer.json()["decision_id"])
        assert getattr(row, f"asked_{name}") == value.strip()


def test_a_digest_is_one_whatever_its_spelling_and_another_is_denied(ci, world):
    sha256 = world.artifact().sha256
    good = (sha256, sha256.upper(), f"sha256:{sha256}")
    odd = (
        *("0" * 64, f"sha256:{'0' * 64}"),
        *(f"sha256:sha256:{sha256}", f"sha512:{sha256}", f"{sha256} {sha256}"),
        *(sha256[:63], f"{sha256}0", sha256.replace(sha256[0], "\uff11", 1)),
    )
    for digest in good:
        for asked in ({"digest": digest}, {**ASK, "digest": digest}):
            body = {"environment": "production", **asked}
            assert ci.post("gate/decisions", body).json()["decision"] == "allow"
    for digest in odd:
        for asked in ({"digest": digest}, {**ASK, "digest": digest}):
            body = {"environment": "production", **asked}
            assert ci.post("gate/decisions", body).json().get("decision") != "allow"


def forged(key: Ed25519PrivateKey, *, issued: datetime, until: datetime) -> object:
    """A list that names nothing, as whoever has the key can sign it."""
    said = {
        "issuer": "https://freigabe.bank.example",
        "sequence": 2**40,
        "issued_at": issued.isoformat(),
        "valid_until": until.isoformat(),
        "revoked": [],
    }
    return dsse.sign(json.dumps(said).encode(), PAYLOAD_TYPE, {"old": key})


def test_a_former_key_hides_no_revocation_after_its_time(ci):
    """Backdated into the time of the key, and good for a year: it counts no more."""
    key = Ed25519PrivateKey.generate()
    keys = TrustedKeys({"old": key.public_key()}, {"old": (None, later(hours=24))})
    permit = Permit("p", "https://freigabe.bank.example", frozenset(), {})
    shown = forged(key, issued=NOW, until=later(days=365))
    check_revoked(permit, shown, keys, later(hours=23), Report())
    with pytest.raises(DoesNotHold, match="counts no more"):
        check_revoked(permit, shown, keys, later(hours=24), Report())
