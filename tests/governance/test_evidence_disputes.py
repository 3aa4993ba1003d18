"""Whose question counts, who may stop it, and what a dishonest developer cannot do."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audits import claims, execution
from audits.evidence import latest_reports, report_of
from audits.models import EvidenceReport, EvidenceRun
from governance import access, evidence, registration, roles
from registry.models import DatasetVersion, ModelVersion, Role
from tests.governance.test_evidence_runs import ask, ended
from tests.world import NOW, World, later

GOOD = {"performance": [("roc_auc", "", 0.99)]}
BAD = {"performance": [("roc_auc", "", 0.51)]}


def with_test_data(world: World, data: DatasetVersion) -> ModelVersion:
    """A version that Ben registered with its test data."""
    return registration.register_version(
        model=world.model(),
        version="1",
        artifacts=[(world.artifact(), "model")],
        datasets=[(data, "test")],
        by=world.ben,
        at=NOW,
    )


def judged(version: ModelVersion) -> float:
    """The AUC that decisions judge."""
    return latest_reports(version)["performance"].measurements.get().value


def test_a_developer_stops_no_question_of_the_validator(world):
    version, data = world.version(world.model()), world.data()
    run = ask(world, version, data)
    with pytest.raises(roles.NotAllowed, match="cancel evidence"):
        evidence.cancel_run(run=run, by=world.ben, at=NOW)
    run.refresh_from_db()
    assert run.state == "pending"
    own = ask(world, version, data, by=world.ben, kind="performance")
    evidence.cancel_run(run=own, by=world.vera, at=NOW)
    assert own.cancelled_by == world.vera


def test_only_who_may_cancel_sees_the_button(world, client):
    run = ask(world, world.version(world.model()), world.data())
    for name, seen in (("ben", False), ("ines", False), ("vera", True)):
        client.force_login(world.people[name])
        body = client.get(f"/evidence/{run.pk}/").content.decode()
        assert (f"/evidence/{run.pk}/cancel" in body) is seen, name


def test_the_same_question_of_two_people_is_two_runs_and_measured_once(world):
    version, data = world.version(world.model()), world.data()
    now = timezone.now()
    early = ask(world, version, data, by=world.ben, at=now, priority=0)
    asked = ask(world, version, data, at=now + timedelta(milliseconds=1))
    assert asked != early
    assert ask(world, version, data, at=now) == asked
    assert ended(asked).state == "finished", asked.failure
    early.refresh_from_db()
    assert early.answered_by == asked, "the more urgent one was measured"
    assert EvidenceReport.objects.count() == 1
    assert list(latest_reports(version)) == ["fairness"]
    assert report_of(early) == report_of(asked)


def test_the_validators_question_outlives_that_of_the_developer(world):
    version, data = world.version(world.model()), world.data()
    early = ask(world, version, data, by=world.ben)
    asked = ask(world, version, data)
    evidence.cancel_run(run=early, by=world.ben, at=NOW)
    asked.refresh_from_db()
    assert asked.state == "pending"
    assert asked in claims.waiting(timezone.now())


def test_a_question_waits_while_it_is_measured_for_somebody_else(world):
    version, data = world.version(world.model()), world.data()
    first, second = ask(world, version, data, by=world.ben), ask(world, version, data)
    EvidenceRun.objects.filter(pk=first.pk).update(state="running")
    assert claims.waiting(timezone.now()) == [first]
    EvidenceRun.objects.filter(pk=first.pk).update(state="failed")
    assert claims.waiting(timezone.now()) == [second]


def test_an_open_question_can_be_hurried_and_is_never_slowed(world):
    version, data = world.version(world.model()), world.data()
    run = ask(world, version, data)
    assert ask(world, version, data, priority=2) == run
    assert ask(world, version, data, priority=0) == run
    run.refresh_from_db()
    assert run.priority == 2


def test_what_a_developer_measures_later_does_not_replace_what_the_validator_saw(world):
    data = world.data()
    version = with_test_data(world, data)
    world.measured(version, data, GOOD, by=world.ben)
    assert judged(version) == 0.99
    world.measured(version, world.data("harder"), BAD, at=later(hours=1))
    world.measured(version, data, GOOD, by=world.ben, at=later(hours=2))
    assert judged(version) == 0.51


def test_what_the_validator_asked_last_counts_also_when_the_store_answered(world):
    version, data = world.version(world.model()), world.data()
    world.measured(version, data, GOOD)
    world.measured(version, world.data("harder"), BAD, at=later(hours=1))
    assert judged(version) == 0.51
    first = EvidenceRun.objects.get(ended_at=NOW)
    EvidenceRun.objects.create(
        version=version,
        kind=first.kind,
        dataset_version=data,
        requested_by=world.vera,
        requested_at=later(hours=2),
        state="finished",
        answered_by=first,
        ended_at=later(hours=2),
    )
    assert judged(version) == 0.99
    until = latest_reports(version, until=later(hours=1))
    assert until["performance"].measurements.get().value == 0.51


@pytest.mark.parametrize("held", ["before", "afterwards", "while building"])
def test_who_asks_must_be_second_line_then_and_have_no_hand_in_the_version(world, held):
    version, data = world.version(world.model()), world.data()
    role = {"user": world.ben, "role": Role.VALIDATOR, "by": access.system_user()}
    if held == "afterwards":
        roles.grant(**role, at=later(hours=1))
    else:
        roles.grant(**role, at=NOW)
    if held == "before":
        roles.end(**role, at=later(seconds=1))
    # In the other cases Ben has no hand in it: Ola developed it.
    if held != "while building":
        version.model.developer = version.developer = world.ola
        version.registered_by = world.ola
    world.measured(version, data, GOOD, by=world.ben, at=later(seconds=2))
    assert latest_reports(version) == {}


def test_a_validator_who_left_later_vouched_for_what_was_asked_then(world):
    version, data = world.version(world.model()), world.data()
    world.measured(version, data, GOOD)
    roles.end(
        user=world.vera,
        role=Role.VALIDATOR,
        by=access.system_user(),
        at=later(hours=1),
    )
    assert judged(version) == 0.99


def test_what_counts_is_found_in_few_queries_however_much_was_asked(world):
    version, data = world.version(world.model()), world.data()
    for _ in range(3):
        world.measured(version, data)
    with CaptureQueriesContext(
        connection,
    ) as few:
        found = latest_reports(version)
        numbers = {k: list(one.measurements.all()) for k, one in found.items()}
    assert sorted(numbers) == ["explainability", "fairness", "performance"]
    assert len(few) == 3
    assert not any('"document"' in query["sql"] for query in few)


def test_a_run_that_is_cancelled_while_it_is_claimed_stays_cancelled(world):
    version, data = world.version(world.model()), world.data()
    run = ask(world, version, data)
    cancelled = []

    def cancel_in_between(execute, statement, parameters, many, context):
        if "audits_evidencepart" in statement and "LIMIT 1" in statement:
            cancelled.append(run)
            evidence.cancel_run(run=run, by=world.vera, at=NOW)
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(cancel_in_between):
        execution.execute_next()
    assert cancelled == [run]
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("cancelled", 0)
    assert not EvidenceReport.objects.exists()


def test_a_large_run_that_is_cancelled_while_it_is_cut_has_no_parts(world, settings):
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    run = ask(world, world.version(world.model()), world.data())

    def cancel_in_between(execute, statement, parameters, many, context):
        if "audits_evidencepart" in statement and "LIMIT 1" in statement:
            evidence.cancel_run(run=run, by=world.vera, at=NOW)
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(cancel_in_between):
        execution.execute_next()
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not run.parts.exists()


def test_an_urgent_run_goes_before_the_parts_of_another(world, settings):
    version, data = world.version(world.model()), world.data()
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    large = ask(world, version, data)
    assert execution.execute_next() == 3
    urgent = ask(
        world, version, data, kind="explainability", priority=2, at=later(days=1)
    )
    work = claims.waiting(timezone.now())
    assert work[0] == urgent
    assert work[1:] == list(large.parts.order_by("number"))


def test_a_question_from_before_an_upgrade_is_answered_by_what_is_installed(world):
    version, data = world.version(world.model()), world.data()
    run = ask(world, version, data)
    EvidenceRun.objects.filter(pk=run.pk).update(question_sha256="0" * 64)
    run = ended(run)
    assert json.loads(run.report.document)["question_sha256"] == run.question_sha256
    assert ask(world, version, data, by=world.ben).answered_by == run
