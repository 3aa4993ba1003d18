"""Answers on their way: nothing but what holds, until the server says it arrived."""

import subprocess
import sys
from threading import Event

from django.conf import settings
from django.db import transaction

from governance import deployments, forges
from governance.forges import answering, calling
from governance.lifecycle import State as AuthorisationState
from governance.models import ForgeAttempt, ForgeRequest, GateDecision
from tests.governance.forge_world import agreed, ask, good, registered, send, work
from tests.governance.test_gate import approved
from tests.world import NOW, later

State = ForgeRequest.State


def test_what_was_suspended_since_the_decision_does_not_arrive(
    world, outside, make_forge
):
    forge = make_forge()
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


def test_an_old_decision_is_made_again_before_it_is_told(world, outside, make_forge):
    forge = make_forge()
    ask(world, "github")
    send(forge)
    forges.decide_next(by=world.adam, at=NOW)
    assert forges.answer_next(by=world.adam, at=later(minutes=5)) is None
    assert outside.seen == []
    assert work(world, at=later(minutes=5)).allowed
    assert GateDecision.objects.filter(decided_for=forge.user).count() == 2


def test_an_answer_arrived_only_when_the_server_says_so(world, outside, make_forge):
    forge = make_forge()
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


def test_without_a_token_of_the_app_nothing_is_answered(world, outside, make_forge):
    forge = make_forge()
    send(forge)
    odd = ["", "[]", "{}", '{"token": 1}', '{"token": "a\\nb"}', "<html>"]
    for day, said in enumerate(odd):
        outside.says["/app/installations/7/access_tokens"] = (201, said)
        row = work(world, at=later(days=day))
        assert (row.state, outside.answers()) == (State.WAITING, [])
        assert "token" in row.attempts.first().problem


def test_gitlab_has_moved_on(world, outside, make_forge):
    forge = make_forge("gitlab")
    send(forge)
    outside.says["/status_check_responses"] = (409, "{}")
    assert work(world).state == State.GIVEN_UP


WORKER = """
import sys; from datetime import datetime
import django; django.setup()
from governance import access, forges
forges.answer_next(by=access.system_user(), at=datetime.fromisoformat(sys.argv[1]))
"""


def test_a_worker_killed_while_it_answers_leaves_the_answer_to_the_next(
    stage, outside, monkeypatch
):
    approved(stage)
    forge, _secret = registered(stage, "github", outside.url)
    agreed(stage, forge)
    ask(stage, "github")
    send(forge)
    forges.decide_next(by=stage.adam, at=NOW)
    monkeypatch.setenv("FREIGABE_FORGE_ALLOW", "127.0.0.0/8")
    came, over = outside.holds = Event(), Event()
    command = [sys.executable, "-c", WORKER, NOW.isoformat()]
    with subprocess.Popen(command, cwd=settings.BASE_DIR) as child:
        try:
            assert came.wait(100)
            # While the server takes its time, nobody waits for the row.
            with transaction.atomic():
                row = ForgeRequest.objects.select_for_update(nowait=True).get()
        finally:
            child.kill()
    over.set()
    assert row.state == State.WAITING
    assert not ForgeAttempt.objects.exists()
    assert work(stage).state == State.WAITING  # it may still be on its way
    row = work(stage, at=later(minutes=1))
    assert (row.state, row.attempts.count()) == (State.ANSWERED, 1)
    assert [one["state"] for one in outside.answers()] == ["approved"] * 2


def test_what_is_asked_anew_while_an_answer_is_on_its_way_is_judged_anew(
    world, outside, make_forge
):
    forge = make_forge("gitlab")
    send(forge)
    forges.decide_next(by=world.adam, at=NOW)
    claimed = answering.claim_next(by=world.adam, at=NOW)
    ask(world, "gitlab")
    send(forge, at=later(seconds=1))
    attempt = calling.attempt(claimed, at=NOW)
    kept = answering.record(attempt=attempt, by=world.adam, at=NOW)
    assert (kept.state, kept.attempts.count()) == (State.WAITING, 1)
    assert work(world, at=later(seconds=1)).allowed
    assert [one["status"] for one in outside.answers()] == ["failed", "passed"]


def test_who_was_too_slow_to_answer_changes_nothing_for_who_answered(
    world, outside, make_forge
):
    send(make_forge())
    forges.decide_next(by=world.adam, at=NOW)
    slow = answering.claim_next(by=world.adam, at=NOW)
    row = work(world, at=later(minutes=2))
    assert row.state == State.ANSWERED
    failed = ForgeAttempt(
        request=slow, allowed=False, problem="Too late.", attempted_at=NOW
    )
    answering.record(attempt=failed, by=world.adam, at=later(minutes=2))
    row.refresh_from_db()
    assert (row.state, row.attempts.count()) == (State.ANSWERED, 2)
