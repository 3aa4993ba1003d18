"""The API against hostile callers: stale answers, twins, odd bytes, narrow tokens."""

import base64
import json
import threading
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from governance import access, deployments, registration
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision
from registry.models import Dataset, Environment, ModelVersion, RegisteredModel, Role
from tests.governance.callers import PROBLEM, Caller, pointers
from tests.governance.test_api import RECORD_JSON
from tests.governance.test_gate import approved
from tests.world import NOW, World, later, log_verified

ASK = {"model": "mortgage-approval", "version": "1", "environment": "production"}
KEY = {"Idempotency-Key": "deploy-7"}
DEEP = b"[" * 20_000 + b"]" * 20_000


def change(world, state) -> None:
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=state,
        reason="Because.",
        by=world.rita,
        at=NOW,
    )


def problem(answer, *statuses: int) -> dict:
    assert answer.status_code in statuses, (answer.status_code, answer.content[:300])
    assert answer.headers["Content-Type"] == PROBLEM
    return answer.json()


# Idempotency ------------------------------------------------------------------------


def test_an_allow_is_repeated_while_it_stands(world, caller, clock):
    approved(world)
    ci = caller(Role.CI)
    first = ci.post("gate/decisions", ASK, **KEY).json()
    assert first["decision"] == "allow", first
    clock(later(hours=23))
    log_verified(later(hours=23))
    assert ci.post("gate/decisions", ASK, **KEY).json() == first
    assert GateDecision.objects.count() == 1


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED])
def test_a_key_does_not_bring_an_old_allow_back(world, caller, clock, state):
    approved(world)
    ci = caller(Role.CI)
    first = ci.post("gate/decisions", ASK, **KEY).json()
    change(world, state)
    clock(later(minutes=1))
    again = ci.post("gate/decisions", ASK, **KEY).json()
    assert (first["decision"], again["decision"]) == ("allow", "deny")
    assert again["permit"] is None
    assert ci.post("gate/decisions", ASK, **KEY).json() == again


def test_an_expired_permit_is_not_repeated(world, caller, clock):
    approved(world, valid_until=later(hours=2))
    ci = caller(Role.CI)
    assert ci.post("gate/decisions", ASK, **KEY).json()["decision"] == "allow"
    clock(later(hours=3))
    assert ci.post("gate/decisions", ASK, **KEY).json()["decision"] == "deny"


def test_a_denial_is_not_repeated_after_the_approval(world, caller, clock):
    ci = caller(Role.CI)
    assert ci.post("gate/decisions", ASK, **KEY).json()["decision"] == "deny"
    approved(world)
    clock(later(minutes=1))
    assert ci.post("gate/decisions", ASK, **KEY).json()["decision"] == "allow"


def test_a_narrower_token_of_the_same_user_gets_no_answer_of_its_sibling(
    world, caller, clock
):
    approved(world)
    assert caller(Role.CI).post("gate/decisions", ASK, **KEY).status_code == 200
    narrow = caller(Role.CI, models_pattern="credit-*")
    problem(narrow.post("gate/decisions", ASK, **KEY), 403)
    wide = caller(user="ben").post("datasets", {"slug": "a", "name": "A"}, **KEY)
    other = caller(user="ben").post("datasets", {"slug": "b", "name": "B"}, **KEY)
    assert (wide.status_code, other.status_code) == (201, 201)


def test_an_answer_is_kept_for_a_day(world, caller, clock):
    ben = caller(user="ben")
    body = {"slug": "apps", "name": "Apps"}
    first = ben.post("datasets", body, **KEY)
    clock(later(hours=23))
    assert ben.post("datasets", body, **KEY).json() == first.json()
    clock(later(hours=25))
    problem(ben.post("datasets", body, **KEY), 409)
    fresh = ben.post("datasets", {"slug": "other", "name": "O"}, **KEY)
    assert fresh.status_code == 201, fresh.content


# Twins ------------------------------------------------------------------------------


@pytest.fixture
def committed(fresh_database):
    """A world that other connections see."""
    log_verified()
    return World()


def token(world, user: str) -> str:
    _token, secret = access.issue_token(
        name=user,
        user=world.people[user],
        by=access.system_user(),
        at=timezone.now(),
    )
    return secret


