"""A newer version that runs supersedes what older ones were authorised for (A6)."""

import functools
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from governance import (
    approvals,
    deployments,
    lifecycle,
    registration,
    retiring,
    suspensions,
    triggers,
)
from governance.conditions import Stated
from governance.lifecycle import State, state_of
from governance.models import (
    Authorisation,
    AuthorisationChange,
    GateDecision,
    Notification,
    Status,
)
from governance.signatures import Proof
from registry.models import Deployment, ModelVersion
from tests.governance.racing import at_once
from tests.governance.test_approvals import sign, submit
from tests.governance.test_emergencies import allow, broken
from tests.governance.test_gate import ASKED, approved, ask, failing
from tests.governance.test_suspensions import change
from tests.world import LIGHTGBM, NOW, PASSWORD, World, later

AT = later(minutes=10)


def second(world: World, first: ModelVersion, number: str = "2") -> ModelVersion:
    """A newer version, measured, not yet submitted."""
    content = LIGHTGBM + f"\n{number}".encode()
    made = registration.register_version(
        model=first.model,
        version=number,
        artifacts=[(world.artifact(content), "model")],
        by=world.ben,
        at=NOW + timedelta(minutes=int(number)),
    )
    world.measured(made, world.data(f"data-{number}"))
    return made


def grant(world: World, version: ModelVersion, **more) -> Authorisation:
    request = submit(world, version)
    sign(request, world.vera, "review")
    approvals.sign(
        request=request,
        meaning="approval",
        proof=Proof(password=PASSWORD),
        by=world.carl,
        at=NOW,
        **more,
    )
    return Authorisation.objects.get(request=request)


def ask_for(world: World, number: str, at=AT) -> GateDecision:
    return ask(world, replace(ASKED, version=number), at=at)


def deploy(world: World, version: ModelVersion, permit_id: str = "", at=AT):
    return deployments.record(
        version=version,
        environment=world.production,
        artifact_sha256=version.version_artifacts.get().artifact.sha256,
        permit_id=permit_id,
        by=world.ola,
        at=at,
    )


def two(world: World) -> tuple[Authorisation, Authorisation]:
    """Two versions of a model, both authorised for production."""
    first = approved(world)
    older = Authorisation.objects.get()
    return older, grant(world, second(world, first))


def state(row: Authorisation) -> State:
    return state_of(Authorisation.objects.get(pk=row.pk))


def test_an_approved_newer_version_ends_nothing_until_it_runs(world):
    older, newer = two(world)
    assert ask_for(world, "1").allowed
    permit = ask_for(world, "2")
    assert state(older) == State.ACTIVE
    assert deploy(world, newer.version, permit.pk).authorised
    assert state(older) == State.SUPERSEDED
    assert state(newer) == State.ACTIVE
    change = older.changes.get()
    assert (change.superseded_by, change.changed_by.username) == (newer, "system")


def test_the_gate_names_the_newer_version_and_old_permits_are_void(world):
    older, newer = two(world)
    before = ask_for(world, "1")
    deploy(world, newer.version, ask_for(world, "2").pk)
    denied = ask_for(world, "1")
    [check] = [c for c in denied.checks if not c["passed"]]
    assert check["requirement"] == "gate-authorisation"
    assert f"superseded by {newer.version}" in check["observed"]
    assert not lifecycle.stands(Authorisation.objects.get(pk=older.pk), at=AT)
    assert not deploy(world, older.version, before.pk).authorised
    assert ask_for(world, "2").allowed


def test_people_are_told_and_the_version_stays_approved(world):
    older, newer = two(world)
    deploy(world, newer.version, ask_for(world, "2").pk)
    told = Notification.objects.filter(announcement__kind="authorisation.changed")
    assert {n.recipient for n in told} >= {world.anna, world.rita, world.ola}
    assert lifecycle.status_of(older.version) == Status.APPROVED


def test_without_a_valid_permit_nothing_is_superseded(world):
    older, newer = two(world)
    assert not deploy(world, newer.version).authorised
    denied = ask(world, replace(ASKED, version="2", digest="0" * 64), at=AT)
    assert not deploy(world, newer.version, denied.pk).authorised
    assert state(older) == State.ACTIVE


def test_an_older_version_supersedes_no_newer_one(world):
    older, newer = two(world)
    assert deploy(world, older.version, ask_for(world, "1").pk).authorised
    assert (state(older), state(newer)) == (State.ACTIVE, State.ACTIVE)


@pytest.mark.parametrize(("percent", "ends"), [(10, False), (100, True)])
def test_a_version_for_a_share_of_the_traffic_leaves_the_rest(world, percent, ends):
    first = approved(world)
    older = Authorisation.objects.get()
    share = Stated("traffic", {"at_most_percent": percent})
    newer = grant(world, second(world, first), stated=[share])
    assert deploy(world, newer.version, ask_for(world, "2").pk).authorised
    assert (state(older) == State.SUPERSEDED) == ends


