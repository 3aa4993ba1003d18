"""Calls made up from the API's own schema: never a 5xx, every error a problem."""

import json
import random
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from governance import access, roles
from governance.models import Authorisation, GateDecision
from registry.models import Role
from tests.governance.callers import PROBLEM, Caller
from tests.governance.test_gate import approved, ask
from tests.world import NOW

SEED = 20261121
CALLS = 600

ODD = [
    *(None, True, 0, -1, 1.5, 2**31, 2**63, 10**400, 1e308, "", " ", "\x00", "a\x00"),
    *("\ud800", "\U0001f600", "\u202e", "\n", "1\n", "x" * 5000, "../../etc/passwd"),
    *("NaN", "٣", "%00", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00+14:00"),
    *("2026-02-30", "10000-01-01", [], [[]], [None], ["\ud800"], {}, {"": 1}),
    *({"\x00": 1}, {"\ud800": "a"}, {"a": {"b": [10**400]}}, {"a/b~": "\x00"}),
]
BODIES = [
    *(b"", b"{", b"null", b"[]", b"1", b'"x"', b"NaN", b'{"a":NaN}', b"\xff\xfe"),
    *(b"\xef\xbb\xbf{}", b"[" * 20_000, b'{"a":1e400}', b'{"x":' + b"9" * 5000 + b"}"),
    b'{"a":1,"a":2}',
]
TYPES = [
    *("text/plain", "multipart/form-data", "multipart/form-data; boundary=x", ""),
    *("application/json; charset=bogus", "application/json; charset=utf-16", "a/b/c"),
    *("application/json; charset=utf-7", "application/x-www-form-urlencoded"),
]
QUERY = ["", "\x00", "-1", "9" * 30, "1e5", "null", "'", "[]", "1\n", "٣", "cD14", "x"]


class Maker:
    """Makes calls from the schema: good values, with a few odd ones among them."""

    def __init__(self, schema: dict, known: dict[str, list]) -> None:
        self.schema, self.known = schema, known
        self.random = random.Random(SEED)  # noqa: S311

    def call(self) -> tuple[str, str, bytes, str]:
        """Method, path, body and content type."""
        path = self.random.choice(sorted(self.schema["paths"]))
        methods = [m for m in self.schema["paths"][path] if m != "parameters"]
        method = self.random.choice(methods)
        operation = self.schema["paths"][path][method]
        query = []
        for parameter in operation.get("parameters", []):
            value = self._parameter(parameter)
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
            elif self.random.random() < 0.8:
                query.append(f"{parameter['name']}={quote(value)}")
        for name in ("cursor", "limit", "q", "sort"):
            if method == "get" and self.random.random() < 0.2:
                query.append(f"{name}={quote(self.random.choice(QUERY))}")
        body, kind = self._body(operation)
        return method.upper(), f"{path}?{'&'.join(query)}", body, kind

    def _parameter(self, parameter: dict) -> str:
        known = self.known.get(parameter["name"], ["0"])
        odd = self.random.random() < 0.2
        value = str(self.random.choice(QUERY if odd else known))
        return value or "x" if parameter["in"] == "path" else value

    def _body(self, operation: dict) -> tuple[bytes, str]:
        content = operation.get("requestBody", {}).get("content", {})
        if not content or self.random.random() < 0.1:
            return self.random.choice(BODIES), "application/json"
        value = self._value(next(iter(content.values()))["schema"], "")
        odd = self.random.random() < 0.1
        return json.dumps(value).encode(), (
            self.random.choice(TYPES) if odd else "application/json"
        )

    def _value(self, schema: dict, name: str) -> object:
        if self.random.random() < 0.06:
            return self.random.choice(ODD)
        if "$ref" in schema:
            schema = self.schema["components"]["schemas"][schema["$ref"].split("/")[-1]]
        for word in ("oneOf", "allOf", "anyOf"):
            if word in schema:
                return self._value(self.random.choice(schema[word]), name)
        if name in self.known:
            return self.random.choice(self.known[name])
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kind = schema.get("type")
        if "properties" in schema:
            return {n: self._value(s, n) for n, s in schema["properties"].items()}
        if kind == "array":
            return [self._value(schema["items"], name)]
        plain = {"integer": 1, "number": 0.5, "boolean": True, "object": {}}
        return plain.get(kind if isinstance(kind, str) else "", "2027-01-01")


@pytest.fixture
def known(world) -> dict[str, list]:
    """Names and ids of things that exist, so that calls get past the first look."""
    version = approved(world)
    decision = ask(world)
    authorisation = Authorisation.objects.get()
    return {
        "slug": ["mortgage-approval", "applications", "new-one"],
        "model": ["mortgage-approval"],
        "version": ["1", "2", 1],
        "environment": ["production"],
        "dataset": ["applications"],
        "dataset_version": [1],
        "authorisation": [str(authorisation.pk)],
        "request_id": [str(authorisation.request_id)],
        "permit_id": [str(decision.pk)],
        "run_id": [str(r.pk) for r in version.evidence_runs.all()],
        "sha256": [world.artifact().sha256],
        "artifact_sha256": [world.artifact().sha256],
        "digest": [world.artifact().sha256],
        **{name: ["anna", "ben"] for name in ("owner", "developer", "validator")},
        "password": ["guess"],
        "columns": [{"dti": "feature"}],
        "code_commit": ["4f1c2a90b7de"],
        "environment_sha256": ["0" * 64],
        "jurisdictions": [["US"]],
    }


@pytest.fixture
def everybody(world) -> Caller:
    """One person with most roles, so that calls get past the rights."""
    system = access.system_user()
    for role in (Role.DEVELOPER, Role.VALIDATOR, Role.RISK_MANAGER, Role.OPERATOR):
        roles.grant(user=world.anna, role=role, by=system, at=NOW)
    _token, secret = access.issue_token(
        name="fuzz", user=world.anna, by=system, at=timezone.now()
    )
    return Caller(secret, raise_request_exception=False)


def test_made_up_calls_meet_problems_never_defects(known, everybody):
    schema = Client().get("/api/v1/schema?format=json").json()
    maker, answered = Maker(schema, known), set()
    for number in range(CALLS):
        method, path, body, kind = call = maker.call()
        with transaction.atomic():
            answer = everybody.client.generic(method, path, body, kind)
            transaction.set_rollback(True)
        said = (number, call[:2], body[:300], kind, answer.status_code)
        assert answer.status_code < 500, said
        answered.add(answer.status_code)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == PROBLEM, said
            assert answer.json()["status"] == answer.status_code, said
    assert {200, 201, 400, 404, 422} <= answered, answered
    assert GateDecision.objects.count() == 1
