"""GitHub, GitLab and Azure DevOps ask; only the gate's yes ever gets there."""

import json
from collections.abc import Iterator

import jsonschema_rs
import jwt
import pytest
from django.db import transaction

from audits.models import Entry
from governance import access, deployments, forges, identities
from governance.forges import Place
from governance.gate import Question
from governance.lifecycle import State as AuthorisationState
from governance.models import Forge, ForgeAttempt, ForgeRequest, GateDecision, TrustRule
from governance.records import Refused
from governance.roles import NotAllowed
from governance.signatures import Proof
from tests.governance import issuer
from tests.governance.doors import schema
from tests.governance.forge_jobs import serve
from tests.governance.forge_world import (
    NAME,
    PLACES,
    SHA,
    Outside,
    agreed,
    ask,
    good,
    message,
    registered,
    send,
    signed,
    work,
)
from tests.governance.test_gate import approved
from tests.world import LIGHTGBM, NOW, PASSWORD, later

KINDS = ("github", "gitlab", "azure-devops")
State = ForgeRequest.State


@pytest.fixture
def outside(settings) -> Iterator[Outside]:
    settings.FREIGABE_FORGE_ALLOW = ["127.0.0.0/8"]
    made: list = []
    server = Outside()
    good(server)
    server.url = serve(server, made)
    yield server
    made[0].shutdown()
    made[0].server_close()


@pytest.fixture
def make(world, outside):
    """A server of a kind with its agreed place, and an approved version."""
    approved(world)

    def made(kind: str = "github"):
        forge, _secret = registered(world, kind, outside.url)
        agreed(world, forge)
        return forge

    return made


