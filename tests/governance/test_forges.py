"""GitHub, GitLab and Azure DevOps ask; only the gate's yes ever gets there."""

import jsonschema_rs
import jwt
import pytest

from audits.models import Entry
from governance import access, forges, identities
from governance.forges import Place, sealed
from governance.gate import Question
from governance.models import ForgeRequest, TrustRule
from tests.governance import issuer
from tests.governance.doors import schema
from tests.governance.forge_world import (
    KINDS,
    NAME,
    PLACES,
    SHA,
    agreed,
    ask,
    registered,
    send,
    work,
)
from tests.governance.test_gate import approved
from tests.world import LIGHTGBM, NOW, later

State = ForgeRequest.State
SAYS = {
    "github": ("state", "approved", "rejected"),
    "gitlab": ("status", "passed", "failed"),
    "azure-devops": ("result", "succeeded", "failed"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_asked_for_an_approved_version_is_answered_yes(
    world, outside, make_forge, kind
):
    forge = make_forge(kind)
    ask(world, kind)
    send(forge)
    row = work(world)
    assert (row.state, row.allowed) == (State.ANSWERED, True), row.reason
    (answer,) = outside.answers()
    name, yes, _no = SAYS[kind]
    assert answer[name] == yes
    assert row.decision.decided_for == forge.user
    assert row.decision.allowed
    (attempt,) = row.attempts.all()
    assert (attempt.decision, attempt.problem) == (row.decision, "")
    assert work(world, at=later(hours=1)).attempts.count() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_never_asked_is_answered_no_with_what_to_do(
    world, outside, make_forge, kind
):
    send(make_forge(kind))
    row = work(world)
    assert (row.state, row.allowed, row.decision) == (State.ANSWERED, False, None)
    assert "asks the gate" in row.reason
    (answer,) = outside.answers()
    name, _yes, no = SAYS[kind]
    assert answer[name] == no


def test_github_is_answered_as_an_app_in_this_repository_alone(
    world, outside, make_forge
):
    forge = make_forge()
    ask(world, "github")
    send(forge)
    work(world)
    (path, headers, body), (there, shown, answer) = outside.seen
    assert path == "/app/installations/7/access_tokens"
    assert body["repository_ids"] == [456789]
    app = headers["Authorization"].removeprefix("Bearer ")
    public = issuer.rsa_key("app").public_key()
    said = jwt.decode(
        app, public, ["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert said["iss"] == "4711"
    assert 0 < said["exp"] - said["iat"] <= 600
    assert there == f"/repos/{NAME}/actions/runs/99/deployment_protection_rule"
    assert shown["Authorization"] == "Bearer ghs_of_the_app"
    jsonschema_rs.validate(
        schema("github/deployment_protection_rule_callback.derived.schema.json"), answer
    )
    decision = ForgeRequest.objects.get().decision
    assert f"/gate/{decision.pk}/" in answer["comment"]


def test_no_secret_stands_in_the_log(world, outside, make_forge):
    secrets = []
    for kind in KINDS:
        forge = make_forge(kind)
        secrets += [forge.secret, forge.credential, sealed.secret_of(forge)]
        if kind != "azure-devops":
            secrets.append(sealed.credential_of(forge))
        send(forge)
    kept = "".join(Entry.objects.values_list("body", flat=True))
    assert forge.name in kept
    for secret in filter(None, [*secrets, "PRIVATE KEY", "eyJ.of.azure"]):
        assert secret not in kept


def test_the_other_two_are_answered_with_the_numbers_that_they_gave(
    world, outside, make_forge
):
    send(make_forge("gitlab"))
    work(world)
    path, headers, body = outside.seen.pop()
    assert path == "/api/v4/projects/20/merge_requests/3/status_check_responses"
    assert headers["PRIVATE-TOKEN"] == "glpat-0123456789"
    assert body == {"sha": SHA, "external_status_check_id": 11, "status": "failed"}
    row = send(make_forge("azure-devops"))
    work(world)
    path, headers, body = outside.seen.pop()
    ids = row.answer_to
    assert path == (
        f"/{ids['ProjectId']}/_apis/distributedtask/hubs/Build/plans/{ids['PlanId']}"
        "/events?api-version=7.1"
    )
    assert headers["Authorization"] == "Bearer eyJ.of.azure"
    told = schema("fixtures/ci_identity_and_callbacks.json")["azure_devops_post_event"]
    assert set(body) == set(told)
    assert (body["name"], body["taskId"]) == (told["name"], ids["TaskInstanceId"])
    assert ForgeRequest.objects.get(pk=row.pk).token == ""


def test_who_may_not_be_meant_is_answered_no(world, outside, make_forge):
    forge = make_forge()
    ask(world, "github")
    repository = {"id": 456789, "full_name": NAME, "owner": {"id": 1}}
    cases = [
        {"environment": "production"},
        {"repository": repository},
        {"repository": {**repository, "id": 1, "owner": {"id": 123456}}},
        {"deployment": {"sha": "b" * 40}},
    ]
    for number, case in enumerate(cases):
        send(forge, headers={"X-GitHub-Delivery": str(number)}, **case)
        row = work(world)
        assert (row.state, row.allowed) == (State.ANSWERED, False), case
    assert {one["state"] for one in outside.answers()} == {"rejected"}


def test_a_run_that_asked_for_two_versions_is_answered_no(world, outside, make_forge):
    forge = make_forge()
    model = ask(world, "github").version.model
    world.version(model, "2", LIGHTGBM + b"#2")
    ask(world, "github", Question("production", "mortgage-approval", "2"))
    send(forge)
    assert "several versions" in work(world).reason


def test_an_unknown_version_beside_a_known_one_is_a_no(world, make_forge):
    forge = make_forge()
    ask(world, "github")
    ask(world, "github", Question("production", "mortgage-approval", "9"))
    send(forge)
    assert "not registered" in work(world).reason


def test_the_file_that_the_run_named_counts(world, make_forge):
    forge = make_forge()
    wrong = Question("production", "mortgage-approval", "1", digest="f" * 64)
    ask(world, "github", wrong)
    send(forge)
    row = work(world)
    assert not row.allowed
    assert "sha256:ffff" in row.reason


def test_another_run_or_issuer_or_an_ended_rule_does_not_count(world, make_forge):
    forge = make_forge()
    ask(world, "github", run_id="98")
    send(forge)
    assert not work(world).allowed
    ask(world, "github", jti="2")
    rule = TrustRule.objects.get()
    identities.end(rule=rule, reason="Moved.", by=world.rita, at=NOW)
    forges.answer_again(request=ForgeRequest.objects.get(), by=world.adam, at=NOW)
    assert not work(world).allowed


def test_a_pipeline_whose_account_was_deactivated_does_not_count(world, make_forge):
    forge = make_forge()
    asked_for = ask(world, "github").decided_for
    access.deactivate(user=asked_for, by=world.adam, at=NOW)
    send(forge)
    assert "No version is known" in work(world).reason


def test_a_model_outside_of_the_place_is_a_no(world, outside):
    approved(world)
    forge, _secret = registered(world, "github", outside.url)
    base = PLACES["github"]
    agreed(world, forge, Place(**{**vars(base), "models_pattern": "fraud-*"}))
    ask(world, "github")
    send(forge)
    assert "not among the models" in work(world).reason


def test_the_comment_of_a_denial_is_short_and_calls_nobody(world, outside, make_forge):
    forge = make_forge()
    ask(world, "github", Question("production", "mortgage-approval", "1", "e" * 64))
    send(forge)
    row = work(world)
    (answer,) = outside.answers()
    assert len(answer["comment"]) <= 1024
    assert "@" not in answer["comment"]
    assert row.reason.startswith("Denied: mortgage-approval 1")
