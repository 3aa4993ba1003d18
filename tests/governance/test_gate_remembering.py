"""What the gate remembers never outlives a change, an expiry or a doubt."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from governance import access, gate, identities, registration, roles, suspensions
from governance.gate import remembering
from governance.lifecycle import State
from governance.models import Authorisation
from registry.acts import acting, through
from registry.models import Role
from tests.governance.issuer import github, token, trusted
from tests.governance.test_gate import ASKED, approved, ask, failing
from tests.world import NOW, World, later, log_verified


@pytest.fixture
def stage(fresh_database, django_db_blocker) -> Iterator[World]:
    """An approved version whose rows are committed, asked for once."""
    with django_db_blocker.unblock():
        log_verified()
        world = World()
        approved(world, valid_until=later(hours=1))
        decision = ask(world)
        assert decision.allowed, failing(decision)
        yield world


def queries_of(work: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        work()
    return [query["sql"] for query in seen.captured_queries]


def reads_of_rules(world: World, at=NOW) -> int:
    seen = queries_of(lambda: ask(world, at=at))
    return sum("governance_riskassessment" in query for query in seen)


def test_the_second_answer_reads_no_rules_and_is_as_whole_as_the_first(stage):
    first = gate.decide(question=ASKED, by=stage.ola, at=later(seconds=1))
    assert reads_of_rules(stage, later(seconds=2)) == 0
    again = ask(stage, at=later(seconds=3))
    assert again.allowed
    assert again.pk != first.pk
    assert [c["requirement"] for c in again.checks] == [
        c["requirement"] for c in first.checks
    ]
    assert again.decided_at == later(seconds=3)
    assert reads_of_rules(stage, later(seconds=1) + remembering.WINDOW) > 0


def test_that_somebody_came_in_changes_nothing_that_is_judged(stage):
    rule = trusted(stage)
    _row, secret = access.issue_token(
        name="jenkins", role=Role.CI, by=access.system_user(), at=NOW
    )
    ask(stage, at=later(seconds=1))
    access.authenticate(secret, at=later(seconds=2))
    came = identities.authenticate(token(github()), at=later(seconds=2))
    assert came == rule.user
    assert reads_of_rules(stage, later(seconds=3)) == 0


def suspend(world: World) -> None:
    suspensions.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )


def assess_anew(world: World) -> None:
    world.assessed(Authorisation.objects.get().version.model, 5, 5)


def change_the_record(world: World) -> None:
    with through("command"), acting(by=world.ola):
        model = Authorisation.objects.get().version.model
        model.purpose = "Something else."
        model.save()


@pytest.mark.parametrize("change", [suspend, assess_anew, change_the_record])
def test_what_changed_is_seen_by_the_next_question(stage, change):
    with transaction.atomic():
        change(stage)
        # The transaction itself already sees what it did.
        assert not ask(stage).allowed
        transaction.set_rollback(True)
    assert ask(stage).allowed
    change(stage)
    assert not ask(stage).allowed


def test_the_time_is_that_of_the_question(stage):
    assert not ask(stage, at=NOW - timedelta(days=1)).allowed
    until = later(hours=1)
    assert ask(stage, at=until - timedelta(seconds=2)).allowed
    assert not ask(stage, at=until).allowed


def test_what_belongs_to_the_question_is_never_remembered(stage):
    registration.register_environment(slug="test", name="Test", by=stage.ola)
    assert ask(stage).allowed
    assert failing(ask(stage, replace(ASKED, digest="a" * 64))) == {"gate-digest"}
    assert "gate-authorisation" in failing(
        ask(stage, replace(ASKED, environment="test"))
    )
    log_verified(later(seconds=1), ok=False)
    assert failing(ask(stage, at=later(seconds=2))) == {"gate-log"}
    roles.end(user=stage.ola, role=Role.OPERATOR, by=stage.adam, at=NOW)
    with pytest.raises(roles.NotAllowed):
        ask(stage)