def test_a_version_under_break_glass_supersedes_nothing(world):
    first = approved(world)
    allow(world)
    newer = second(world, first)
    broken(world, newer)
    permit = ask_for(world, "2")
    assert permit.allowed, failing(permit)
    assert deploy(world, newer, permit.pk).authorised
    assert state(Authorisation.objects.get()) == State.ACTIVE


def test_another_model_and_another_environment_are_left_alone(world):
    older, newer = two(world)
    other = registration.register_environment(slug="uat", name="UAT", by=world.ola)
    request = approvals.submit(
        version=older.version, environment=other, by=world.anna, at=NOW
    )
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    elsewhere = Authorisation.objects.get(environment=other)
    deploy(world, newer.version, ask_for(world, "2").pk)
    assert (state(older), state(elsewhere)) == (State.SUPERSEDED, State.ACTIVE)


def test_a_suspended_one_is_superseded_and_never_reinstated(world):
    older, newer = two(world)
    change(world, older, State.SUSPENDED)
    deploy(world, newer.version, ask_for(world, "2").pk)
    assert state(older) == State.SUPERSEDED
    for to in (State.ACTIVE, State.SUSPENDED):
        with pytest.raises(suspensions.CannotChange):
            change(world, older, to)
    change(world, older, State.REVOKED)
    assert state(older) == State.REVOKED


def test_a_revoked_one_stays_revoked(world):
    older, newer = two(world)
    change(world, older, State.REVOKED)
    deploy(world, newer.version, ask_for(world, "2").pk)
    assert state(older) == State.REVOKED


def test_people_cannot_supersede(world, caller):
    older, _newer = two(world)
    with pytest.raises(suspensions.CannotChange, match="newer version"):
        change(world, older, State.SUPERSEDED)
    answer = caller(user="rita").post(
        "suspensions",
        {"authorisation": str(older.pk), "state": "superseded", "reason": "I say."},
    )
    assert answer.status_code == 422
    assert state(older) == State.ACTIVE


def test_a_superseded_version_is_approved_anew_for_a_way_back(world):
    older, newer = two(world)
    deploy(world, newer.version, ask_for(world, "2").pk)
    again = grant(world, older.version)
    assert ask_for(world, "1").allowed
    assert state(again) == State.ACTIVE


def test_a_superseded_version_can_be_retired(world):
    older, newer = two(world)
    plan = retiring.Plan("Replaced.", later(days=3650).date(), newer.version)
    facts = {"plan": plan, "proof": Proof(password=PASSWORD), "by": world.anna}
    with pytest.raises(retiring.NotPossible):
        retiring.ask(version=older.version, at=AT, **facts)
    deploy(world, newer.version, ask_for(world, "2").pk)
    assert retiring.ask(version=older.version, at=AT, **facts)


def test_nothing_more_is_said_of_the_end_of_a_superseded_one(world):
    older, newer = two(world)
    deploy(world, newer.version, ask_for(world, "2").pk)
    events = triggers.run(older.valid_until)
    about = {e.version for e in events if e.kind == "approval-expiry"}
    assert about == {newer.version}


def test_the_database_keeps_the_link(world):
    older, newer = two(world)
    row = {"authorisation": older, "reason": "x", "changed_by": world.rita}
    for bad in (
        {"state": State.SUPERSEDED},
        {"state": State.REVOKED, "superseded_by": newer},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            AuthorisationChange.objects.create(changed_at=AT, sequence=1, **row, **bad)


def test_two_newer_versions_that_report_at_once_end_the_older_one_once(stage):
    older, newer = two(stage)
    newest = grant(stage, second(stage, older.version, "3"))
    permits = {row: ask_for(stage, row.version.version).pk for row in (newer, newest)}
    came = at_once(
        (),
        *(functools.partial(deploy, stage, r.version, p) for r, p in permits.items()),
    )
    assert len(came) == Deployment.objects.count() == 2
    assert [c.state for c in older.changes.all()] == [State.SUPERSEDED]
    assert (state(newer), state(newest)) == (State.SUPERSEDED, State.ACTIVE)


def test_superseding_and_suspending_at_once_leave_one_history(stage):
    older, newer = two(stage)
    deployed = functools.partial(deploy, stage, newer.version, ask_for(stage, "2").pk)
    at_once(
        (suspensions.CannotChange,),
        deployed,
        functools.partial(change, stage, older, State.SUSPENDED),
    )
    assert state(older) == State.SUPERSEDED
    numbers = sorted(older.changes.values_list("sequence", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
