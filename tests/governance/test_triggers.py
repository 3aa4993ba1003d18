"""Triggers act once on each cause, and stop what the table says."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from governance import (
    access,
    findings,
    policy,
    publishing,
    registration,
    roles,
    triggers,
)
from governance.gate import Question
from governance.lifecycle import State, state_of
from governance.models import Authorisation, Severity, TriggerEvent
from governance.triggers.acting import Cause, Kind, take
from registry.models import RegisteredModel
from tests.governance.test_emergencies import staged
from tests.governance.test_gate import approved, ask, failing
from tests.governance.test_simulation import granted_of
from tests.governance.test_waivers import granted
from tests.world import EVERYWHERE, NOW, World, later


def run(at=NOW) -> dict[str, list[TriggerEvent]]:
    found: dict[str, list[TriggerEvent]] = {}
    for event in triggers.run(at):
        found.setdefault(event.kind, []).append(event)
    return found


def state() -> State:
    return state_of(Authorisation.objects.get())


def drift(world: World, psi: float, at):
    version = approved(world)
    data = version.evidence_runs.first().dataset_version
    world.measured(version, data, {"drift": [("psi", "dti", psi)]}, at)
    return version


def test_nothing_happens_twice(world):
    approved(world)
    assert Kind.NEW_VERSION in run()
    assert run() == {}


def test_one_cause_is_one_event_also_in_the_database(world):
    event = run_one(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        TriggerEvent.objects.create(
            kind=event.kind,
            key=event.key,
            effect="notice",
            text="Again.",
            seen_at=NOW,
        )


def run_one(world: World) -> TriggerEvent:
    cause = Cause(Kind.NEW_VERSION, "x", "Once.", world.model())
    event = take(cause, by=access.system_user(), at=NOW)
    assert take(cause, by=access.system_user(), at=NOW) is None
    assert event is not None
    return event


def test_another_file_at_the_gate_twice_in_a_day_suspends(world):
    approved(world)
    wrong = Question(
        model="mortgage-approval",
        version="1",
        environment="production",
        digest="a" * 64,
    )
    ask(world, wrong)
    assert len(run()[Kind.DIGEST_MISMATCH]) == 1
    assert state() == State.ACTIVE
    ask_late = later(hours=23)
    ask(world, wrong, at=ask_late)
    run(ask_late)
    assert state() == State.SUSPENDED


def test_two_mismatches_a_day_apart_do_not_suspend(world):
    approved(world)
    wrong = Question(
        model="mortgage-approval",
        version="1",
        environment="production",
        digest="a" * 64,
    )
    for at in (NOW, later(hours=24, seconds=1)):
        ask(world, wrong, at=at)
    run(later(hours=25))
    assert state() == State.ACTIVE


@pytest.mark.parametrize(
    ("psi", "severity", "suspended"),
    [(0.09, None, False), (0.10, "medium", False), (0.25, "high", True)],
)
def test_drift_is_a_finding_when_amber_and_suspends_tier_two_when_red(
    world, psi, severity, suspended
):
    version = drift(world, psi, later(hours=1))
    run(later(hours=2))
    found = [row.severity for row in findings.open_of(version, later(hours=2))]
    assert found == ([severity] if severity else [])
    assert (state() == State.SUSPENDED) is suspended


def test_a_fairness_limit_that_is_crossed_suspends_and_is_a_finding(world):
    version = approved(world)
    data = version.evidence_runs.first().dataset_version
    world.measured(
        version,
        data,
        {
            "fairness": [
                ("demographic_parity_difference", "afam", 0.9),
                ("equal_opportunity_difference", "afam", 0.9),
            ]
        },
        later(hours=1),
    )
    assert Kind.FAIRNESS in run(later(hours=2))
    assert state() == State.SUSPENDED


def test_a_risk_that_rose_suspends_and_the_gate_did_not_wait_for_it(world):
    version = approved(world)
    world.assessed(version.model, 5, 5)
    assert "gate-unchanged" in failing(ask(world))
    assert Kind.RISK_CHANGE in run()
    assert state() == State.SUSPENDED


def test_notices_come_before_an_authorisation_ends(world):
    approved(world)
    end = Authorisation.objects.get().valid_until
    seen = []
    for days in (61, 60, 30, 29, 14, 3, 0):
        seen.append(Kind.APPROVAL_EXPIRY in run(end - timedelta(days=days)))
    assert seen == [False, True, True, False, True, True, True]


def test_an_ended_waiver_is_told_once(world):
    version = staged(world)
    waiver = granted(world, version)
    assert Kind.WAIVER_EXPIRY not in run(waiver.valid_until - timedelta(seconds=1))
    assert Kind.WAIVER_EXPIRY in run(waiver.valid_until)


def test_a_vendors_notice_and_the_end_of_its_support_are_findings(world):
    model = world.model()
    triggers.record_vendor_notice(
        model=model,
        text="Support ends.\nNo updates.",
        support_ends_on=later(days=5).date(),
        by=world.anna,
        at=NOW,
    )
    assert len(run()[Kind.VENDOR]) == 1
    assert len(run(later(days=6))[Kind.VENDOR]) == 1
    assert len(findings.open_of(model, NOW)) == 2


def test_an_owner_who_left_is_a_finding_and_after_14_days_stops_tier_one(world):
    version = world.version(world.model())
    world.measured(version, world.data())
    world.assessed(version.model, 5, 5)
    granted_of(world, version, world.cora)
    roles.end(user=world.anna, role="owner", by=world.adam, at=NOW)
    assert len(run()[Kind.PERSON_LEFT]) == 1
    run(later(days=13))
    assert state() == State.ACTIVE
    run(later(days=14))
    assert state() == State.SUSPENDED


def test_newer_training_data_are_a_finding_of_the_model_that_learned(world):
    learned = world.data()
    version = registration.register_version(
        model=world.model(),
        version="1",
        artifacts=[(world.artifact(), "model")],
        datasets=[(learned, "training")],
        by=world.ben,
        at=NOW,
    )
    world.measured(version, world.data("others"))
    world.assessed(version.model)
    granted_of(world, version)
    assert Kind.UPSTREAM_CHANGE not in run()
    world.data()
    (event,) = run()[Kind.UPSTREAM_CHANGE]
    now = findings.standing(event.finding, NOW)
    assert now.severity == Severity.MEDIUM
    assert Kind.UPSTREAM_CHANGE not in run()


def test_a_new_pack_is_told_of_what_was_granted_before_it(world):
    approved(world)
    assert Kind.POLICY_CHANGE not in run()
    text = publishing.shipped()["startup-light"]
    policy.publish(text=text, by=access.system_user(), at=later(hours=1))
    assert len(run(later(hours=2))[Kind.POLICY_CHANGE]) == 1


def test_evidence_that_fails_suspends_after_14_days_and_not_before(world):
    version = approved(world)
    data = version.evidence_runs.first().dataset_version
    world.measured(
        version, data, {"performance": [("roc_auc", "", 0.1)]}, later(hours=1)
    )
    assert Kind.EVIDENCE_EXPIRY in run(later(days=1))
    run(later(days=14))
    assert state() == State.ACTIVE
    run(later(days=15))
    assert state() == State.SUSPENDED


def test_a_call_acts_on_so_many_causes_and_the_next_goes_on(world, monkeypatch):
    approved(world)
    monkeypatch.setattr(triggers, "MOST", 1)
    world.version(RegisteredModel.objects.get(), "2")
    assert [len(triggers.run(NOW)) for _again in range(3)] == [1, 1, 0]


def test_looking_again_asks_no_more_of_many_failing_versions_than_of_one(world):
    def stale(slug):
        version = world.version(world.model(slug))
        world.measured(version, world.data(), at=later(days=-20))
        world.assessed(version.model)
        granted_of(world, version)

    def queries():
        assert Kind.EVIDENCE_EXPIRY in run(later(days=350))
        with CaptureQueriesContext(connection) as found:
            assert run(later(days=350)) == {}
        return len(found)

    stale("one")
    first = queries()
    for slug in ("two", "three"):
        stale(slug)
    assert queries() == first


def test_a_finding_of_a_trigger_is_no_cause_of_another_finding(world):
    version = world.version(world.model(**EVERYWHERE))
    world.measured(version, world.data())
    world.assessed(version.model)
    granted_of(world, version)
    text = (policy.SHIPPED / "us-mrm.yaml").read_text("utf-8")
    policy.publish(text=text, by=access.system_user(), at=later(minutes=1))
    raised = run(later(hours=1))[Kind.EVIDENCE_EXPIRY]
    assert any(event.finding is not None for event in raised)
    assert run(later(hours=2)) == {}