@pytest.mark.parametrize("what", ["models", "versions", "environments", "datasets"])
def test_one_of_two_at_once_is_registered_and_the_other_told(
    committed, monkeypatch, what
):
    """Both look before either inserts: the barrier stands between."""
    world, barrier = committed, threading.Barrier(2, timeout=20)
    record = {**RECORD_JSON, "slug": "twin"}
    user, path, kind, field = {
        "models": ("anna", "models", RegisteredModel, "slug"),
        "environments": ("ola", "environments", Environment, "slug"),
        "datasets": ("ben", "datasets", Dataset, "slug"),
        "versions": ("ben", "models/m/versions", ModelVersion, "version"),
    }[what]
    if what == "versions":
        world.model("m")
        digest = world.artifact().sha256
        record = {"version": "1", "artifacts": [{"sha256": digest, "role": "model"}]}
    secret, before = token(world, user), kind.objects.count()
    save = kind.save

    def both_then_save(row, **options):
        barrier.wait()
        save(row, **options)

    monkeypatch.setattr(kind, "save", both_then_save)
    answers = []

    def register() -> None:
        answers.append(Caller(secret).post(path, record))
        connection.close()

    threads = [threading.Thread(target=register) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(answers, key=lambda a: a.status_code)
    assert (first.status_code, second.status_code) == (201, 409), second.content
    assert pointers(second) == [f"/{field}"]
    assert kind.objects.count() == before + 1


def test_a_twin_that_was_committed_after_the_look_is_a_conflict_too(world, monkeypatch):
    """What `full_clean` finds is what the first look could not see yet."""
    world.model()
    twin = RegisteredModel(
        slug="mortgage-approval", registered_by=world.anna, registered_at=NOW
    )
    with pytest.raises(registration.Refused):
        registration.valid(twin)
    environment = Environment(slug="production", name="Production")
    with pytest.raises(registration.AlreadyRegistered):
        registration.valid(environment)


# Odd bytes --------------------------------------------------------------------------

POSTS = [
    ("anna", "models"),
    ("ben", "models/mortgage-approval/versions"),
    ("rita", "models/mortgage-approval/risk-assessments"),
    ("anna", "models/mortgage-approval/versions/1/approval-requests"),
    ("ben", "models/mortgage-approval/versions/1/evidence-runs"),
    ("carl", f"approval-requests/{uuid.UUID(int=0)}/signatures"),
    ("carl", f"approval-requests/{uuid.UUID(int=0)}/rejections"),
    ("anna", f"approval-requests/{uuid.UUID(int=0)}/withdrawal"),
    ("ola", "suspensions"),
    ("ola", "gate/decisions"),
    ("ola", "deployments"),
    ("ola", "environments"),
    ("ben", "datasets"),
    ("ben", "datasets/applications/versions"),
    ("anna", "dossiers"),
]


def raw(caller: Caller, path: str, body: bytes, content_type="application/json"):
    return caller.client.generic("POST", f"/api/v1/{path}", body, content_type)


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": {"\\u0000": 1}}',
        b'{"a": 1e999}',
    ],
)
def test_json_that_cannot_be_kept_is_refused_everywhere(world, caller, body):
    world.ready()
    for user, path in POSTS:
        problem(raw(caller(user=user), path, body), 400, 422)
    changed = caller(user="anna").client.patch(
        "/api/v1/models/mortgage-approval", body, content_type="application/json"
    )
    problem(changed, 400, 422)


