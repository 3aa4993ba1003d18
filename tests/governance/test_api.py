"""The API: who gets in, what bad input meets, and what stays behind: nothing."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from governance import access, approvals
from governance.models import ApprovalRequest, GateDecision, Signature
from registry.models import RegisteredModel, Role
from tests.governance.callers import PROBLEM, Caller, pointers
from tests.world import CSV, LIGHTGBM, NOW, PASSWORD, RECORD

RECORD_JSON = {
    **RECORD,
    "slug": "mortgage-approval",
    "owner": "anna",
    "developer": "ben",
}


def test_without_a_token_nobody_gets_in(world):
    for path in ("models", "gate?model=a&version=1&environment=b", "log/checkpoint"):
        answer = Client().get(f"/api/v1/{path}")
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == PROBLEM
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer a b", "Bearer ü", "Bearer wrong", "Basic eA=="]
)
def test_a_malformed_or_unknown_token_is_no_token(world, header):
    answer = Client(headers={"Authorization": header.encode().decode("latin-1")}).get(
        "/api/v1/models"
    )
    assert answer.status_code == 401


def test_a_revoked_or_expired_token_is_refused_with_the_reason(world):
    token, secret = access.issue_token(
        name="old", role=Role.CI, by=access.system_user(), at=timezone.now()
    )
    token.revoked_at = timezone.now()
    token.save()
    assert "revoked" in Caller(secret).get("models").json()["detail"]


def test_the_way_of_a_version_through_the_api(world, caller):
    owner, developer = caller(user="anna"), caller(user="ben")
    validator, risk = caller(user="vera"), caller(user="rita")
    assert owner.post("models", RECORD_JSON).status_code == 201
    artifact = developer.upload("artifacts", LIGHTGBM)
    assert artifact.status_code == 201, artifact.content
    version = developer.post(
        "models/mortgage-approval/versions",
        {"version": "1", "artifacts": [{"sha256": artifact.json()["sha256"]}]},
    )
    assert version.status_code == 201, version.content
    assert version.json()["status"] == "development"
    assert (
        developer.post("datasets", {"slug": "apps", "name": "Apps"}).status_code == 201
    )
    columns = json.dumps({"dti": "feature", "afam": "sensitive", "deny": "target"})
    data = developer.upload("datasets/apps/versions", CSV, "apps.csv", columns=columns)
    assert (data.status_code, data.json()["row_count"]) == (201, 120)
    run = validator.post(
        "models/mortgage-approval/versions/1/evidence-runs",
        {"kind": "fairness", "dataset": "apps", "config": {"seed": 7}},
    )
    assert run.status_code == 202, run.content
    watched = validator.get(run.json()["url"].removeprefix("/api/v1/"))
    assert watched.json()["state"] == "pending"
    assessed = risk.post(
        "models/mortgage-approval/risk-assessments",
        {"likelihood": 4, "impact": 4, "rationale": "Harm to households."},
    )
    assert (assessed.json()["score"], assessed.json()["tier"]) == (16, 2)
    asked = owner.post(
        "models/mortgage-approval/versions/1/approval-requests",
        {"environment": "production"},
    )
    assert asked.status_code == 201, asked.content
    signed = validator.post(
        f"approval-requests/{asked.json()['id']}/signatures",
        {"meaning": "review", "password": PASSWORD},
    )
    assert signed.status_code == 201, signed.content
    ready = developer.get(
        "models/mortgage-approval/versions/1/readiness?environment=production"
    )
    assert ready.json()["ready"] is False
    assert not GateDecision.objects.exists()


def test_a_ci_token_cannot_sign_even_with_a_password(world, caller):
    request = _submitted(world)
    answer = caller(Role.CI).post(
        f"approval-requests/{request.pk}/signatures",
        {"meaning": "review", "password": PASSWORD},
    )
    assert answer.status_code == 403
    machine = caller(Role.VALIDATOR).post(
        f"approval-requests/{request.pk}/signatures",
        {"meaning": "review", "password": PASSWORD},
    )
    assert machine.status_code == 403
    assert "machine" in machine.json()["detail"]


def _submitted(world) -> ApprovalRequest:
    return approvals.submit(
        version=world.ready(), environment=world.production, by=world.anna, at=NOW
    )


def test_a_failed_signature_through_the_api_is_kept_and_points_at_the_password(
    world, caller
):
    request = _submitted(world)
    answer = caller(user="vera").post(
        f"approval-requests/{request.pk}/signatures",
        {"meaning": "review", "password": "guess"},
        **{"Idempotency-Key": "once"},
    )
    assert (answer.status_code, pointers(answer)) == (403, ["/password"])
    assert request.failed_attempts.count() == 1
    assert not Signature.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"slug": "Not a slug"}, "/slug"),
        ({"owner": "nobody"}, "/owner"),
        ({"valid_from": "yesterday"}, "/valid_from"),
        ({"ai_act_class": "none"}, "/ai_act_class"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"purpose": None}, "/purpose"),
        ({"jurisdictions": "US"}, "/jurisdictions"),
        ({"valid_from": "2027-01-02", "valid_until": "2027-01-01"}, "/__all__"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(world, caller, change, pointer):
    answer = caller(user="anna").post("models", {**RECORD_JSON, **change})
    assert answer.status_code == 422
    assert pointer in pointers(answer)
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize("body", [b"{", b"[]", b"3", b'"x"', b"\xff", b"null", b""])
def test_a_body_that_is_no_object_is_refused(world, caller, body):
    client = caller(user="anna").client
    answer = client.post("/api/v1/models", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == PROBLEM


def test_the_same_name_twice_is_a_conflict(world, caller):
    owner = caller(user="anna")
    owner.post("models", RECORD_JSON)
    again = owner.post("models", RECORD_JSON)
    assert (again.status_code, pointers(again)) == (409, ["/slug"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "beauty"}, "/kind"),
        ({"dataset": "unknown"}, "/dataset"),
        ({"config": {"treshold": 1}}, "/config/treshold"),
        ({"config": {"threshold": 0.0}}, "/config/threshold"),
        ({"config": {"favourable": 0}}, "/config/favourable"),
        ({"config": {"minimum_group_size": 2}}, "/config/minimum_group_size"),
        ({"config": {"rows": "many"}}, "/config/rows"),
        ({"config": {"seed": True}}, "/config/seed"),
        ({"config": []}, "/config"),
    ],
)
def test_a_question_that_cannot_be_measured_is_refused(world, caller, change, pointer):
    world.version(world.model())
    world.data("apps")
    body = {"kind": "performance", "dataset": "apps", **change}
    answer = caller(user="vera").post(
        "models/mortgage-approval/versions/1/evidence-runs", body
    )
    assert answer.status_code == 422, answer.content
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"likelihood": 6}, "/likelihood"),
        ({"impact": "high"}, "/impact"),
        ({"rationale": ""}, "/rationale"),
        ({"residual_impact": 2}, "/residual_impact"),
        ({"matrix": "mine"}, "/matrix"),
    ],
)
def test_an_assessment_off_the_matrix_is_refused(world, caller, change, pointer):
    world.model()
    body = {"likelihood": 3, "impact": 3, "rationale": "Because.", **change}
    answer = caller(user="rita").post("models/mortgage-approval/risk-assessments", body)
    assert (answer.status_code, pointers(answer)) == (422, [pointer])


def test_a_role_that_may_not_is_told_who_may(world, caller):
    answer = caller(user="ines").post("models", RECORD_JSON)
    assert answer.status_code == 403
    assert "Model owner" in answer.json()["detail"]


def test_a_repeated_key_gives_the_same_answer_and_acts_once(world, caller):
    ci = caller(Role.CI)
    world.ready()
    body = {"model": "mortgage-approval", "version": "1", "environment": "production"}
    first = ci.post("gate/decisions", body, **{"Idempotency-Key": "k1"})
    second = ci.post("gate/decisions", body, **{"Idempotency-Key": "k1"})
    assert first.json() == second.json()
    assert GateDecision.objects.count() == 1
    other = ci.post(
        "gate/decisions", {**body, "version": "2"}, **{"Idempotency-Key": "k1"}
    )
    assert other.status_code == 422


def test_lists_come_in_pages_with_links(world, caller):
    for number in range(3):
        world.model(f"model-{number}", name=f"Model {number}")
    owner = caller(user="anna")
    first = owner.get("models?limit=2")
    assert [m["slug"] for m in first.json()] == ["model-0", "model-1"]
    link = first.headers["Link"]
    assert link.endswith('rel="next"')
    second = owner.client.get(link.split(">")[0].removeprefix("<"))
    assert [m["slug"] for m in second.json()] == ["model-2"]
    assert owner.get("models?sort=password").status_code == 422
    assert [m["slug"] for m in owner.get("models?q=model 1").json()] == ["model-1"]


def test_a_change_over_another_change_is_refused(world, caller):
    world.model()
    owner = caller(user="anna")
    tag = owner.get("models/mortgage-approval").headers["ETag"]
    changed = owner.patch(
        "models/mortgage-approval", {"products": "Loans"}, **{"If-Match": tag}
    )
    assert (changed.status_code, changed.json()["products"]) == (200, "Loans")
    stale = owner.patch(
        "models/mortgage-approval", {"products": "Cards"}, **{"If-Match": tag}
    )
    assert stale.status_code == 412


def test_the_gate_speaks_text_for_the_log_of_a_pipeline(world, caller):
    world.ready()
    ask = "gate?model=mortgage-approval&version=1&environment=production"
    answer = caller(Role.CI).get(f"{ask}&format=text")
    assert answer.status_code == 403
    lines = answer.content.decode().splitlines()
    assert lines[0].startswith("DENY")
    assert any(line.startswith("FAIL Signed by") for line in lines)
    assert caller(user="ola").get(f"{ask}&format=xml").status_code == 422


def test_the_schema_is_openapi_31_and_names_every_call_of_the_contract(world):
    answer = Client().get("/api/v1/schema?format=json")
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    for path in (
        "models",
        "artifacts",
        "models/{slug}/versions",
        "models/{slug}/versions/{version}/readiness",
        "gate",
        "gate/decisions",
        "permits/revoked",
        "deployments",
        "log/checkpoint",
        "log/proofs/inclusion",
        "dossiers",
    ):
        assert f"/api/v1/{path}" in schema["paths"]


def test_health_and_keys_need_no_token(world):
    assert Client().get("/api/v1/health/live").status_code == 200
    assert Client().get("/api/v1/health/ready").status_code == 200
    keys = Client().get("/.well-known/freigabe/keys.json").json()["keys"]
    assert {key["use"] for key in keys} == {"permit", "checkpoint"}


@pytest.mark.parametrize("path", ["nothing", "models/", "models/a/b/c/d", "gate/x"])
def test_an_unknown_address_is_a_problem_too(world, caller, path):
    for answer in (caller(Role.CI).get(path), caller(Role.CI).post(path, {})):
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == PROBLEM


def test_a_run_needs_neither_parameters_nor_metrics(world, caller):
    world.model()
    answer = caller(user="ben").post(
        "models/mortgage-approval/versions",
        {
            "version": "1",
            "artifacts": [{"sha256": world.artifact().sha256}],
            "run": {"code_commit": "4f1c2a90b7de"},
        },
    )
    assert answer.status_code == 201, answer.content