NOTHING = (
    *(b"", b"[]", b"null", b"[" * 20_000, b"\xff", b'{"action": "requested"}'),
    b'{"a":' + b"9" * 5000 + b"}",
)
SAYS = {
    "github": ("state", "approved", "rejected"),
    "gitlab": ("status", "passed", "failed"),
    "azure-devops": ("result", "succeeded", "failed"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_asked_for_an_approved_version_is_answered_yes(
    world, outside, make, kind
):
    forge = make(kind)
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
    world, outside, make, kind
):
    send(make(kind))
    row = work(world)
    assert (row.state, row.allowed, row.decision) == (State.ANSWERED, False, None)
    assert "asks the gate" in row.reason
    (answer,) = outside.answers()
    name, _yes, no = SAYS[kind]
    assert answer[name] == no


def test_github_is_answered_as_an_app_in_this_repository_alone(world, outside, make):
    forge = make()
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


def test_what_github_sends_is_what_its_schema_has(world, outside, make):
    base = "github/payload-schemas/api.github.com/"
    known = schema(f"{base}deployment_protection_rule/requested.schema.json")
    deployment = schema(f"{base}common/deployment.schema.json")
    _headers, body = message(make())
    said = json.loads(body)
    assert set(said) <= set(known["properties"])
    assert set(said["deployment"]) <= set(deployment["properties"])
    assert said["action"] in known["properties"]["action"]["enum"]


def test_no_secret_stands_in_the_log(world, outside, make):
    secrets = []
    for kind in KINDS:
        forge = make(kind)
        secrets += [forge.secret, forge.credential]
        send(forge)
    kept = "".join(Entry.objects.values_list("body", flat=True))
    assert forge.name in kept
    for secret in filter(None, [*secrets, "PRIVATE KEY", "eyJ.of.azure"]):
        assert secret not in kept


def test_the_other_two_are_answered_with_the_numbers_that_they_gave(
    world, outside, make
):
    send(make("gitlab"))
    work(world)
    path, headers, body = outside.seen.pop()
    assert path == "/api/v4/projects/20/merge_requests/3/status_check_responses"
    assert headers["PRIVATE-TOKEN"] == "glpat-0123456789"
    assert body == {"sha": SHA, "external_status_check_id": 11, "status": "failed"}
    row = send(make("azure-devops"))
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


def test_nothing_is_taken_from_who_cannot_prove_who_it_is(world, make):
    for kind in KINDS:
        forge = make(kind)
        headers, body = message(forge)
        proof = next(iter(headers))
        for wrong in (
            "",
            headers[proof][:-1] + "\u00e9",
            headers[proof][:-1],
            "sha256=",
        ):
            with pytest.raises(forges.NotGenuine):
                forges.receive(
                    forge=forge,
                    headers={**headers, proof: wrong},
                    body=body,
                    by=forge.user,
                    at=NOW,
                )
        if kind != "azure-devops":
            with pytest.raises(forges.NotGenuine):
                forges.receive(
                    forge=forge,
                    headers=headers,
                    body=body + b" ",
                    by=forge.user,
                    at=NOW,
                )
    with pytest.raises(forges.NotGenuine):
        forges.find("unknown")
    assert not ForgeRequest.objects.exists()


def test_a_repeat_is_the_same_question_whatever_it_calls_itself(world, outside, make):
    forge = make()
    first = send(forge)
    work(world)
    assert send(forge, at=later(minutes=1)) == first
    renamed = send(forge, headers={"X-GitHub-Delivery": "another"})
    assert renamed == first
    work(world, at=later(minutes=1))
    assert len(outside.answers()) == 1
    with pytest.raises(forges.Contradicted):
        send(forge, environment="Staging")
    assert ForgeRequest.objects.count() == 1


def test_a_merge_request_that_is_checked_again_is_judged_anew(world, outside, make):
    forge = make("gitlab")
    row = send(forge)
    work(world)
    ask(world, "gitlab")
    assert send(forge, at=later(minutes=1)) == row
    assert work(world, at=later(minutes=1)).allowed
    assert [one["status"] for one in outside.answers()] == ["failed", "passed"]


ELSEWHERE = [
    "https://evil.example/repos/octo-org/octo-repo/actions/runs/99{1}",
    "{0}.evil.example/repos/octo-org/octo-repo/actions/runs/99{1}",
    "{0}/repos/octo-org/other/actions/runs/99{1}",
    "{0}/repos/octo-org/octo-repo/actions/runs/99/../98{1}",
    "{0}/repos/octo-org/octo-repo/actions/runs/\u0669{1}",
    "{0}/repos/octo-org/octo-repo/actions/runs/99{1}?x",
]


def test_an_answer_that_cannot_be_tied_is_never_sent(world, outside, make):
    forge = make()
    ask(world, "github")
    for number, url in enumerate(ELSEWHERE):
        row = send(
            forge,
            headers={"X-GitHub-Delivery": str(number)},
            deployment_callback_url=url.format(
                outside.url, "/deployment_protection_rule"
            ),
        )
        work(world)
        row.refresh_from_db()
        assert (row.state, row.decision, outside.seen) == (State.GIVEN_UP, None, [])
        assert "address" in row.reason
        with pytest.raises(forges.CannotAnswer):
            forges.answer_again(request=row, by=world.adam, at=NOW)


def test_the_token_of_azure_goes_to_its_own_server_alone(world, outside, make):
    forge = make("azure-devops")
    ask(world, "azure-devops")
    row = send(forge, headers={"PlanUrl": "https://evil.example/"})
    assert (work(world).state, row.token, outside.seen) == (State.GIVEN_UP, "", [])


def test_who_may_not_be_meant_is_answered_no(world, outside, make):
    forge = make()
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


def test_a_run_that_asked_for_two_versions_is_answered_no(world, outside, make):
    forge = make()
    model = ask(world, "github").version.model
    world.version(model, "2", LIGHTGBM + b"#2")
    ask(world, "github", Question("production", "mortgage-approval", "2"))
    send(forge)
    assert "several versions" in work(world).reason


def test_an_unknown_version_beside_a_known_one_is_a_no(world, make):
    forge = make()
    ask(world, "github")
    ask(world, "github", Question("production", "mortgage-approval", "9"))
    send(forge)
    assert "not registered" in work(world).reason


def test_the_file_that_the_run_named_counts(world, make):
    forge = make()
    wrong = Question("production", "mortgage-approval", "1", digest="f" * 64)
    ask(world, "github", wrong)
    send(forge)
    row = work(world)
    assert not row.allowed
    assert "sha256:ffff" in row.reason


def test_another_run_or_issuer_or_an_ended_rule_does_not_count(world, make):
    forge = make()
    ask(world, "github", run_id="98")
    send(forge)
    assert not work(world).allowed
    ask(world, "github", jti="2")
    rule = TrustRule.objects.get()
    identities.end(rule=rule, reason="Moved.", by=world.rita, at=NOW)
    forges.answer_again(request=ForgeRequest.objects.get(), by=world.adam, at=NOW)
    assert not work(world).allowed


def test_a_pipeline_whose_account_was_deactivated_does_not_count(world, make):
    forge = make()
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


def test_what_was_suspended_since_the_decision_does_not_arrive(world, outside, make):
    forge = make()
    decision = ask(world, "github")
    send(forge)
    assert forges.decide_next(by=world.adam, at=NOW).allowed
    deployments.change_authorisation(
        authorisation=decision.authorisation,
        to=AuthorisationState.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    row = work(world)
    assert (row.allowed, row.state) == (False, State.ANSWERED)
    assert [one["state"] for one in outside.answers()] == ["rejected"]


def test_an_old_decision_is_made_again_before_it_is_told(world, outside, make):
    forge = make()
    ask(world, "github")
    send(forge)
    forges.decide_next(by=world.adam, at=NOW)
    assert forges.answer_next(by=world.adam, at=later(minutes=5)) is None
    assert outside.seen == []
    assert work(world, at=later(minutes=5)).allowed
    assert GateDecision.objects.filter(decided_for=forge.user).count() == 2


def test_an_answer_arrived_only_when_the_server_says_so(world, outside, make):
    forge = make()
    send(forge)
    odd = [(200, "<html>log in"), (302, ""), (401, ""), (422, "{}"), (500, "")]
    for day, said in enumerate([*odd, *odd, *odd]):
        outside.says["/deployment_protection_rule"] = said
        row = work(world, at=later(days=day))
        assert row.state == (State.WAITING if day < 7 else State.GIVEN_UP)
        assert row.attempts.first().problem
    assert row.attempts.count() == 8
    good(outside)
    forges.answer_again(request=row, by=world.adam, at=later(days=30))
    assert work(world, at=later(days=30)).state == State.ANSWERED


def test_without_a_token_of_the_app_nothing_is_answered(world, outside, make):
    forge = make()
    send(forge)
    odd = ["", "[]", "{}", '{"token": 1}', '{"token": "a\\nb"}', "<html>"]
    for day, said in enumerate(odd):
        outside.says["/app/installations/7/access_tokens"] = (201, said)
        row = work(world, at=later(days=day))
        assert (row.state, outside.answers()) == (State.WAITING, [])
        assert "token" in row.attempts.first().problem


def test_gitlab_has_moved_on(world, outside, make):
    forge = make("gitlab")
    send(forge)
    outside.says["/status_check_responses"] = (409, "{}")
    assert work(world).state == State.GIVEN_UP


def test_what_a_worker_did_not_commit_is_answered_once_more(world, outside, make):
    forge = make()
    ask(world, "github")
    send(forge)
    forges.decide_next(by=world.adam, at=NOW)
    with pytest.raises(KeyboardInterrupt):
        _killed(world)
    assert not ForgeAttempt.objects.exists()
    row = work(world)
    assert (row.state, row.attempts.count()) == (State.ANSWERED, 1)
    assert [one["state"] for one in outside.answers()] == ["approved"] * 2


def _killed(world) -> None:
    """Answer, and lose the process before the commit."""
    with transaction.atomic():
        forges.answer_next(by=world.adam, at=NOW)
        raise KeyboardInterrupt


def test_two_hands_make_a_place_and_one_ends_it(world, outside, make):
    forge = make()
    with pytest.raises(forges.WrongState):
        agreed(world, forge)  # the numbers mean something already
    row = forges.read().exclude(confirmation=None).get()
    forges.end_place(place=row, reason="Moved.", by=world.rita, at=NOW)
    agreed(world, forge)
    ask(world, "github")
    send(forge)
    forges.end(forge=forge, reason="Moved.", by=world.adam, at=NOW)
    assert work(world).state == State.GIVEN_UP
    assert outside.seen == []
    with pytest.raises(forges.NotGenuine):
        forges.find(forge.name)
    with pytest.raises(forges.WrongState):
        forges.end(forge=forge, reason="Moved.", by=world.adam, at=NOW)


def test_nobody_agrees_alone_and_no_machine_agrees(world, outside):
    forge, _secret = registered(world, "github", outside.url)
    row = forges.propose(forge=forge, place=PLACES["github"], by=world.adam, at=NOW)
    proof = Proof(password=PASSWORD)
    for by in (world.adam, world.ben, forge.user):
        with pytest.raises(NotAllowed):
            forges.confirm(place=row, proof=proof, by=by, at=NOW)
    with pytest.raises(NotAllowed):
        forges.propose(forge=forge, place=PLACES["github"], by=world.rita, at=NOW)
    approved(world)
    ask(world, "github")
    send(forge)
    assert "Nobody agreed" in work(world).reason


def test_a_server_that_could_not_be_answered_is_refused(world, outside):
    for kind, field, value in [
        ("github", "address", "https://user@api.github.com"),
        ("github", "address", "http://169.254.169.254"),
        ("github", "address", "ftp://api.github.com"),
        ("github", "issuer", "http://x"),
        ("github", "app_id", ""),
        ("github", "app_id", "x"),
        ("github", "credential", "not a key"),
        ("gitlab", "credential", "a\r\nX: y"),
        ("gitlab", "credential", ""),
        ("azure-devops", "credential", "a-token-of-ours"),
        ("github", "name", "Not A Slug"),
    ]:
        with pytest.raises(Refused) as refusal:
            registered(world, kind, **{"address": outside.url, field: value})
        assert field in refusal.value.errors
    assert not Forge.objects.exists()


def test_a_message_that_says_nothing_is_refused_whole(world, outside):
    for kind in KINDS:
        forge, _secret = registered(world, kind, outside.url)
        headers, _body = message(forge)
        fresh = dict(list(headers.items())[1:])
        for body in NOTHING:
            if kind == "gitlab" and body.startswith(b'{"action'):
                continue
            with pytest.raises(forges.NotUnderstood):
                forges.receive(
                    forge=forge,
                    headers=signed(forge, fresh, body),
                    body=body,
                    by=forge.user,
                    at=NOW,
                )
    assert not ForgeRequest.objects.exists()


def test_the_comment_of_a_denial_is_short_and_calls_nobody(world, outside, make):
    forge = make()
    ask(world, "github", Question("production", "mortgage-approval", "1", "e" * 64))
    send(forge)
    row = work(world)
    (answer,) = outside.answers()
    assert len(answer["comment"]) <= 1024
    assert "@" not in answer["comment"]
    assert row.reason.startswith("Denied: mortgage-approval 1")
