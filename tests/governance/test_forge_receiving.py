"""What servers send: only what is proved, only once, only what can be answered."""

import json

import pytest

from governance import forges
from governance.models import ForgeRequest
from tests.governance.doors import schema
from tests.governance.forge_world import (
    KINDS,
    ask,
    message,
    registered,
    send,
    signed,
    work,
)
from tests.world import NOW, later

State = ForgeRequest.State
NOTHING = (
    *(b"", b"[]", b"null", b"[" * 20_000, b"\xff", b'{"action": "requested"}'),
    b'{"a":' + b"9" * 5000 + b"}",
)


def test_nothing_is_taken_from_who_cannot_prove_who_it_is(world, make_forge):
    for kind in KINDS:
        forge = make_forge(kind)
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


def test_a_repeat_is_the_same_question_whatever_it_calls_itself(
    world, outside, make_forge
):
    forge = make_forge()
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


def test_a_merge_request_that_is_checked_again_is_judged_anew(
    world, outside, make_forge
):
    forge = make_forge("gitlab")
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


def test_an_answer_that_cannot_be_tied_is_never_sent(world, outside, make_forge):
    forge = make_forge()
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


def test_the_token_of_azure_goes_to_its_own_server_alone(world, outside, make_forge):
    forge = make_forge("azure-devops")
    ask(world, "azure-devops")
    row = send(forge, headers={"PlanUrl": "https://evil.example/"})
    assert (work(world).state, row.token, outside.seen) == (State.GIVEN_UP, "", [])


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


def test_what_github_sends_is_what_its_schema_has(world, outside, make_forge):
    base = "github/payload-schemas/api.github.com/"
    known = schema(f"{base}deployment_protection_rule/requested.schema.json")
    deployment = schema(f"{base}common/deployment.schema.json")
    _headers, body = message(make_forge())
    said = json.loads(body)
    assert set(said) <= set(known["properties"])
    assert set(said["deployment"]) <= set(deployment["properties"])
    assert said["action"] in known["properties"]["action"]["enum"]