@pytest.mark.parametrize(
    ("user", "path", "body", "pointer"),
    [
        ("anna", "models", {**RECORD_JSON, "ai_act_class": "\ud800"}, "/ai_act_class"),
        ("anna", "models", {**RECORD_JSON, "owner": "a\x00"}, "/owner"),
        ("anna", "models", {**RECORD_JSON, "slug": "\x00"}, "/slug"),
        ("ola", "suspensions", {"authorisation": "\ud800"}, "/authorisation"),
        (
            "ben",
            "datasets/applications/versions",
            {"uri": "s3://a", "sha256": "0" * 64, "columns": {"\ud800": "target"}},
            "/columns",
        ),
        (
            "ben",
            "models/mortgage-approval/versions",
            {"version": "2", "artifacts": [{"sha256": "0" * 64, "role": "\ud800"}]},
            "/artifacts/0/role",
        ),
        (
            "ben",
            "models/mortgage-approval/versions/1/evidence-runs",
            {"kind": "fairness", "dataset": "a", "config": {"a/b": ["~\ud800"]}},
            "/config/a~1b/0",
        ),
    ],
)
def test_half_characters_and_nul_are_refused_at_their_place(
    world, caller, user, path, body, pointer
):
    world.ready()
    answer = raw(caller(user=user), path, json.dumps(body).encode())
    problem(answer, 422)
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    ("columns", "pointer"),
    [
        (DEEP.decode(), "/columns"),
        ('{"\\ud800": "feature"}', "/columns"),
        ('{"dti": "\\ud800"}', "/columns/dti"),
        ("{", "/columns"),
    ],
)
def test_columns_of_an_upload_are_read_as_strictly(world, caller, columns, pointer):
    world.data()
    answer = caller(user="ben").upload(
        "datasets/applications/versions", b"dti\n1\n", "a.csv", columns=columns
    )
    problem(answer, 422)
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    "cursor",
    [
        *("p=not-a-date", "p=x", "p=", "p=%00", "p=\x00", "o=-1", "o=x", "r=1&p=x"),
        *("p=9999-99-99", "p=" + "9" * 40, "p=0001-01-01T00:00:00%2B14:00"),
    ],
)
def test_a_made_up_cursor_leads_nowhere(world, caller, cursor):
    world.ready()
    made_up = base64.b64encode(cursor.encode()).decode()
    version = "models/mortgage-approval/versions"
    for path in (
        *("models", "approval-requests", "authorisations", "gate/decisions"),
        *("deployments", "dossiers", "environments", "datasets", version),
        *("datasets/applications/versions", f"{version}/1/evidence-runs"),
        "models/mortgage-approval/risk-assessments",
    ):
        answer = caller(user="rita").get(f"{path}?cursor={made_up}")
        if answer.status_code != 200:
            problem(answer, 404)
    for text in ("%00", "%FF", "%ED%A0%80", "x"):
        answer = caller(user="rita").get(f"{version}?cursor={text}")
        problem(answer, 404, 422)


@pytest.mark.parametrize("query", ["version=1%0a", "version=%00"])
def test_the_schema_takes_nothing_into_its_headers(world, query):
    answer = Client().get(f"/api/v1/schema?{query}")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("application/vnd.oai.openapi")


def test_without_the_gates_key_no_list_is_signed(world, caller, settings, tmp_path):
    (tmp_path / "gate.pem").write_text("no key")
    (tmp_path / "gate.pem").chmod(0o600)
    settings.FREIGABE_KEYS_DIR = tmp_path
    problem(caller(user="rita").get("permits/revoked"), 503)


PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nq\r\n'


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"", ""),
        (b"--x", "; boundary=x"),
        (PART * 1500 + b"--x--\r\n", "; boundary=x"),
        (PART.replace(b'"a"', b'"file"; filename="b"') * 200, "; boundary=x"),
    ],
)
def test_malformed_form_data_is_a_problem(world, caller, body, boundary):
    for path in ("artifacts", "datasets/applications/versions"):
        world.data()
        answer = raw(caller(user="ben"), path, body, f"multipart/form-data{boundary}")
        problem(answer, 400, 422)


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        (
            "models/mortgage-approval/versions/1/readiness?environment=%00",
            "environment",
        ),
        ("models?q=%00", "q"),
        ("gate?model=%00&version=1&environment=production", "model"),
    ],
)
def test_nul_in_a_query_is_refused_at_its_place(world, caller, path, pointer):
    world.ready()
    answer = caller(user="rita").get(path)
    problem(answer, 422)
    assert pointers(answer) == [f"/{pointer}"]


@pytest.mark.parametrize("path", ["", "a%0ab", "models/%00", "models/a%0a"])
def test_no_address_escapes_the_problems(world, caller, path):
    problem(caller(user="rita").get(path), 404)


def test_an_error_as_text_does_not_claim_to_be_json(world, caller):
    answer = caller(Role.CI).get("gate?format=text")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("text/plain")


# Narrow tokens ----------------------------------------------------------------------
